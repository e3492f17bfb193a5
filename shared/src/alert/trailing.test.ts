import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Trailing, trailingStatistics, type TrailingStatistic } from './trailing.ts';

const minute = 60_000;

/** The same, computed from all readings. */
function expected(
  statistic: TrailingStatistic,
  readings: readonly (readonly [number, number])[],
  lengthMs: number,
): number {
  const step = lengthMs / 60;
  const now = readings.at(-1)?.[0] ?? NaN;
  if (now - (readings[0]?.[0] ?? NaN) < lengthMs - step) return NaN;
  const oldest = Math.floor(now / step) - 59;
  const inside = readings.filter(([time]) => Math.floor(time / step) >= oldest);
  const values = inside.map(([, value]) => value);
  const sum = values.reduce((a, b) => a + b, 0);
  const mean = sum / values.length;
  const [first = [NaN, NaN], last = [NaN, NaN]] = [inside[0], inside.at(-1)];
  switch (statistic) {
    case 'count':
      return values.length;
    case 'sum':
      return sum;
    case 'mean':
      return mean;
    case 'min':
      return Math.min(...values);
    case 'max':
      return Math.max(...values);
    case 'range':
      return Math.max(...values) - Math.min(...values);
    case 'stddev':
      return Math.sqrt(values.reduce((all, value) => all + (value - mean) ** 2, 0) / (values.length - 1));
    case 'change':
      return last[1] - first[1];
    case 'rate':
      return (1000 * (last[1] - first[1])) / (last[0] - first[0]);
  }
}

const series = fc
  .array(
    fc.tuple(
      fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: 0, max: 100_000 })),
      fc.integer({ min: -50, max: 50 }),
    ),
    {
      minLength: 1,
      maxLength: 150,
    },
  )
  .map((steps) => {
    let time = 1_700_000_000_000;
    return steps.map(([gap, value]) => [(time += gap), value] as const);
  });

describe.each(trailingStatistics)('%s of the last minute', (statistic) => {
  test('is what all readings of the last sixty sixtieths come to, also after a restart at any reading', () => {
    fc.assert(
      fc.property(series, fc.nat(), (readings, cut) => {
        let trailing = new Trailing(statistic, minute);
        for (const [index, [time, value]] of readings.entries()) {
          if (index === cut % readings.length) {
            const bytes = new ByteWriter();
            trailing.write(bytes);
            trailing = new Trailing(statistic, minute);
            trailing.read(new ByteReader(bytes.take()));
          }
          const found = trailing.update(time, value);
          const wanted = expected(statistic, readings.slice(0, index + 1), minute);
          if (Number.isNaN(wanted) || Number.isNaN(found)) expect(found).toBe(wanted);
          else expect(found).toBeCloseTo(wanted, 6);
        }
      }),
      { numRuns: 300 },
    );
  });
});

test('there is no statistic until the series was heard for a whole window', () => {
  const trailing = new Trailing('mean', minute);
  expect(trailing.update(0, 10)).toBeNaN();
  expect(trailing.update(58_000, 20)).toBeNaN();
  expect(trailing.update(59_000, 30)).toBe(20);
});

test('when event times jump, what is in the window stays in it', () => {
  const trailing = new Trailing('sum', minute);
  trailing.update(0, 1);
  trailing.update(59_000, 2);
  trailing.jump(3_600_000);
  expect(trailing.update(3_600_000 + 59_500, 4)).toBeCloseTo(7, 9);
  expect(trailing.update(3_600_000 + 60_500, 8)).toBeCloseTo(14, 9);
});

test('sums do not drift: after a great value has left the window it is as if it had never been', () => {
  const trailing = new Trailing('sum', minute);
  trailing.update(0, 0.1);
  trailing.update(1000, 1e16);
  for (let second = 2; second < 62; second++) trailing.update(second * 1000, 0.1);
  expect(trailing.update(62_000, 0.1)).toBeCloseTo(6, 9);
});

test('bytes that are damaged are refused', () => {
  const bytes = new ByteWriter();
  bytes.float(0.5);
  bytes.float(0);
  expect(() => new Trailing('sum', minute).read(new ByteReader(bytes.take()))).toThrow(RangeError);
});
