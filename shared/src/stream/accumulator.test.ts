// Against the plainest computation, for values of every sign and size.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { statistics, type Statistic } from '../model/pane.ts';
import { Accumulator } from './accumulator.ts';

const value = fc.oneof(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: -100, max: 100 }),
  fc.constantFrom(0, -0, 1e-150, -1e-150, 1e150, -1e150),
);
const values = fc.array(value, { maxLength: 60 });

function accumulatorOf(all: readonly number[], compute: readonly Statistic[] = statistics): Accumulator {
  const accumulator = Accumulator.forStatistics(compute);
  for (const one of all) accumulator.add(one);
  return accumulator;
}

function throughBytes(accumulator: Accumulator): Accumulator {
  const to = new ByteWriter();
  accumulator.write(to);
  const from = new ByteReader(to.take());
  const read = Accumulator.read(from);
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
    for (const statistic of statistics) expect(accumulator.value(statistic)).toBeNaN();
    return;
  }
  // Exact, but 0 and -0 are one number.
  expectNear(accumulator.value('min'), Math.min(...all), 0);
  expectNear(accumulator.value('max'), Math.max(...all), 0);
  expectNear(accumulator.value('mean'), meanOf(all), 1e-12 * largest + 1e-300);
  if (all.length === 1) expect(accumulator.value('stddev')).toBeNaN();
  else expectNear(accumulator.value('stddev'), stddevOf(all), 1e-6 * largest + 1e-300);
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
      for (const quantile of ['p50', 'p95', 'p99'] as const) expect(merged.value(quantile)).toBe(all.value(quantile));
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
      for (const one of more) {
        straight.add(one);
        read.add(one);
      }
      for (const statistic of statistics) expect(read.value(statistic)).toBe(straight.value(statistic));
    }),
  );
});

test('a spread far smaller than the values themselves is not lost to rounding', () => {
  const all = Array.from({ length: 1000 }, (_, i) => 1e9 + (i % 2 === 0 ? 0.5 : -0.5));
  expect(accumulatorOf(all).value('stddev')).toBeCloseTo(stddevOf(all), 6);
  const merged = accumulatorOf(all.slice(0, 300));
  merged.merge(accumulatorOf(all.slice(300)));
  expect(merged.value('stddev')).toBeCloseTo(stddevOf(all), 6);
});

test('a percentile never lies outside what was measured', () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (all) => {
      const accumulator = accumulatorOf(all);
      for (const quantile of ['p50', 'p95', 'p99'] as const) {
        expect(accumulator.value(quantile)).toBeGreaterThanOrEqual(accumulator.min);
        expect(accumulator.value(quantile)).toBeLessThanOrEqual(accumulator.max);
      }
    }),
  );
});

test('a percentile that was not asked for is undefined, and its sketch takes no room', () => {
  const plain = accumulatorOf([1, 2, 3], ['mean']);
  expect(plain.value('p95')).toBeNaN();
  const to = new ByteWriter();
  plain.write(to);
  expect(to.length).toBe(4 + 4 * 8);
});
