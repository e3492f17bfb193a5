import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineSplitter } from './lines.ts';

function split(chunks: readonly (Buffer | string)[], maxBytes = 100) {
  const splitter = new LineSplitter(maxBytes);
  const lines: string[] = [];
  const dropped: string[] = [];
  for (const chunk of chunks)
    splitter.push(
      Buffer.from(chunk),
      (line) => lines.push(line),
      (beginning) => dropped.push(beginning),
    );
  return { lines, dropped };
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b);
  return [...sorted, bytes.length].map((end, index) => bytes.subarray(sorted[index - 1] ?? 0, end));
}

describe('lines', () => {
  it('are the same however the bytes are cut into chunks', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'ü', '☃', ' ', '{', '\n', '\r\n'), maxLength: 300 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 20 }), (written, places) => {
        const bytes = Buffer.from(written);
        const { lines, dropped } = split(cut(bytes, places), 40);
        const whole = written.split('\n').slice(0, -1);
        expect(lines).toEqual(
          whole
            .filter((line) => Buffer.byteLength(line) <= 40)
            .map((line) => line.trim())
            .filter((line) => line !== ''),
        );
        // One that never ends is dropped before its end is seen.
        const rest = Buffer.byteLength(written.split('\n').at(-1) ?? '') > 40 ? 1 : 0;
        expect(dropped.length).toBe(whole.filter((line) => Buffer.byteLength(line) > 40).length + rest);
      }),
    );
  });

  it('end with LF or CRLF, and empty ones are no lines', () => {
    expect(split(['a\nb\r\n\r\n\n  \nc\r', '\n']).lines).toEqual(['a', 'b', 'c']);
  });

  it('wait for their end', () => {
    expect(split(['no end yet']).lines).toEqual([]);
  });

  it('that never end are dropped once, with a beginning to show, and the next is read', () => {
    const endless = Array.from({ length: 50 }, () => 'x'.repeat(30));
    const { lines, dropped } = split([...endless, 'end\nnext\n']);
    expect(lines).toEqual(['next']);
    expect(dropped).toEqual(['x'.repeat(120)]);
  });

  it('that are too long are dropped also when they come in one chunk', () => {
    const { lines, dropped } = split([`${'y'.repeat(101)}\nnext\n${'z'.repeat(100)}\n`]);
    expect(lines).toEqual(['next', 'z'.repeat(100)]);
    expect(dropped).toEqual(['y'.repeat(101)]);
  });

  it('show at most 200 bytes of what was dropped', () => {
    expect(split([`${'y'.repeat(1000)}\n`]).dropped).toEqual(['y'.repeat(200)]);
  });

  it('of bytes that are no UTF-8 come out as text that shows it', () => {
    expect(split([Buffer.from([0xff, 0xfe, 0x41, 0x0a]), 'next\n']).lines).toEqual(['��A', 'next']);
  });

  it('keep nothing of the memory of a chunk', () => {
    const splitter = new LineSplitter(100);
    const chunk = Buffer.from('first');
    splitter.push(
      chunk,
      () => expect.unreachable(),
      () => expect.unreachable(),
    );
    chunk.fill('?');
    const lines: string[] = [];
    splitter.push(
      Buffer.from('\n'),
      (line) => lines.push(line),
      () => expect.unreachable(),
    );
    expect(lines).toEqual(['first']);
  });
});
