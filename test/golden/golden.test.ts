// Every golden case (case.ts says what one is) in every way the promise "same readings, same answer" speaks of.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { caseNames, expectedPath, readCase, type GoldenCase, type Step } from './case.ts';
import { commitLines, ledgerLine, linesOf } from './lines.ts';
import {
  committedOften,
  concluded,
  finalPanes,
  isWithinBounds,
  play,
  playWithRestarts,
  reordered,
  replay,
  type Saved,
} from './play.ts';

const orders = 20;

const cases = caseNames().map(readCase);

// As text of its own: of a field, the name of a test shows the beginning only.
const titled = cases.map((golden): [string, GoldenCase] => [`${golden.name}: ${golden.title}`, golden]);

describe.each(titled)('%s', (_, { name, plan, steps }) => {
  test('what comes out is what is expected', () => {
    const expected = readFileSync(expectedPath(name), 'utf8').trimEnd().split('\n');
    expect(linesOf(play(plan, steps))).toStrictEqual(expected);
  });

  test('every reading that is not lost is reported once, and in one final pane', () => {
    const played = play(plan, steps);
    const { taken, open, lost } = played.books;
    const panes = played.commits.flatMap((commit) => commit.panes);
    const fresh = panes.reduce((sum, pane) => sum + pane.fresh, 0);
    const accounted = [...finalPanes(played).values()].reduce((sum, pane) => sum + pane.accounted, 0);
    const lostTotal = Object.values(lost).reduce((sum, count) => sum + count, 0);
    expect(fresh).toBe(taken - lostTotal - open);
    expect(accounted).toBe(fresh);
  });

  test('a restart after every commit changes nothing', () => {
    expect(linesOf(playWithRestarts(plan, steps))).toStrictEqual(linesOf(play(plan, steps)));
  });

  test('a restart after every single reading changes nothing', () => {
    const often = committedOften(steps);
    expect(linesOf(playWithRestarts(plan, often))).toStrictEqual(linesOf(play(plan, often)));
  });

  test('recovery from any checkpoint and the journal behind it gives the same again', () => {
    for (const way of [steps, committedOften(steps)]) {
      const saved: Saved[] = [];
      const { commits, books } = play(plan, way, saved);
      for (const from of [0, ...saved.keys()]) {
        const journaled = commits.filter((_, index) => index >= from && saved[index]?.block !== undefined);
        expect(linesOf(replay(plan, saved, from))).toStrictEqual([
          ...journaled.flatMap(commitLines),
          ledgerLine(books),
        ]);
      }
    }
  });
});

test.each(titled.filter(([, { orderMatters }]) => orderMatters === undefined))(
  'any other order within the bounds gives the same final panes; %s',
  (_, golden) => {
    const { plan, steps } = golden;
    const straight = outcome(golden, steps);
    expect(outcome(golden, committedOften(steps))).toStrictEqual(straight);
    const others = new Set<string>();
    for (let seed = 0; seed < orders; seed++) {
      const other = reordered(steps, seed, (candidate) => isWithinBounds(plan, candidate));
      others.add(JSON.stringify(other));
      expect(outcome(golden, other), `seed ${seed}`).toStrictEqual(straight);
    }
    expect(others.size).toBeGreaterThan(1);
  },
);

const unordered = cases.flatMap((golden): [string, GoldenCase][] =>
  golden.orderMatters === undefined ? [] : [[`${golden.name}: ${golden.orderMatters}`, golden]],
);

test.each(unordered)('order matters in %s', (_, golden) => {
  const straight = outcome(golden, golden.steps);
  const others = Array.from({ length: orders }, (_, seed) => reordered(golden.steps, seed, () => true));
  expect(others.map((other) => outcome(golden, other))).not.toStrictEqual(others.map(() => straight));
});

/** What of a case may not depend on when which reading came. */
function outcome({ plan }: GoldenCase, steps: readonly Step[]): unknown {
  const played = play(plan, concluded(steps));
  const panes = [...finalPanes(played)].map(([key, { end, count, accounted, values }]): [string, unknown] => [
    key,
    { end, count, accounted, values },
  ]);
  return {
    panes: panes.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    transitions: played.commits.flatMap(({ transitions }) => transitions),
    ledger: ledgerLine(played.books),
  };
}
