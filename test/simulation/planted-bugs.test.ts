import { describe, expect, it } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';
import { simulate } from './simulation.ts';

const seeds = 1000;

/** @returns the first seed whose run goes wrong, and what is wrong with it */
async function firstFailure(bug: string): Promise<string | undefined> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations } = await simulate({ seed, hooks: plantedBugs[bug] ?? {} });
    if (violations.length > 0) return `seed ${seed}: ${violations[0]}`;
  }
  return undefined;
}

describe('the simulation finds', () => {
  it.each(Object.keys(plantedBugs))(
    '%s',
    async (bug) => {
      expect(await firstFailure(bug)).toBeDefined();
    },
    600_000,
  );
});
