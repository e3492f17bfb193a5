import fc from 'fast-check';
import { encodeFrame } from '@weir/shared/wire/codec.ts';
import { describe, expect, it } from 'vitest';
import { pane } from '../testing/outputs.ts';
import { unpack } from '../testing/unpack.ts';
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
        expect([...unpack(packed)]).toEqual([...original]);
        expect(packed.length).toBeLessThanOrEqual(original.length + 1);
      }),
    );
  });

  it('deflates when that is smaller, and leaves alone what is short or random', () => {
    expect(pack(new Uint8Array(1000))[0]).toBe(1);
    expect(pack(new Uint8Array(1000)).length).toBeLessThan(30);
    expect(pack(new Uint8Array(30))[0]).toBe(0);
    expect(pack(crypto.getRandomValues(new Uint8Array(1000)))[0]).toBe(0);
  });

  it('knows the words of the protocol', () => {
    const bytes = encodeFrame({ panes: [pane(1)] });
    expect(pack(bytes).length).toBeLessThan(bytes.length * 0.75);
  });
});
