// Sums against integers: a float64 is a whole multiple of 2^-1074, a product of two is one of 2^-2148, so BigInt adds them
// without rounding, and what is nearest is told by looking at the neighbours.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { exactVariance, ExactSum, rootMeanSquare } from './exact-sum.ts';

// Everything a float64 can be, what readings look like, and what cancels.
const any = fc.double({ noNaN: true, noDefaultInfinity: true });
const reading = fc.integer({ min: -5000, max: 5000 }).map((x) => x / 100);
const powers = fc
  .tuple(fc.integer({ min: -1074, max: 1023 }), fc.constantFrom(-1, 1))
  .map(([exponent, sign]) => sign * 2 ** exponent);
const near = fc.tuple(fc.integer({ min: -120, max: 120 }), fc.integer({ min: -9, max: 9 })).map(([e, m]) => m * 2 ** e);
const number = fc.oneof(any, reading, powers, near);
const numbers = fc.oneof(
  fc.array(number, { maxLength: 40 }),
  fc.array(reading, { maxLength: 40 }),
  fc.array(near, { maxLength: 40 }),
  // Each value and its opposite, but for a few.
  fc.array(number, { maxLength: 20 }).chain((half) => {
    const all = [...half, ...half.map((x) => -x), 1];
    return fc.shuffledSubarray(all, { minLength: Math.max(1, all.length - 3) });
  }),
);

/** In units of 2^-1074. */
function units(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(x));
  const bits = view.getBigUint64(0);
  const exponent = bits >> 52n;
  const fraction = bits % 2n ** 52n;
  const magnitude = exponent === 0n ? fraction : (fraction + 2n ** 52n) << (exponent - 1n);
  return x < 0 ? -magnitude : magnitude;
}

function exactSum(values: readonly number[]): bigint {
  return values.reduce((sum, x) => sum + units(x), 0n);
}

function bitsOf(x: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  return view.getBigInt64(0);
}

function fromBits(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigInt64(0, bits);
  return view.getFloat64(0);
}

/** That `x` is `numerator / denominator`, in units of 2^-1074, rounded half to even. */
function expectNearest(x: number, numerator: bigint, denominator = 1n): void {
  expect(Object.is(x, -0)).toBe(false);
  if (numerator < 0n) expectNearest(0 - x, -numerator, denominator);
  else {
    expect(x).toBeGreaterThanOrEqual(0);
    const bits = bitsOf(x);
    // Doubled, so that the half way to a neighbour is a whole number; infinity stands where the next number would be.
    const place = (one: bigint): bigint => (one === bitsOf(Infinity) ? 2n ** 2098n : units(fromBits(one)));
    const twice = 2n * numerator;
    const isEven = bits % 2n === 0n;
    if (x !== Infinity) {
      const above = (place(bits) + place(bits + 1n)) * denominator;
      expect(twice < above || (twice === above && isEven)).toBe(true);
    }
    if (x !== 0) {
      const below = (place(bits) + place(bits - 1n)) * denominator;
      expect(twice > below || (twice === below && isEven)).toBe(true);
    }
  }
}

function sumOf(values: readonly number[]): ExactSum {
  const sum = new ExactSum();
  for (const value of values) sum.add(value);
  return sum;
}

function squaresOf(values: readonly number[]): ExactSum {
  const sum = new ExactSum();
  for (const value of values) sum.addProduct(value, value);
  return sum;
}

function bytesOf(sum: ExactSum): Uint8Array {
  const to = new ByteWriter();
  sum.write(to);
  return to.take();
}

function throughBytes(sum: ExactSum): ExactSum {
  const from = new ByteReader(bytesOf(sum));
  const read = ExactSum.read(from);
  expect(from.done).toBe(true);
  return read;
}

/** Same answer, same bytes. */
function expectSame(actual: ExactSum, expected: ExactSum): void {
  expect(actual.value).toBe(expected.value);
  expect(bytesOf(actual)).toStrictEqual(bytesOf(expected));
}

test('the value is the exact sum, rounded once', () => {
  fc.assert(
    fc.property(numbers, (values) => expectNearest(sumOf(values).value, exactSum(values))),
    { numRuns: 1000 },
  );
});

test('a long run of readings loses nothing, nor do their squares', () => {
  for (const [level, spread] of [
    [20, 5],
    [0, 1],
    [1e9, 1e-3],
    [0, 1e30],
  ] as const) {
    let seed = 1;
    const values = Array.from({ length: 5_000 }, () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return level + spread * (seed / 2 ** 30 - 1) ** 3;
    });
    expectNearest(sumOf(values).value, exactSum(values));
    const squares = values.reduce((total, x) => total + units(x) ** 2n, 0n);
    expectNearest(squaresOf(values).value, squares, 2n ** 1074n);
  }
});

test.each([
  { values: [1e16, 1, -1e16], sum: 1 },
  { values: [1e100, 1, -1e100, 1e-100], sum: 1 },
  { values: [1e308, 1e308, -1e308], sum: 1e308 },
  { values: [5e-324, 1e308, -1e308], sum: 5e-324 },
  // Half way between two numbers, and a little more or less far below.
  { values: [1, 2 ** -53], sum: 1 },
  { values: [1, 2 ** -53, 2 ** -150], sum: 1 + 2 ** -52 },
  { values: [1 + 2 ** -52, 2 ** -53], sum: 1 + 2 ** -51 },
  { values: [1 + 2 ** -52, 2 ** -53, -(2 ** -1074)], sum: 1 + 2 ** -52 },
  { values: [1e308, 1e308], sum: Infinity },
  { values: [-1e308, -1e308, 5], sum: -Infinity },
  { values: [-0, -0], sum: 0 },
  { values: [0.1, -0.1], sum: 0 },
  { values: [], sum: 0 },
])('$values make $sum', ({ values, sum }) => {
  expect(sumOf(values).value).toBe(sum);
  expect(throughBytes(sumOf(values)).value).toBe(sum);
});

test('products are exact, too, also where float64 has no room for them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(number, number), { maxLength: 30 }), (pairs) => {
      const sum = new ExactSum();
      for (const [x, y] of pairs) sum.addProduct(x, y);
      const exact = pairs.reduce((total, [x, y]) => total + units(x) * units(y), 0n);
      expectNearest(sum.value, exact, 2n ** 1074n);
    }),
    { numRuns: 1000 },
  );
});

test('values, squares and products add up in one sum', () => {
  const sum = sumOf([3]);
  sum.addProduct(4, 5);
  sum.addProduct(0.1, 0.1);
  sum.addProduct(-0.1, 0.1);
  expect(sum.value).toBe(23);
});

test('a product that is below and beyond float64 comes back when it is taken away again', () => {
  const sum = new ExactSum();
  sum.addProduct(1e200, 1e200);
  sum.addProduct(1e-200, 1e-200);
  expect(sum.value).toBe(Infinity);
  sum.addProduct(-1e200, 1e200);
  expect(sum.value).toBe(0);
  sum.addProduct(1e-200, -1e-200);
  sum.add(7);
  expectSame(sum, sumOf([7]));
});

test('a sum that only rounds to infinity comes back, too, also after a trip through bytes', () => {
  const sum = throughBytes(sumOf([Number.MAX_VALUE, 2 ** 969, 2 ** 969]));
  expect(sum.value).toBe(Infinity);
  sum.add(-(2 ** 970));
  expectSame(sum, sumOf([Number.MAX_VALUE]));
});

test('the order of adding changes no bit', () => {
  const orders = numbers.chain((values) =>
    fc.tuple(fc.constant(values), fc.shuffledSubarray(values, { minLength: values.length })),
  );
  fc.assert(
    fc.property(orders, ([one, other]) => {
      expectSame(sumOf(one), sumOf(other));
      expectSame(squaresOf(one), squaresOf(other));
    }),
    { numRuns: 300 },
  );
});

test('merging partial sums, in any order and any association, changes no bit', () => {
  const parts = fc.array(fc.tuple(numbers, fc.nat(), fc.nat()), { minLength: 1, maxLength: 6 });
  for (const sumUp of [sumOf, squaresOf]) {
    fc.assert(
      fc.property(parts, (parts) => {
        const sums = parts.map(([values]) => sumUp(values));
        for (const [, x, y] of parts) {
          const into = sums[x % sums.length];
          const [from] = into === undefined || sums.length < 2 ? [] : sums.splice(y % sums.length, 1);
          if (from === undefined) continue;
          if (from === into) sums.push(from);
          else into?.merge(from);
        }
        const all = new ExactSum();
        for (const sum of sums) all.merge(sum);
        expectSame(all, sumUp(parts.flatMap(([values]) => values)));
      }),
      { numRuns: 300 },
    );
  }
});

test('merging leaves the other sum as it was, and takes a sum merged with itself twice', () => {
  fc.assert(
    fc.property(numbers, numbers, (one, other) => {
      const sum = sumOf(one);
      const from = sumOf(other);
      sum.merge(from);
      expectSame(from, sumOf(other));
      sum.merge(sum);
      expectSame(sum, sumOf([...one, ...other, ...one, ...other]));
    }),
  );
});

test('a sum read from bytes is the same, and goes on adding and merging like it', () => {
  fc.assert(
    fc.property(numbers, numbers, (first, more) => {
      for (const sumUp of [sumOf, squaresOf]) {
        const sum = throughBytes(sumUp(first));
        expectSame(sum, sumUp(first));
        for (const value of more) sum.addProduct(value, 1);
        sum.merge(throughBytes(sumUp(more)));
        const expected = sumUp([...first, ...more]);
        for (const value of more) expected.add(value);
        expectSame(sum, expected);
      }
    }),
    { numRuns: 300 },
  );
});

test('asking and writing leave the sum as it was', () => {
  fc.assert(
    fc.property(numbers, numbers, (first, more) => {
      const sum = sumOf(first);
      expect(sum.value).toBe(sum.value);
      expect(bytesOf(sum)).toStrictEqual(bytesOf(sum));
      for (const value of more) sum.add(value);
      expectSame(sum, sumOf([...first, ...more]));
    }),
  );
});

test('an empty sum takes one byte, one number nine, a sum of sensor readings seventeen, of their squares twenty-five', () => {
  const readings = Array.from({ length: 1000 }, (_, i) => 20 + i / 7);
  const sums = [new ExactSum(), sumOf([0.1]), sumOf(readings), squaresOf(readings)];
  expect(sums.map((sum) => bytesOf(sum).length)).toStrictEqual([1, 9, 17, 25]);
});

test.each([NaN, Infinity, -Infinity])('%d is refused, and the sum stays as it was', (wrong) => {
  const sum = sumOf([1, 2]);
  expect(() => sum.add(wrong)).toThrow(RangeError);
  expect(() => sum.addProduct(wrong, 1)).toThrow(RangeError);
  expect(() => sum.addProduct(0, wrong)).toThrow(RangeError);
  expectSame(sum, sumOf([3]));
});

test('the variance is the exact one, rounded once', () => {
  const noisy = fc
    .tuple(number, fc.array(fc.oneof(reading, any), { minLength: 2, maxLength: 20 }))
    .map(([level, noise]) => noise.map((x) => level + x).filter((x) => Number.isFinite(x)));
  fc.assert(
    fc.property(fc.oneof(numbers, noisy), (values) => {
      const n = BigInt(values.length);
      const squares = values.reduce((total, x) => total + units(x) ** 2n, 0n);
      const variance = exactVariance(values.length, sumOf(values), squaresOf(values));
      if (n < 2n) expect(variance).toBeNaN();
      else expectNearest(variance, n * squares - exactSum(values) ** 2n, n * (n - 1n) * 2n ** 1074n);
    }),
    { numRuns: 1000 },
  );
});

test('equal values have no variance and their own root mean square, whatever they are', () => {
  fc.assert(
    fc.property(number, fc.integer({ min: 2, max: 50 }), (value, count) => {
      const values = Array<number>(count).fill(value);
      expect(exactVariance(count, sumOf(values), squaresOf(values))).toBe(0);
      expect(rootMeanSquare(count, squaresOf(values))).toBe(Math.abs(value));
    }),
  );
});

test('every power of two that is a variance is met', () => {
  for (let exponent = -537; exponent < 512; exponent++) {
    const x = 2 ** exponent;
    expect(exactVariance(2, sumOf([0, x]), squaresOf([0, x]))).toBe(2 ** (2 * exponent - 1));
    expect(exactVariance(3, sumOf([-x, 0, x]), squaresOf([-x, 0, x]))).toBe(2 ** (2 * exponent));
  }
});

test('a billion with a millionth of noise keeps its variance', () => {
  const values = [1e9, 1e9 + 2 ** -20, 1e9 - 2 ** -20];
  expect(exactVariance(3, sumOf(values), squaresOf(values))).toBe(2 ** -40);
});

test('the root mean square is within a unit in the last place', () => {
  fc.assert(
    fc.property(
      numbers.filter((values) => values.length > 0),
      (values) => {
        const rms = rootMeanSquare(values.length, squaresOf(values));
        const squares = values.reduce((total, x) => total + units(x) ** 2n, 0n);
        const n = BigInt(values.length);
        expect(units(fromBits(bitsOf(rms) + 1n)) ** 2n * n).toBeGreaterThan(squares);
        if (rms > 0) expect(units(fromBits(bitsOf(rms) - 1n)) ** 2n * n).toBeLessThan(squares);
      },
    ),
    { numRuns: 1000 },
  );
  expect(rootMeanSquare(0, new ExactSum())).toBeNaN();
});
