import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pane, retraction } from '../testing/fixtures.ts';
import { stepsOf, type Placed } from './retractions.ts';
import type { GatewayPane } from './store.ts';

const word = fc.record({ index: fc.nat(2), device: fc.constantFrom('press', 'oven'), retracted: fc.boolean() });
const batch = fc.array(word, { maxLength: 12 }).map((words) =>
  words.map(({ index, device, retracted }, revision): GatewayPane => {
    const written = pane({ index, device, revision });
    return { gateway: 'line-3', pane: retracted ? retraction(written) : written };
  }),
);

/** The revision that is left of each pane when these are worked off in this order. */
function leftOf(rows: readonly GatewayPane[]): Map<string, number> {
  const left = new Map<string, number>();
  for (const { pane } of rows) {
    const key = `${pane.series.device} ${pane.start}`;
    if (pane.retracted) left.delete(key);
    else left.set(key, pane.revision);
  }
  return left;
}

test('the steps leave what the batch in its own order leaves', () => {
  fc.assert(
    fc.property(batch, (rows) => {
      const { before, deleted, after } = stepsOf(rows);
      const stepwise = [...before, ...deleted, ...after].map(({ row }) => row);
      expect(leftOf(stepwise)).toEqual(leftOf(rows));
    }),
  );
});

test('every pane is written once, none is written that is a retraction, and each says its place', () => {
  fc.assert(
    fc.property(batch, (rows) => {
      const { before, deleted, after } = stepsOf(rows);
      const written = [...before, ...after].toSorted((a, b) => a.index - b.index);
      const isPlaced = ({ index, row }: Placed): boolean => rows[index] === row;
      expect([...written, ...deleted].every(isPlaced)).toBe(true);
      expect(written.map(({ row }) => row)).toEqual(rows.filter(({ pane }) => !pane.retracted));
      expect(deleted.every(({ row }) => row.pane.retracted)).toBe(true);
    }),
  );
});

test('without a retraction everything is written in one step', () => {
  const rows = [0, 1, 0].map((index) => ({ gateway: 'line-3', pane: pane({ index }) }));
  expect(stepsOf(rows)).toMatchObject({ before: [], deleted: [], after: [{ index: 0 }, { index: 1 }, { index: 2 }] });
});
