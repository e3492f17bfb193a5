import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { encodeRecord, parseSegmentName, recordAt, scanSegment, segmentMagic, segmentName } from './segment.ts';

const incarnation = '0123456789abcdef';
const name = { first: 1, incarnation };

function segmentOf(payloads: readonly Uint8Array[]): Buffer {
  return Buffer.concat([segmentMagic, ...payloads.map((payload, index) => encodeRecord(index + 1, payload))]);
}

describe('the name of a segment', () => {
  it('reads back as what it was made of', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.stringMatching(/^[0-9a-f]{16}$/), (first, hex) => {
        expect(parseSegmentName(segmentName({ first, incarnation: hex }))).toEqual({ first, incarnation: hex });
      }),
    );
  });

  it('sorts as its numbers do', () => {
    const names = [9, 10, 100_000].map((first) => segmentName({ first, incarnation }));
    expect(names.toSorted()).toEqual(names);
  });

  it.each(['', 'lost+found', '1-0123456789abcdef.log', `${segmentName(name)}.new`, 'x'.repeat(37)])(
    'is not what "%s" is',
    (other) => {
      expect(parseSegmentName(other)).toBeUndefined();
    },
  );
});

describe('a record', () => {
  it('reads back whatever it holds', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.uint8Array(),
        fc.nat(20),
        (seq, payload, at) => {
          const bytes = Buffer.concat([Buffer.alloc(at, 0xff), encodeRecord(seq, payload)]);
          const entry = recordAt(bytes, at);
          expect(entry?.seq).toBe(seq);
          expect([...(entry?.payload ?? [])]).toEqual([...payload]);
        },
      ),
    );
  });

  it('does not check out when any one of its bits is wrong', () => {
    const record = encodeRecord(7, new TextEncoder().encode('a reading'));
    for (let bit = 0; bit < record.length * 8; bit++) {
      const damaged = record.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(recordAt(damaged, 0), `bit ${bit}`).toBeUndefined();
    }
  });

  it('does not check out when its end is missing', () => {
    const record = encodeRecord(7, new Uint8Array(10));
    for (let length = 0; length < record.length; length++)
      expect(recordAt(record.subarray(0, length), 0)).toBeUndefined();
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
          expect([...(recordAt(bytes, offset)?.payload ?? [])]).toEqual([...(payloads[seq - 1] ?? [])]);
          expect(length).toBe(16 + (payloads[seq - 1]?.length ?? 0));
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
    bytes[8 + 16] = 1;
    expect(scanSegment(bytes, name)).toMatchObject({ entries: [{ seq: 2 }], damagedBytes: 21, damagedTailBytes: 0 });
    bytes[0] = 0;
    expect(scanSegment(bytes, name).damagedBytes).toBe(29);
    bytes[bytes.length - 1] = 1;
    expect(scanSegment(bytes, name)).toMatchObject({ entries: [], damagedTailBytes: 42 });
  });

  it('finds nothing in an empty file, and calls that no damage', () => {
    expect(scanSegment(new Uint8Array(0), name)).toEqual({ entries: [], damagedBytes: 0, damagedTailBytes: 0 });
  });

  it('passes over a record whose number goes backwards', () => {
    const bytes = Buffer.concat([segmentMagic, encodeRecord(5, new Uint8Array(1)), encodeRecord(4, new Uint8Array(1))]);
    expect(scanSegment(bytes, name).entries.map(({ seq }) => seq)).toEqual([5]);
  });
});
