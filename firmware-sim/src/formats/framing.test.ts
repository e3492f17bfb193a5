// Frames of bytes: what is taken apart again is what was put in, and an end stands nowhere but at the end.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cobsFrame, slipFrame } from './framing.ts';

const payload = fc
  .array(fc.oneof(fc.constantFrom(0, 0xc0, 0xdb, 0xdc, 0xdd), fc.nat(255)), { maxLength: 600 })
  .map((bytes) => Buffer.from(bytes));
const longRun = fc.integer({ min: 250, max: 520 }).map((length) => Buffer.alloc(length, 7));

/** As the paper tells it: a code byte n stands for n - 1 bytes and a zero, 255 for 254 bytes. */
function fromCobs(frame: Buffer): number[] {
  const out: number[] = [];
  for (let at = 0; at < frame.length;) {
    const code = frame[at] ?? 0;
    out.push(...frame.subarray(at + 1, at + code));
    at += code;
    if (code < 255 && at < frame.length) out.push(0);
  }
  return out;
}

describe('a COBS frame', () => {
  it('holds no zero but the last byte, and gives the payload back', () => {
    fc.assert(
      fc.property(fc.oneof(payload, longRun), (bytes) => {
        const framed = cobsFrame(bytes);
        expect(framed.indexOf(0)).toBe(framed.length - 1);
        expect(Buffer.from(fromCobs(framed.subarray(0, -1)))).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['', '0100'],
    ['00', '010100'],
    ['11220033', '031122023300'],
    ['aa'.repeat(254), `ff${'aa'.repeat(254)}00`],
    ['aa'.repeat(255), `ff${'aa'.repeat(254)}02aa00`],
  ])('of %s is as the paper has it', (bytes, framed) => {
    expect(cobsFrame(Buffer.from(bytes, 'hex')).toString('hex')).toBe(framed);
  });
});

describe('a SLIP frame', () => {
  it('has END on both sides and nowhere else, and gives the payload back', () => {
    fc.assert(
      fc.property(payload, (bytes) => {
        const framed = slipFrame(bytes);
        expect([framed[0], framed.at(-1)]).toEqual([0xc0, 0xc0]);
        const inner = framed.subarray(1, -1);
        expect(inner.includes(0xc0)).toBe(false);
        const text = inner.toString('latin1').replaceAll('\xdb\xdc', '\xc0').replaceAll('\xdb\xdd', '\xdb');
        expect(Buffer.from(text, 'latin1')).toEqual(bytes);
      }),
    );
  });
});
