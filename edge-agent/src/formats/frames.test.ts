import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checksums, FrameCutter, type Checksum } from './frames.ts';
import { framings, type Framing } from './format.ts';

function cutAll(chunks: readonly (Buffer | string)[], framing: Framing, checksum: Checksum, maxBytes = 100) {
  const cutter = new FrameCutter(framing, checksum, maxBytes);
  const frames: Buffer[] = [];
  const bad: { detail: string; beginning: string }[] = [];
  for (const chunk of chunks) {
    cutter.push(Buffer.from(chunk), {
      frame: (bytes) => frames.push(Buffer.from(bytes)),
      bad: (detail, beginning) => bad.push({ detail, beginning: beginning.toString() }),
    });
  }
  return { frames, bad };
}

function split(chunks: readonly (Buffer | string)[], maxBytes = 100) {
  const { frames, bad } = cutAll(chunks, 'lines', 'none', maxBytes);
  return {
    lines: frames.map((bytes) => bytes.toString().trim()).filter((line) => line !== ''),
    dropped: bad.map(({ beginning }) => beginning),
  };
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
    const cutter = new FrameCutter('lines', 'none', 100);
    const chunk = Buffer.from('first');
    const none = { frame: () => expect.unreachable(), bad: () => expect.unreachable() };
    cutter.push(chunk, none);
    chunk.fill('?');
    const lines: string[] = [];
    cutter.push(Buffer.from('\n'), { ...none, frame: (bytes) => lines.push(bytes.toString()) });
    expect(lines).toEqual(['first']);
  });
});

/** As a board does it: RFC 1055 and the paper on COBS, written down a second time. */
function framed(content: Buffer, framing: 'cobs' | 'slip'): Buffer {
  if (framing === 'slip') {
    const escapes = new Map([
      [192, [219, 220]],
      [219, [219, 221]],
    ]);
    return Buffer.from([192, ...[...content].flatMap((byte) => escapes.get(byte) ?? [byte]), 192]);
  }
  const out: number[] = [];
  let block: number[] = [];
  const end = (): void => {
    out.push(block.length + 1, ...block);
    block = [];
  };
  for (const byte of content) {
    if (byte === 0) {
      end();
      continue;
    }
    block.push(byte);
    if (block.length === 254) end();
  }
  end();
  return Buffer.from([...out, 0]);
}

function summed(content: Buffer, checksum: Checksum): Buffer {
  if (checksum === 'none') return content;
  const sum = Buffer.alloc(checksum === 'crc16' ? 2 : 4);
  if (checksum === 'crc32') sum.writeUInt32BE(crc32(content));
  else {
    // CRC-16/CCITT-FALSE, bit by bit: polynomial 0x1021, beginning with 0xffff.
    let register = 0xffff;
    for (const byte of content) {
      register ^= byte << 8;
      for (let bit = 0; bit < 8; bit++) register = ((register << 1) ^ (register & 0x8000 ? 0x1021 : 0)) & 0xffff;
    }
    sum.writeUInt16BE(register);
  }
  return Buffer.concat([content, sum]);
}

const binary = framings.filter((framing) => framing !== 'lines');

describe.each(binary.flatMap((framing) => checksums.map((checksum) => [framing, checksum] as const)))(
  'frames of %s with checksum %s',
  (framing, checksum) => {
    it('come out as they went in, however the bytes are cut into chunks, with noise at the beginning', () => {
      const byte = fc.oneof(fc.constantFrom(0, 192, 219, 220, 221, 255), fc.integer({ min: 0, max: 255 }));
      const content = fc.array(byte, { minLength: 1, maxLength: 600 });
      fc.assert(
        fc.property(fc.array(content, { maxLength: 5 }), fc.array(fc.nat(), { maxLength: 20 }), (contents, places) => {
          const sent = contents.map((bytes) => Buffer.from(bytes));
          const wire = Buffer.concat(sent.map((bytes) => framed(summed(bytes, checksum), framing)));
          const { frames, bad } = cutAll(cut(wire, places), framing, checksum, 2000);
          expect(frames).toEqual(sent);
          expect(bad).toEqual([]);
        }),
      );
    });

    it('that are cut short, changed or too long are reported, and the next is read', () => {
      const whole = framed(summed(Buffer.from([1, 0, 2, 3, 192, 4]), checksum), framing);
      const long = framed(Buffer.alloc(200, 7), framing);
      const { frames, bad } = cutAll(
        [long, whole, whole.subarray(0, 4), Buffer.of(framing === 'cobs' ? 0 : 192), whole],
        framing,
        checksum,
      );
      expect(frames.filter((bytes) => bytes.equals(Buffer.from([1, 0, 2, 3, 192, 4])))).toHaveLength(2);
      expect(bad[0]?.detail).toBe('frame longer than 100 bytes; wrong baud rate?');
      if (checksum !== 'none') expect(bad[1]?.detail).toMatch(framing === 'cobs' ? /COBS|crc/ : /crc/);
      if (checksum !== 'none') expect(frames).toHaveLength(2);
    });
  },
);

describe('a checksum', () => {
  it.each([
    ['crc16', '29b1'],
    ['crc32', 'cbf43926'],
  ] as const)('%s of 123456789 is the one of the catalogues', (checksum, sum) => {
    const content = Buffer.from('123456789');
    expect(summed(content, checksum).subarray(9).toString('hex')).toBe(sum);
    const wire = framed(summed(content, checksum), 'cobs');
    expect(cutAll([wire], 'cobs', checksum).frames).toEqual([content]);
    for (let at = 1; at < wire.length - 1; at++) {
      const changed = Buffer.from(wire);
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      expect(cutAll([changed], 'cobs', checksum).frames).toEqual([]);
    }
  });
});
