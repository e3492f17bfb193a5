// How batches are packed, and what is refused.

import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WireError } from '@weir/shared/wire/codec.ts';
import { maxUnpackedBytes, unpack } from './packing.ts';

const deflated = (bytes: Uint8Array): Uint8Array => Buffer.concat([Uint8Array.of(1), deflateRawSync(bytes)]);

test('what was packed either way comes back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
      expect(Buffer.from(unpack(Buffer.concat([Uint8Array.of(0), bytes]))).equals(bytes)).toBe(true);
      expect(Buffer.from(unpack(deflated(bytes))).equals(bytes)).toBe(true);
    }),
  );
});

test('a small payload that inflates to more than the limit is refused', () => {
  const bomb = deflated(new Uint8Array(maxUnpackedBytes + 1));
  expect(bomb.length).toBeLessThan(10_000);
  expect(() => unpack(bomb)).toThrow(WireError);
  expect(unpack(deflated(new Uint8Array(maxUnpackedBytes)))).toHaveLength(maxUnpackedBytes);
});

test('bytes that are packed in no way we know are refused as such', () => {
  expect(() => unpack(Uint8Array.of())).toThrow(WireError);
  expect(() => unpack(Uint8Array.of(2, 0))).toThrow(WireError);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(outcome(Uint8Array.of(1, ...bytes))).toMatch(/unpacked|WireError/);
    }),
  );
});

function outcome(payload: Uint8Array): string {
  try {
    unpack(payload);
    return 'unpacked';
  } catch (error) {
    return error instanceof WireError ? 'WireError' : String(error);
  }
}
