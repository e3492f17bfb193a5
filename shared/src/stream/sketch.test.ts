// Quantiles against the sorted values themselves: of every sign, merged, and after a trip through bytes.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Sketch, sketchAccuracy } from './sketch.ts';

// 16 orders of magnitude, as many as the bins hold without collapsing.
const magnitude = fc.double({ min: 1e-6, max: 1e10, noNaN: true });
const value = fc.oneof(
  magnitude,
  magnitude.map((x) => -x),
  fc.constant(0),
);
const values = fc.array(value, { minLength: 1, maxLength: 300 });
const quantiles = [0, 0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1];

function sketchOf(all: readonly number[]): Sketch {
  const sketch = new Sketch();
  for (const one of all) sketch.add(one);
  return sketch;
}

function throughBytes(sketch: Sketch): Sketch {
  const to = new ByteWriter();
  sketch.write(to);
  const from = new ByteReader(to.take());
  const read = Sketch.read(from);
  expect(from.done).toBe(true);
  return read;
}

function expectAccurate(sketch: Sketch, all: readonly number[]): void {
  const sorted = all.toSorted((a, b) => a - b);
  for (const q of quantiles) {
    const exact = sorted[Math.floor(q * (sorted.length - 1))] ?? NaN;
    expect(Math.abs(sketch.quantile(q) - exact)).toBeLessThanOrEqual(Math.abs(exact) * sketchAccuracy * (1 + 1e-9));
  }
}

test('every quantile is within the accuracy of the value at its rank, also for negative values and zeros', () => {
  fc.assert(fc.property(values, (all) => expectAccurate(sketchOf(all), all)));
});

test('a sketch read from bytes is as accurate, and takes more values', () => {
  fc.assert(
    fc.property(values, fc.array(value), (first, more) => {
      const sketch = throughBytes(sketchOf(first));
      expectAccurate(sketch, first);
      for (const one of more) sketch.add(one);
      expectAccurate(throughBytes(sketch), [...first, ...more]);
    }),
  );
});

test('merging sketches, one of them read from bytes, is as good as one sketch of everything', () => {
  fc.assert(
    fc.property(values, values, (a, b) => {
      const merged = sketchOf(a);
      merged.merge(throughBytes(sketchOf(b)));
      expectAccurate(merged, [...a, ...b]);
      expect(quantiles.map((q) => merged.quantile(q))).toStrictEqual(
        quantiles.map((q) => sketchOf([...a, ...b]).quantile(q)),
      );
    }),
  );
});

test('merging leaves the other sketch as it was', () => {
  const other = sketchOf([-5, 5]);
  sketchOf([1]).merge(other);
  expectAccurate(other, [-5, 5]);
});

test('an empty sketch has no quantiles, also after a trip through bytes', () => {
  expect(throughBytes(new Sketch()).quantile(0.5)).toBeNaN();
});
