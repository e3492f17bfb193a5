// How many frames a torn write has carried.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asLines } from '../test-kit.ts';
import { wholeFrames } from './line.ts';

const lines = fc.array(fc.string({ unit: fc.constantFrom('a', 'ü', '°', '{', '🍫'), maxLength: 5 }));

describe('a torn write', () => {
  it('has carried as many whole lines as there are line ends in what arrived', () => {
    fc.assert(
      fc.property(lines, fc.nat(100), (written, bytes) => {
        const frames = asLines(written);
        const arrived = Buffer.concat(frames).subarray(0, bytes).toString();
        expect(wholeFrames(frames, bytes)).toBe(arrived.split('\n').length - 1);
      }),
    );
  });
});
