// Against the plainest computation, for values of every sign and size.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { statistics, type Statistic } from '../model/pane.ts';
import { Accumulator, needsOf } from './accumulator.ts';

const value = fc.oneof(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: -100, max: 100 }),
  fc.constantFrom(0, -0, 1e-150, -1e-150, 1e150, -1e150),
);
const values = fc.array(value, { maxLength: 60 });

const context = { expectMs: 1, isOn: (value: number): boolean => value > 0 };

/** Readings a millisecond apart. */
function accumulatorOf(all: readonly number[], compute: readonly Statistic[] = statistics, from = 0): Accumulator {
  const accumulator = Accumulator.for(needsOf(compute), context);
  for (const [index, one] of all.entries()) accumulator.add(from + index, one);
  return accumulator;
}

function valueOf(accumulator: Accumulator, statistic: Statistic): number {
  return accumulator.value(statistic, { lengthMs: 1000, heldUntil: 1000 }, context);
}

function throughBytes(accumulator: Accumulator): Accumulator {
  const to = new ByteWriter();
  accumulator.write(to);
  const from = new ByteReader(to.take());
  const read = Accumulator.read(from, context);
  expect(from.done).toBe(true);
  return read;
}

function meanOf(all: readonly number[]): number {
  return all.reduce((sum, one) => sum + one, 0) / all.length;
}

function stddevOf(all: readonly number[]): number {
  const mean = meanOf(all);
  return Math.sqrt(all.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (all.length - 1));
}

function expectNear(actual: number, exact: number, tolerance: number): void {
  expect(Math.abs(actual - exact)).toBeLessThanOrEqual(tolerance);
}

function expectAggregateOf(accumulator: Accumulator, all: readonly number[]): void {
  const largest = all.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
  expect(accumulator.count).toBe(all.length);
  if (all.length === 0) {
    const zero = new Set<Statistic>(['completeness', 'uncertain']);
    for (const statistic of statistics) expect(valueOf(accumulator, statistic)).toBe(zero.has(statistic) ? 0 : NaN);
    return;
  }
  // Exact, but 0 and -0 are one number.
  expectNear(valueOf(accumulator, 'min'), Math.min(...all), 0);
  expectNear(valueOf(accumulator, 'max'), Math.max(...all), 0);
  expectNear(valueOf(accumulator, 'mean'), meanOf(all), 1e-12 * largest + 1e-300);
  if (all.length === 1) expect(valueOf(accumulator, 'stddev')).toBeNaN();
  // The square of anything below 1e-154 is smaller than what a double can hold.
  else expectNear(valueOf(accumulator, 'stddev'), stddevOf(all), 1e-6 * largest + 1e-154);
}

test('adding one by one gives count, mean, min, max and standard deviation', () => {
  fc.assert(fc.property(values, (all) => expectAggregateOf(accumulatorOf(all), all)));
});

test('merging gives what adding everything to one would have given, with either or both read from bytes', () => {
  fc.assert(
    fc.property(values, values, fc.boolean(), fc.boolean(), (a, b, aFromBytes, bFromBytes) => {
      const left = aFromBytes ? throughBytes(accumulatorOf(a)) : accumulatorOf(a);
      left.merge(bFromBytes ? throughBytes(accumulatorOf(b)) : accumulatorOf(b));
      expectAggregateOf(left, [...a, ...b]);
    }),
  );
});

test('merged percentiles are those of everything in one', () => {
  const measured = fc.array(fc.double({ min: 1e-6, max: 1e6, noNaN: true }).chain((x) => fc.constantFrom(x, -x, 0)));
  fc.assert(
    fc.property(measured, measured, (a, b) => {
      const merged = accumulatorOf(a);
      merged.merge(accumulatorOf(b));
      const all = accumulatorOf([...a, ...b]);
      for (const quantile of ['p50', 'p95', 'p99'] as const)
        expect(valueOf(merged, quantile)).toBe(valueOf(all, quantile));
    }),
  );
});

test('bytes keep everything: adding goes on as if nothing had happened', () => {
  fc.assert(
    fc.property(values, values, fc.nat(), fc.nat(), (first, more, reported, revision) => {
      const straight = accumulatorOf(first);
      Object.assign(straight, { reported, revision });
      const read = throughBytes(straight);
      expect(read).toMatchObject({ reported, revision });
      for (const [index, one] of more.entries()) {
        straight.add(100 + index, one);
        read.add(100 + index, one);
      }
      for (const statistic of statistics) expect(valueOf(read, statistic)).toBe(valueOf(straight, statistic));
    }),
  );
});

test('a spread far smaller than the values themselves is not lost to rounding', () => {
  const all = Array.from({ length: 1000 }, (_, i) => 1e9 + (i % 2 === 0 ? 0.5 : -0.5));
  expect(valueOf(accumulatorOf(all), 'stddev')).toBeCloseTo(stddevOf(all), 6);
  const merged = accumulatorOf(all.slice(0, 300));
  merged.merge(accumulatorOf(all.slice(300)));
  expect(valueOf(merged, 'stddev')).toBeCloseTo(stddevOf(all), 6);
});

test('a percentile never lies outside what was measured', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (all) => {
      const accumulator = accumulatorOf(all);
      for (const quantile of ['p50', 'p95', 'p99'] as const) {
        expect(valueOf(accumulator, quantile)).toBeGreaterThanOrEqual(accumulator.min);
        expect(valueOf(accumulator, quantile)).toBeLessThanOrEqual(accumulator.max);
      }
    }),
  );
});

test('what was not asked for is undefined, and takes no room', () => {
  const plain = accumulatorOf([1, 2, 3], ['mean']);
  for (const statistic of ['p95', 'stddev', 'time_mean', 'first'] as const) expect(valueOf(plain, statistic)).toBeNaN();
  const to = new ByteWriter();
  plain.write(to);
  // Three counts and what is there; min and max; the sum, which is one number.
  expect(to.length).toBe(4 + 2 * 8 + 1 + 8);
});

test('two windows joined have what both have, and nothing that speaks of a part of the readings', () => {
  const all = accumulatorOf([1, 2, 3]);
  all.merge(accumulatorOf([4, 5], ['mean'], 10));
  expect(valueOf(all, 'mean')).toBe(3);
  for (const statistic of ['p95', 'stddev', 'time_mean', 'first'] as const) expect(valueOf(all, statistic)).toBeNaN();
});

test('slices put together are, bit for bit, the window they are slices of', () => {
  fc.assert(
    fc.property(fc.array(values, { minLength: 1, maxLength: 6 }), (signed) => {
      // The pipeline lets no -0 in: of it and 0, the first to come would be the minimum.
      const slices = signed.map((slice) => slice.map((one) => one + 0));
      const all = slices.flat();
      let from = 0;
      const parts = slices.map((slice) => {
        from += slice.length;
        return accumulatorOf(slice, statistics, from - slice.length);
      });
      const together = Accumulator.together(parts, needsOf(statistics), context);
      const straight = accumulatorOf(all);
      expect([together.count, together.total]).toStrictEqual([all.length, all.length]);
      for (const statistic of statistics) expect(valueOf(together, statistic)).toBe(valueOf(straight, statistic));
    }),
  );
});

test('the mean of equal values is that value', () => {
  fc.assert(
    fc.property(value, fc.integer({ min: 1, max: 50 }), (one, count) => {
      expect(valueOf(accumulatorOf(Array.from({ length: count }, () => one)), 'mean') + 0).toBe(one + 0);
    }),
  );
});
