// What is written comes back, and bytes that end too early are noticed.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from './bytes.ts';

const integer = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
const field = fc.oneof(
  fc.record({ kind: fc.constant('varint' as const), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('zigzag' as const), value: integer }),
  fc.record({ kind: fc.constant('float' as const), value: fc.double() }),
  fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('blob' as const), value: fc.uint8Array() }),
);
type Field = typeof field extends fc.Arbitrary<infer T> ? T : never;

function writeField(to: ByteWriter, { kind, value }: Field): void {
  if (kind === 'text') to.text(value);
  else if (kind === 'blob') to.blob(value);
  else to[kind](value);
}

function written(fields: readonly Field[], capacity = 256): Uint8Array {
  const to = new ByteWriter(capacity);
  for (const one of fields) writeField(to, one);
  return to.take();
}

function readAll(bytes: Uint8Array, fields: readonly Field[]): { values: unknown[]; done: boolean } {
  const from = new ByteReader(bytes);
  return { values: fields.map(({ kind }) => from[kind]()), done: from.done };
}

test('every sequence of fields comes back as it was written, whatever room the writer began with', () => {
  fc.assert(
    fc.property(fc.array(field), fc.nat({ max: 40 }), (fields, capacity) => {
      const { values, done } = readAll(written(fields, capacity), fields);
      expect(values).toStrictEqual(fields.map(({ value }) => value));
      expect(done).toBe(true);
    }),
  );
});

test.each([0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 49, 2 ** 52, 2 ** 53 - 1])('the number %d comes back', (value) => {
  const to = new ByteWriter(0);
  to.varint(value);
  expect(new ByteReader(to.take()).varint()).toBe(value);
});

test.each([-1, 1, -64, 64, 2 ** 52, -(2 ** 52), 2 ** 52 - 1])('the signed number %d comes back', (value) => {
  const to = new ByteWriter(0);
  to.zigzag(value);
  expect(new ByteReader(to.take()).zigzag()).toBe(value);
});

test('numbers of a small magnitude take one byte, whatever their sign', () => {
  for (const value of [0, 1, -1, 63, -64]) {
    const to = new ByteWriter();
    to.zigzag(value);
    expect(to.length).toBe(1);
  }
});

test('bytes that end inside a field throw RangeError, wherever they are cut', () => {
  fc.assert(
    fc.property(fc.array(field, { minLength: 1 }), fc.double({ min: 0, max: 1, maxExcluded: true }), (fields, at) => {
      const bytes = written(fields);
      const cut = bytes.subarray(0, Math.floor(at * bytes.length));
      expect(() => readAll(cut, fields)).toThrow(RangeError);
    }),
  );
});

test('a number that goes on beyond 2^53 throws RangeError', () => {
  expect(() => new ByteReader(Uint8Array.of(...Array<number>(19).fill(0xff), 1)).varint()).toThrow(RangeError);
});

test('a view ends where the writing ended, and a copy does not change any more', () => {
  const to = new ByteWriter(4);
  to.varint(1);
  const copy = to.take();
  expect([...to.view()]).toStrictEqual([1]);
  to.bytes(Uint8Array.of(2, 3, 4, 5, 6));
  expect([...to.view()]).toStrictEqual([1, 2, 3, 4, 5, 6]);
  expect([...copy]).toStrictEqual([1]);
});

test('a reader of a part of a buffer stays within that part', () => {
  const whole = new Uint8Array(32).fill(7);
  new DataView(whole.buffer).setFloat64(8, 1.5, true);
  const from = new ByteReader(whole.subarray(8, 16));
  expect(from.float()).toBe(1.5);
  expect(() => from.varint()).toThrow(RangeError);
});
