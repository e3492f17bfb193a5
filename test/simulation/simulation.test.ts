import { describe, expect, it } from 'vitest';
import { simulate } from './simulation.ts';

const seeds = 300;
const together = 20;

describe('the simulation', () => {
  const groups = Array.from({ length: seeds / together }, (_, index) => 1 + index * together);
  it.each(groups)(
    `keeps every promise through ${together} runs from seed %i on`,
    async (from) => {
      for (let seed = from; seed < from + together; seed++) {
        const { violations } = await simulate({ seed });
        expect(violations, `again with: npm run sim -- --seed ${seed} --trace`).toEqual([]);
      }
    },
    300_000,
  );

  it('is the same whenever it is repeated', async () => {
    const run = async (): Promise<string[]> => {
      const lines: string[] = [];
      await simulate({ seed: 7, trace: (line) => lines.push(line) });
      return lines;
    };
    const first = await run();
    expect(first.length).toBeGreaterThan(100);
    expect(await run()).toEqual(first);
  });
});
