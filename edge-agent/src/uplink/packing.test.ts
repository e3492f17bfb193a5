import { inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack } from './packing.ts';

describe('packing', () => {
  it('says how, and gives back the same bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 2000, size: 'max' }),
      fc.nat(5000).map((length) => new Uint8Array(length).fill(7)),
    );
    fc.assert(
      fc.property(bytes, (original) => {
        const packed = pack(original);
        const body = packed.subarray(1);
        expect([...(packed[0] === 1 ? inflateRawSync(body) : body)]).toEqual([...original]);
        expect(packed.length).toBeLessThanOrEqual(original.length + 1);
      }),
    );
  });

  it('deflates when that is smaller, and leaves alone what is short or random', () => {
    expect(pack(new Uint8Array(1000))[0]).toBe(1);
    expect(pack(new Uint8Array(1000)).length).toBeLessThan(30);
    expect(pack(new Uint8Array(150))[0]).toBe(0);
    expect(pack(crypto.getRandomValues(new Uint8Array(1000)))[0]).toBe(0);
  });
});
