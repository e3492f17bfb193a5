// Every column comes back bit for bit, what sensors really say is small, and damage is noticed or harmless.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from './bytes.ts';
import { readColumn, writeColumn } from './columns.ts';

function written(numbers: readonly number[]): Uint8Array {
  const to = new ByteWriter();
  writeColumn(to, Float64Array.from(numbers), numbers.length);
  return to.take();
}

function expectBack(numbers: readonly number[]): void {
  const from = new ByteReader(written(numbers));
  const back = readColumn(from, numbers.length);
  expect(back).toHaveLength(numbers.length);
  expect(numbers.findIndex((number, i) => !Object.is(back[i], number))).toBe(-1);
  expect(from.done).toBe(true);
}

function bytesEach(numbers: readonly number[]): number {
  return written(numbers).length / numbers.length;
}

/** Numbers that look random, the same every time. */
function noise(count: number): number[] {
  let state = 1;
  return Array.from({ length: count }, () => (state = (state * 48271) % 2147483647) / 2147483647);
}

const anyNumber = fc.double({ noNaN: true });
const exponent = fc.nat({ max: 14 });
/** As a sensor speaks: decimal, or converted by a factor, or through a float32; a few that are nothing of the kind. */
const spoken = fc
  .record({
    digits: exponent,
    how: fc.constantFrom<(n: number, scale: number) => number>(
      (n, scale) => n / scale,
      (n, scale) => n * (1 / scale),
      (n, scale) => Math.fround(n / scale),
    ),
    start: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
    steps: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -300, max: 300 })), { minLength: 1, maxLength: 60 }),
    strangers: fc.array(fc.tuple(fc.nat({ max: 60 }), fc.oneof(anyNumber, fc.constantFrom(-0, 0))), { maxLength: 3 }),
  })
  .map(({ digits, how, start, steps, strangers }) => {
    let n = start;
    const numbers = steps.map((step) => how((n += step), 10 ** digits));
    for (const [at, stranger] of strangers) if (at < numbers.length) numbers[at] = stranger;
    return numbers;
  });
/** Event times: periodic with jitter, in any century, in whole or broken milliseconds, some out of order. */
const times = fc
  .record({
    start: fc.integer({ min: -8.64e15, max: 8.64e15 }),
    period: fc.nat({ max: 100_000 }),
    parts: fc.constantFrom(1, 4, 1000, 1024, 4096),
    jitter: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -200_000, max: 200_000 })), { maxLength: 60 }),
  })
  .map(({ start, period, parts, jitter }) => jitter.map((off, i) => start + period * i + off / parts));

test('any doubles come back, bit for bit', () => {
  fc.assert(fc.property(fc.array(anyNumber), expectBack));
});

test('what sensors say comes back, bit for bit', () => {
  fc.assert(fc.property(spoken, expectBack), { numRuns: 500 });
});

test('event times come back, bit for bit', () => {
  fc.assert(fc.property(times, expectBack), { numRuns: 500 });
});

test.each<[string, number[]]>([
  ['no number', []],
  ['one number', [21.5]],
  ['negative zeros among zeros', [0, -0, 0, 0, -0]],
  ['a negative zero first', [-0, 1, 2, 3]],
  ['the ends of the number line', [Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE, 5e-324, -5e-324]],
  ['the ends of the integers', [2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53, 2 ** 53 + 2, 0]],
  ['negative from the first', [-7.5, -7.25, -7.125]],
  ['a few very far from the first', [...Array<number>(40).fill(0), 2 ** 52 + 1, -(2 ** 52) - 1, 0, 1]],
  ['far from the first', [0, 2 ** 49, -(2 ** 49), 2 ** 49 + 1, 2 ** 50]],
  ['what nothing is expected of', [Infinity, 1, -Infinity, NaN, 2]],
])('%s: comes back', (_, numbers) => {
  expectBack(numbers);
});

test('only the numbers asked for are written, from any part of a larger array', () => {
  const whole = Float64Array.of(9, 9, 1, 2, 3, 9, 9);
  const to = new ByteWriter();
  writeColumn(to, whole.subarray(2), 3);
  writeColumn(to, Float64Array.of(9, 0.1 + 0.2, Math.PI, 9).subarray(1), 2);
  const from = new ByteReader(to.take());
  expect([...readColumn(from, 3)]).toStrictEqual([1, 2, 3]);
  expect([...readColumn(from, 2)]).toStrictEqual([0.1 + 0.2, Math.PI]);
  expect(from.done).toBe(true);
});

const start = Date.UTC(2026, 0, 1);
const walk = noise(5000).map((r, i) => 200 + Math.round(20 * Math.sin(i / 300) + 2 * r));

test.each<[string, number, number[]]>([
  ['the times of a periodic sensor', 0.01, walk.map((_, i) => start + i * 1000)],
  [
    'times at whole seconds, now and then one left out',
    0.2,
    walk.map((_, i) => start + (i + Math.floor(i / 50)) * 5000),
  ],
  [
    'periodic times that jitter by some milliseconds',
    1.01,
    noise(5000).map((r, i) => start + i * 1000 + Math.round(r * 20)),
  ],
  ['times in microseconds', 2.1, noise(5000).map((r, i) => start + i * 1000 + Math.round(r * 5000) / 1000)],
  ['times in 1/1024 ms', 2.1, noise(5000).map((r, i) => start + i * 1000 + Math.round(r * 5000) / 1024)],
  ['a value that stays', 0.01, walk.map(() => 21.37)],
  ['a door that opens every hundred readings', 0.1, walk.map((_, i) => (i % 100 < 50 ? 0 : 1))],
  ['a counter that runs evenly', 0.01, walk.map((_, i) => i * 0.25)],
  ['a slow temperature with one decimal', 1, walk.map((n) => n / 10)],
  ['the same, converted by a factor', 1.7, walk.map((n) => n * 0.1)],
  ['the same, through a float32', 1, walk.map((n) => Math.fround(n / 10))],
  ['the same, now and then -0', 1.2, walk.map((n, i) => (i % 500 === 7 ? -0 : n / 10))],
  ['an analog input of 1/16 steps', 1, walk.map((n) => n / 16)],
  ['a float32 of nothing but noise', 4, noise(5000).map((r) => Math.fround(Math.sqrt(r)))],
  [
    'numbers with few bits, each of them three times',
    1.1,
    walk.map((_, i) => (i === 0 ? 1 : (64 + ((Math.floor(i / 3) * 37) % 64)) * 2 ** 14)),
  ],
  ['nothing but noise', 7.5, noise(5000).map((r) => 20 + Math.sqrt(r))],
])('%s: at most %f bytes each', (_, most, numbers) => {
  expect(bytesEach(numbers)).toBeLessThanOrEqual(most);
  expectBack(numbers);
});

test.each([Math.PI * 1e30, 20.123456789])(
  'one number like %f costs itself and makes no other cost more',
  (stranger) => {
    const numbers = walk.map((n) => n / 10);
    const before = written(numbers).length;
    numbers[2500] = stranger;
    expect(written(numbers).length).toBeLessThan(before + 16);
  },
);

test('no column takes much more than its doubles', () => {
  fc.assert(
    fc.property(fc.array(anyNumber), (numbers) => {
      expect(written(numbers).length).toBeLessThanOrEqual(numbers.length * 8.5 + 5);
    }),
  );
});

test('the format stays what it is', () => {
  const hex = (numbers: readonly number[]): string => Buffer.from(written(numbers)).toString('hex');
  expect(hex([20.5, 20.6, 20.6, 20.6, 20.7, -0])).toBe('41cd010204040406060105000000000000000080');
  expect(hex([start, start + 5000, start + 10_000, start + 15_000])).toBe('2280d0eab6b733882702040608');
  expect(hex([Math.PI, Math.E, Math.PI])).toBe('0000187807182d4454fb210940717a50dff19e0c717a50dff19e0c');
});

test('bytes that end too early throw RangeError, wherever they are cut', () => {
  fc.assert(
    fc.property(
      fc.oneof(spoken, fc.array(anyNumber, { minLength: 1 })),
      fc.double({ min: 0, max: 0.999 }),
      (all, at) => {
        const bytes = written(all);
        const cut = bytes.subarray(0, Math.floor(at * bytes.length));
        expect(() => readColumn(new ByteReader(cut), all.length)).toThrow(RangeError);
      },
    ),
  );
});

test('damaged bytes throw RangeError or give as many numbers as were asked for', () => {
  const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.oneof(spoken, fc.array(anyNumber, { minLength: 1 })), flips, (numbers, damage) => {
      const bytes = written(numbers);
      for (const [at, bits] of damage) bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ bits;
      expectNumbersOrRangeError(bytes, numbers.length);
    }),
    { numRuns: 2000 },
  );
});

test('bytes that are no column throw RangeError or give as many numbers as were asked for', () => {
  fc.assert(fc.property(fc.uint8Array(), fc.nat({ max: 100 }), expectNumbersOrRangeError), { numRuns: 2000 });
});

function expectNumbersOrRangeError(bytes: Uint8Array, count: number): void {
  let result: unknown;
  try {
    result = readColumn(new ByteReader(bytes), count).length;
  } catch (error) {
    result = error;
  }
  if (result !== count) expect(result).toBeInstanceOf(RangeError);
}

function varints(...numbers: number[]): Uint8Array {
  const to = new ByteWriter();
  for (const number of numbers) to.varint(number);
  return to.take();
}

test.each<[string, RegExp, Uint8Array]>([
  ['a run that goes on behind the end', /run/, varints(32, 5, 0, 2)],
  ['a scale that does not exist', /scale/, varints(25 * 32, 5, 2, 2, 2)],
  ['an order that does not exist', /order/, varints(32 + 24, 5, 2, 2, 2)],
  ['integers too large', /integers/, varints(32 + 8, 2 ** 53 - 1, 2, 4, 4)],
  ['an exception behind the end', /exception/, varints(32 + 1, 5, 0, 1, 1, 3, 2)],
  ['fewer bits than numbers', /too short/, varints(0, 0, 1, 0)],
  ['more bits left out than there are', /too short/, varints(0, 64, 2, 0, 0)],
  ['more bytes than a number has', /damaged/, varints(0, 8, 10, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0)],
  ['numbers longer than what is there', /damaged/, varints(0, 0, 3, 2, 0, 0)],
])('%s: throws RangeError', (_, message, bytes) => {
  const read = (): unknown => readColumn(new ByteReader(bytes), 3);
  expect(read).toThrow(RangeError);
  expect(read).toThrow(message);
});
