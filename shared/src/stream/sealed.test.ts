import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Sealed } from './sealed.ts';

/** Every byte there is, so often that text has to be made in more than one go. */
const everything = Uint8Array.from({ length: 10_000 }, (_, at) => (at * 7) % 256);

function sealedOf(starts: readonly number[]): Sealed {
  const sealed = new Sealed();
  for (const start of starts) sealed.put(start, Uint8Array.of(start, 255 - start));
  return sealed;
}

test('what is put in comes out once, byte for byte', () => {
  const sealed = new Sealed();
  sealed.put(5, everything);
  expect(sealed.peek(5)).toStrictEqual(everything);
  expect(sealed.take(5)).toStrictEqual(everything);
  expect(sealed.take(5)).toBeUndefined();
  expect([sealed.size, sealed.bytes]).toStrictEqual([0, 0]);
});

test('starts are sorted, whatever the order they came in, and found between two of them', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(100), { maxLength: 40 }), fc.nat(100), fc.nat(100), (starts, from, to) => {
      const sealed = sealedOf(starts);
      const sorted = starts.toSorted((a, b) => a - b);
      expect(sealed.startsBetween(from, to)).toStrictEqual(sorted.filter((start) => start >= from && start < to));
      expect(sealed.oldest).toBe(sorted[0] ?? NaN);
      for (const start of starts) expect(sealed.peek(start)).toStrictEqual(Uint8Array.of(start, 255 - start));
    }),
  );
});

test('what is forgotten is gone, and so are its bytes', () => {
  const sealed = sealedOf([10, 20, 30, 40]);
  const each = sealed.bytes / 4;
  sealed.forgetBefore(30);
  expect(sealed.startsBetween(-Infinity, Infinity)).toStrictEqual([30, 40]);
  expect(sealed.bytes).toBe(2 * each);
  expect(sealed.forgetOldest()).toBe(30);
  expect(sealed.forgetOldest()).toBe(40);
  expect(sealed.forgetOldest()).toBeNaN();
  expect(sealed.bytes).toBe(0);
});

test('the oldest eighth goes at once', () => {
  const sealed = sealedOf(Array.from({ length: 80 }, (_, at) => at));
  expect(sealed.forgetOldest()).toBe(9);
  expect([sealed.size, sealed.oldest]).toStrictEqual([70, 10]);
});

test('all of it comes back from bytes, and can be rewritten', () => {
  const sealed = sealedOf([1, 2, 3]);
  sealed.rewrite((bytes) => Uint8Array.of(...bytes, 7));
  const to = new ByteWriter();
  sealed.write(to);
  const read = new Sealed();
  read.read(new ByteReader(to.take()));
  expect(read.startsBetween(0, 9).map((start) => [...(read.take(start) ?? [])])).toStrictEqual([
    [1, 254, 7],
    [2, 253, 7],
    [3, 252, 7],
  ]);
  expect(sealed.bytes).toBe(3 * (3 + 32));
});
