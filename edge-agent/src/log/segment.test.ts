import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSegmentHeader,
  encodeRecord,
  encodeSegmentHeader,
  parseSegmentName,
  recordHeaderBytes,
  saltOf,
  scanSegment,
  segmentHeaderBytes,
  segmentName,
  walkRecords,
  type Entry,
  type WalkOptions,
} from './segment.ts';

const incarnation = '0123456789abcdef';
const name = { first: 1, incarnation };
const salt = saltOf(incarnation);

function segmentOf(payloads: readonly Uint8Array[]): Buffer {
  const records = payloads.map((payload, index) => encodeRecord(index + 1, payload, salt));
  return Buffer.concat([encodeSegmentHeader(name, 0), ...records]);
}

/** What a walk tells, and where it stops. */
function walk(bytes: Uint8Array, options: Partial<WalkOptions> = {}, from = 0) {
  const entries: Entry[] = [];
  const beyond: number[] = [];
  let damaged = 0;
  const walked = walkRecords(
    bytes,
    from,
    { next: 1, through: Infinity, mark: undefined, salt, atEnd: true, ...options },
    {
      record: (seq, at, length) => {
        entries.push({ seq, payload: bytes.subarray(at + recordHeaderBytes, at + length) });
        return true;
      },
      beyond: (seq) => beyond.push(seq),
      damaged: (_, length) => (damaged += length),
    },
  );
  return { ...walked, entries, beyond, damaged };
}

/** The only record in the bytes, when it checks out. */
function recordIn(bytes: Uint8Array): Entry | undefined {
  return walk(bytes).entries[0];
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const damaged = bytes.slice();
  damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return damaged;
}

describe('the name of a segment', () => {
  const hex = fc.stringMatching(/^[0-9a-f]{16}$/);

  it('reads back as what it was made of', () => {
    const compacted = fc.record({ last: fc.maxSafeNat(), version: fc.integer({ min: 1, max: 999_999_999 }) });
    fc.assert(
      fc.property(fc.maxSafeNat(), hex, fc.option(compacted), (first, owner, range) => {
        const written = { first, incarnation: owner, ...(range === null ? {} : { compacted: range }) };
        expect(parseSegmentName(segmentName(written))).toEqual(written);
      }),
    );
  });

  it('sorts as its numbers do', () => {
    const names = [9, 10, 100_000].map((first) => segmentName({ first, incarnation }));
    expect(names.toSorted()).toEqual(names);
  });

  it.each([
    '',
    'lost+found',
    '1-0123456789abcdef.log',
    `${segmentName(name)}.new`,
    'x'.repeat(37),
    segmentName({ ...name, compacted: { last: 9, version: 0 } }),
    segmentName({ ...name, compacted: { last: 9, version: 1 } }).replace('.log', ''),
  ])('is not what "%s" is', (other) => {
    expect(parseSegmentName(other)).toBeUndefined();
  });
});

describe('the header of a segment', () => {
  it('reads back the number before it', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (before) => {
        expect(decodeSegmentHeader(name, encodeSegmentHeader(name, before))).toBe(before);
      }),
    );
  });

  it('does not check out with a wrong bit, without its end, nor for another log or segment', () => {
    const header = encodeSegmentHeader(name, 41);
    for (let bit = 0; bit < header.length * 8; bit++)
      expect(decodeSegmentHeader(name, flipped(header, bit)), `bit ${bit}`).toBeUndefined();
    for (let length = 0; length < header.length; length++)
      expect(decodeSegmentHeader(name, header.subarray(0, length))).toBeUndefined();
    expect(decodeSegmentHeader({ ...name, incarnation: 'another' }, header)).toBeUndefined();
    expect(decodeSegmentHeader({ ...name, first: 2 }, header)).toBeUndefined();
  });
});

describe('a record', () => {
  it('reads back whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.uint8Array(),
        fc.nat(20),
        (seq, payload, at) => {
          const bytes = Buffer.concat([Buffer.alloc(at, 0xff), encodeRecord(seq, payload, salt)]);
          const { entries } = walk(bytes, {}, at);
          expect(entries.map((entry) => [entry.seq, ...entry.payload])).toEqual([[seq, ...payload]]);
        },
      ),
    );
  });

  it('does not check out when any one of its bits is wrong', () => {
    const record = encodeRecord(7, new TextEncoder().encode('a reading'), salt);
    for (let bit = 0; bit < record.length * 8; bit++)
      expect(recordIn(flipped(record, bit)), `bit ${bit}`).toBeUndefined();
  });

  it('does not check out when its end is missing', () => {
    const record = encodeRecord(7, new Uint8Array(10), salt);
    for (let length = 0; length < record.length; length++) expect(recordIn(record.subarray(0, length))).toBeUndefined();
  });

  it('does not check out as one of another log', () => {
    expect(recordIn(encodeRecord(7, new Uint8Array(10), saltOf('another')))).toBeUndefined();
  });
});

describe('walking through a segment', () => {
  const records = [1, 2, 3].map((seq) => encodeRecord(seq, new Uint8Array(10), salt));

  it('asks for what is missing of a record, wherever the bytes stop, and goes on when it is there', () => {
    const all = Buffer.concat(records);
    for (let length = 0; length < all.length; length++) {
      const first = walk(all.subarray(0, length), { atEnd: false });
      expect(first.at).toBe(length - (length % 26));
      expect(first.wanted).toBe(length % 26 === 0 ? 0 : length % 26 < recordHeaderBytes ? recordHeaderBytes : 26);
      expect(first.damaged).toBe(0);
      const rest = walk(all, { next: first.entries.length + 1 }, first.at);
      expect([...first.entries, ...rest.entries].map(({ seq }) => seq)).toEqual([1, 2, 3]);
    }
  });

  it('tells a record beyond the last number apart from damage', () => {
    expect(walk(Buffer.concat(records), { through: 2 })).toMatchObject({ beyond: [3], damaged: 0 });
  });

  it('stops in front of the record a visitor does not want', () => {
    const bytes = Buffer.concat(records);
    const walked = walkRecords(
      bytes,
      0,
      { next: 1, through: 9, mark: undefined, salt, atEnd: true },
      {
        record: (seq) => seq < 2,
        beyond: () => undefined,
        damaged: () => undefined,
      },
    );
    expect(walked).toEqual({ at: 26, wanted: 0 });
  });
});

describe('scanning a segment', () => {
  it('finds every record of an intact one, and no damage', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (payloads) => {
        const bytes = segmentOf(payloads);
        const scan = scanSegment(bytes, name);
        expect(scan.damagedBytes).toBe(0);
        expect(scan.entries.map(({ seq }) => seq)).toEqual(payloads.map((_, index) => index + 1));
        for (const { seq, offset, length } of scan.entries) {
          expect([...bytes.subarray(offset + recordHeaderBytes, offset + length)]).toEqual([
            ...(payloads[seq - 1] ?? []),
          ]);
        }
      }),
    );
  });

  it('loses only the records a stretch of garbage hits', () => {
    const payloads = fc.array(fc.uint8Array({ minLength: 4, maxLength: 30 }), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(payloads, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 40 }), (written, place, garbage) => {
        const bytes = segmentOf(written);
        const from = place % bytes.length;
        const until = Math.min(bytes.length, from + garbage.length);
        const before = Buffer.from(bytes);
        bytes.set(garbage.subarray(0, until - from), from);
        const found = new Set(scanSegment(bytes, name).entries.map(({ seq }) => seq));
        for (const { seq, offset, length } of scanSegment(before, name).entries) {
          if (offset >= until || offset + length <= from) expect(found).toContain(seq);
        }
      }),
    );
  });

  it('counts the bytes that belong to no record', () => {
    const bytes = segmentOf([new Uint8Array(5), new Uint8Array(5)]);
    bytes[segmentHeaderBytes + 16] = 1;
    expect(scanSegment(bytes, name)).toMatchObject({ entries: [{ seq: 2 }], damagedBytes: 21 });
    bytes[0] = 0;
    expect(scanSegment(bytes, name).damagedBytes).toBe(21 + segmentHeaderBytes);
    bytes[bytes.length - 1] = 1;
    expect(scanSegment(bytes, name)).toEqual({ entries: [], damagedBytes: bytes.length });
  });

  it('finds nothing in an empty file, and calls that no damage', () => {
    expect(scanSegment(new Uint8Array(0), name)).toEqual({ entries: [], damagedBytes: 0 });
  });

  it('passes over a record whose number goes backwards', () => {
    const records = [5, 4].map((seq) => encodeRecord(seq, new Uint8Array(1), salt));
    const bytes = Buffer.concat([encodeSegmentHeader(name, 0), ...records]);
    expect(scanSegment(bytes, name).entries.map(({ seq }) => seq)).toEqual([5]);
  });
});
