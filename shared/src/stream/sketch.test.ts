// Quantiles against the sorted values themselves: of every sign and size, merged, and after a trip through bytes.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Sketch, sketchAccuracy } from './sketch.ts';

// 16 orders of magnitude, as many as the bins hold.
const magnitude = fc.double({ min: 1e-6, max: 1e10, noNaN: true });
const value = fc.oneof(
  magnitude,
  magnitude.map((x) => -x),
  fc.constant(0),
);
const values = fc.array(value, { minLength: 1, maxLength: 300 });
const any = fc.double({ noNaN: true, noDefaultInfinity: true });
// More orders of magnitude than the bins hold, and a few about where they end.
const stretch = fc
  .tuple(fc.integer({ min: -1022, max: 1023 }), fc.double({ min: 1, max: 1.99, noNaN: true }), fc.constantFrom(-1, 1))
  .map(([exponent, x, sign]) => sign * x * 2 ** exponent);
const edge = fc
  .tuple(fc.integer({ min: -6400, max: 0 }), fc.constantFrom(-1, 1))
  .map(([exponent, sign]) => sign * 2 ** (exponent / 100));
const wide = fc.oneof(
  fc.array(fc.oneof(value, any, stretch), { minLength: 1, maxLength: 60 }),
  fc.array(edge, { minLength: 1, maxLength: 60 }),
);
const quantiles = [0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1];

function sketchOf(all: readonly number[]): Sketch {
  const sketch = new Sketch();
  for (const one of all) sketch.add(one);
  return sketch;
}

function bytesOf(sketch: Sketch): Uint8Array {
  const to = new ByteWriter();
  sketch.write(to);
  return to.take();
}

function throughBytes(sketch: Sketch): Sketch {
  const from = new ByteReader(bytesOf(sketch));
  const read = Sketch.read(from);
  expect(from.done).toBe(true);
  return read;
}

function answers(sketch: Sketch): number[] {
  return quantiles.map((q) => sketch.quantile(q));
}

/** Same answers, same bytes. */
function expectSame(actual: Sketch, expected: Sketch): void {
  expect(answers(actual)).toStrictEqual(answers(expected));
  expect(bytesOf(actual)).toStrictEqual(bytesOf(expected));
}

function exactQuantiles(all: readonly number[]): number[] {
  const sorted = all.toSorted((a, b) => a - b);
  return quantiles.map((q) => sorted[Math.floor(q * (sorted.length - 1))] ?? NaN);
}

/** @param slack an error allowed besides the relative one */
function expectAccurate(sketch: Sketch, all: readonly number[], slack = 0): void {
  const exact = exactQuantiles(all);
  for (const [i, q] of quantiles.entries()) {
    const expected = exact[i] ?? NaN;
    const error = Math.abs(sketch.quantile(q) - expected);
    expect(error).toBeLessThanOrEqual(Math.abs(expected) * sketchAccuracy * (1 + 1e-9) + slack);
  }
}

test('every quantile is within the accuracy of the value at its rank, also for negative values and zeros', () => {
  fc.assert(fc.property(values, (all) => expectAccurate(sketchOf(all), all)));
});

test('every number float64 has is within the accuracy of itself; what is below its normal range counts as zero', () => {
  const smallest = 2 ** -1022;
  const subnormal = fc.double({ min: -smallest, max: smallest, noNaN: true });
  fc.assert(
    fc.property(fc.oneof(any, stretch, subnormal), (x) => {
      const sketch = sketchOf([x]);
      if (Math.abs(x) < smallest) expectSame(sketch, sketchOf([0]));
      else expectAccurate(sketch, [x]);
    }),
    { numRuns: 1000 },
  );
  const ends = [smallest, -smallest, Number.MAX_VALUE, -Number.MAX_VALUE];
  for (const end of ends) expectAccurate(sketchOf([end]), [end]);
  expect(sketchOf([smallest * (1 - 2 ** -52)]).quantile(0)).toBe(0);
});

test('wherever in an octave a value lies, its quantile is within the accuracy, and larger values have no smaller ones', () => {
  let previous = 0;
  for (let i = 0; i < 4096; i++) {
    const low = 1 + i / 4096;
    for (const x of [low, low + 1 / 4096 - 2 ** -52]) {
      const answer = sketchOf([x]).quantile(0.5);
      expect(Math.abs(answer - x)).toBeLessThanOrEqual(x * sketchAccuracy * (1 + 1e-14));
      expect(answer).toBeGreaterThanOrEqual(previous);
      previous = answer;
    }
  }
});

test('where the bins do not reach, the error is less than float64 can tell from the largest magnitude', () => {
  fc.assert(
    fc.property(wide, (all) => {
      const largest = Math.max(...all.map(Math.abs));
      expectAccurate(sketchOf(all), all, 2 ** -1022 + largest * 3e-18);
    }),
    { numRuns: 300 },
  );
});

test('what is too small for the bins counts as zero, whatever its sign', () => {
  const sketch = sketchOf([-1e-30, 1e-30, 1, -1]);
  expect(answers(sketch)).toStrictEqual(answers(sketchOf([0, 0, 1, -1])));
  sketch.add(-1e20);
  expectSame(sketch, sketchOf([0, 0, 0, 0, -1e20]));
  // Also what comes with a merge, and after it.
  sketch.merge(sketchOf([1e-3, 1e5]));
  sketch.add(1);
  expectSame(sketch, sketchOf([0, 0, 0, 0, -1e20, 0, 1e5, 0]));
});

test('a sketch has at most 2,048 bins a sign', () => {
  const sketch = new Sketch();
  for (let x = 1e-290; x < 1e300; x *= 1.01) sketch.add(x);
  const from = new ByteReader(bytesOf(sketch));
  from.varint();
  const bins = from.varint();
  expect(bins).toBeLessThanOrEqual(2048);
  expect(bins).toBeGreaterThan(2040);
});

test('a sketch read from bytes is the same, and takes more values', () => {
  fc.assert(
    fc.property(values, fc.array(value), (first, more) => {
      const sketch = throughBytes(sketchOf(first));
      expectSame(sketch, sketchOf(first));
      for (const one of more) sketch.add(one);
      expectSame(sketch, sketchOf([...first, ...more]));
      expectAccurate(throughBytes(sketch), [...first, ...more]);
    }),
  );
});

test('the order of adding changes neither an answer nor a byte, also beyond what the bins hold', () => {
  const orders = wide.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
  fc.assert(
    fc.property(orders, ([one, other]) => expectSame(sketchOf(one), sketchOf(other))),
    { numRuns: 300 },
  );
});

test('merging, in any order and any association, some of them read from bytes, is the same as one sketch of all', () => {
  const parts = fc.array(fc.tuple(fc.oneof(wide, values), fc.nat(), fc.boolean()), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(parts, (parts) => {
      const sketches = parts.map(([all, , asBytes]) => (asBytes ? throughBytes(sketchOf(all)) : sketchOf(all)));
      for (const [, at] of parts.slice(1)) {
        const [from = new Sketch()] = sketches.splice(at % sketches.length, 1);
        sketches[at % sketches.length]?.merge(from);
      }
      expect(sketches).toHaveLength(1);
      const [merged = new Sketch()] = sketches;
      expectSame(merged, sketchOf(parts.flatMap(([all]) => all)));
    }),
    { numRuns: 300 },
  );
});

test('merging leaves the other sketch as it was, and neither changes with the other afterwards', () => {
  fc.assert(
    fc.property(wide, wide, wide, (one, other, more) => {
      const into = sketchOf(one);
      const from = sketchOf(other);
      into.merge(from);
      expectSame(from, sketchOf(other));
      for (const x of more) into.add(x);
      expectSame(from, sketchOf(other));
      for (const x of more) from.add(x);
      expectSame(into, sketchOf([...one, ...other, ...more]));
    }),
  );
});

test('counts are exact far beyond what 32 bits hold', () => {
  const sketch = sketchOf([-5, 0, 1, 1, 2]);
  for (let i = 0; i < 40; i++) sketch.merge(sketch);
  expect(answers(sketch)).toStrictEqual(answers(sketchOf([-5, -5, 0, 0, 1, 1, 1, 1, 2, 2])));
  for (let i = 0; i < 3; i++) sketch.add(1);
  const from = new ByteReader(bytesOf(throughBytes(sketch)));
  const [zeros, bins, , ones] = [from.varint(), from.varint(), from.zigzag(), from.varint()];
  expect({ zeros, bins, ones }).toStrictEqual({ zeros: 2 ** 40, bins: 2, ones: 2 ** 41 + 3 });
});

test('a minute of one temperature takes sixteen bytes, a minute of zeros three', () => {
  const minute = Array.from({ length: 60 }, (_, i) => 20 + Math.sin(i));
  expect(bytesOf(sketchOf(minute)).length).toBe(16);
  expect(bytesOf(sketchOf(Array<number>(60).fill(0)))).toStrictEqual(Uint8Array.of(60, 0, 0));
});

test.each([NaN, -NaN, Infinity, -Infinity])('%d is refused, and the sketch stays as it was', (wrong) => {
  const sketch = sketchOf([1, -2, 1e-9]);
  expect(() => sketch.add(wrong)).toThrow(RangeError);
  expectSame(sketch, sketchOf([1, -2, 1e-9]));
});

test('an empty sketch has no quantiles, also after a trip through bytes', () => {
  expect(throughBytes(new Sketch()).quantile(0.5)).toBeNaN();
});
