// Weir's windows fire as those of flink-model.ts do, element by element, whatever comes. What Weir refuses (it judges a
// reading by its own time, Flink by its windows) Flink does not get to see; what Weir takes Flink must not drop.

import fc from 'fast-check';
import { readingOf } from '@weir/shared/testing/plans.ts';
import type { WindowShape } from '@weir/shared/model/pane.ts';
import { expect, test } from 'vitest';
import { FlinkWindows } from './flink-model.ts';
import { hopping, pipelineOf, session, tumbling } from './flink-row.ts';

const length = fc.integer({ min: 1, max: 30 });

const kinds: readonly [string, fc.Arbitrary<WindowShape>][] = [
  ['tumbling', length.map(tumbling)],
  ['sliding', fc.tuple(length, length).map(([a, b]) => hopping(Math.max(a, b), Math.min(a, b)))],
  ['session', length.map(session)],
];

test.each(kinds)('%s windows fire when Flink says, with the elements Flink says', (_, shapes) => {
  const seen = { late: 0, refused: 0 };
  const behind = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 10, maxLength: 50 });
  const times = behind.map((all) => all.map((ms, index) => index * 5 - 60 - ms));
  const ms = fc.integer({ min: 0, max: 40 });
  fc.assert(
    fc.property(shapes, ms, ms, times, (shape, boundMs, latenessMs, times) => {
      const pipeline = pipelineOf({ shape, signal: { disorderMs: boundMs, latenessMs } });
      const flink = new FlinkWindows({ shape, boundMs, latenessMs });
      let greatest = -Infinity;
      for (const time of times) {
        const isRefused = pipeline.ingest(readingOf(pipeline, time, time), 0) !== undefined;
        expect(isRefused).toBe(time < greatest - boundMs - latenessMs);
        greatest = Math.max(greatest, time);
        const panes = pipeline.drain().panes.filter(({ retracted }) => !retracted);
        seen.late += panes.filter(({ timing }) => timing === 'late').length;
        seen.refused += Number(isRefused);
        const fired = isRefused ? [] : flink.element(time);
        expect(
          panes.map(({ start, end, count, values }) => [start, end, count, values[0]]).toSorted(byStart),
        ).toStrictEqual(
          fired
            ?.map(({ start, end, elements }) => [
              start,
              end,
              elements.length,
              elements.reduce((sum, at) => sum + at, 0),
            ])
            .toSorted(byStart),
        );
      }
    }),
    { numRuns: 500 },
  );
  expect(seen.late).toBeGreaterThan(30);
  expect(seen.refused).toBeGreaterThan(30);
});

function byStart([a = NaN]: readonly unknown[], [b = NaN]: readonly unknown[]): number {
  return Number(a) - Number(b);
}
