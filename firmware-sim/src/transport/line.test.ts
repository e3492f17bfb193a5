// Lines as bytes, and how many of them a torn write has carried.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeLines, wholeLines } from './line.ts';

const lines = fc.array(fc.string({ unit: fc.constantFrom('a', 'ü', '°', '{', '🍫'), maxLength: 5 }));

describe('a torn write', () => {
  it('has carried as many whole lines as there are line ends in what arrived', () => {
    fc.assert(
      fc.property(lines, fc.nat(100), (written, bytes) => {
        const arrived = encodeLines(written).subarray(0, bytes).toString();
        expect(wholeLines(written, bytes)).toBe(arrived.split('\n').length - 1);
      }),
    );
  });
});
