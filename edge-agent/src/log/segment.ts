// The segment file: what a log is on disk.
//
//   name     {first}-{incarnation}.log                        as it was written
//            {first}-{last}-{version}-{incarnation}.log       compacted: stands for every number from first to last
//   header   "WEIRLOG2" | CRC-32 u32 | f64: last number written before this segment, 0 when nobody knows
//   records  length u32 | CRC-32 u32 | sequence number f64 | payload, `length` bytes              (little-endian)
//
// Numbers in names have 16 digits, the version excepted. The CRC of a record covers sequence number and payload, and starts from
// the incarnation: a stretch of another log that ends up in this file does not check out. The CRC of the header goes on over the
// first number, as in the name: the header of another segment does not check out. A segment is only ever appended to, and
// deleted whole. A record never crosses a segment. The incarnation stands in the name, so that a file whose every byte is
// damaged still says whose it is.
//
// A compacted segment takes the place of consecutive ones: numbers may be missing in it, because their records were merged
// into later ones. It ends in an empty record whose number is its last and one and a half; without it, its end is missing. Of several
// that stand for the same numbers the highest version counts.
//
// The number in the header tells a hole that damage has made (the end of the segment before, or a whole file) from numbers
// that were passed over on purpose.
//
// Reading a damaged segment: at a record that does not check out, the walk looks for the next place where length, CRC and
// sequence number agree. Damage therefore costs the records it hits and no others. A torn end looks the same and costs what
// was never acknowledged. CRC-32 is the one zlib has in native code; docs/decisions/005 says why not CRC-32C.

import { crc32 } from 'node:zlib';

export type Seq = number;

export interface Entry {
  readonly seq: Seq;
  readonly payload: Uint8Array;
}

const magic = new TextEncoder().encode('WEIRLOG2');
export const segmentHeaderBytes = magic.length + 4 + 8;
export const recordHeaderBytes = 16;
/** More records than a failed sync can leave in a segment. */
const maxLeftBehind = 1e6;
/** Far beyond any record; a longer length is damage. */
export const maxPayloadBytes = 8 * 1024 * 1024;

export interface SegmentName {
  readonly first: Seq;
  readonly incarnation: string;
  readonly compacted?: { readonly last: Seq; readonly version: number };
}

export function segmentName({ first, incarnation, compacted }: SegmentName): string {
  const digits = (seq: Seq): string => String(seq).padStart(16, '0');
  const range = compacted === undefined ? '' : `${digits(compacted.last)}-${compacted.version}-`;
  return `${digits(first)}-${range}${incarnation}.log`;
}

export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^(\d{16})-(?:(\d{16})-([1-9]\d{0,8})-)?([0-9a-f]{16})\.log$/.exec(name);
  if (match === null) return undefined;
  const [, first = '', last, version, incarnation = ''] = match;
  if (last === undefined) return { first: Number(first), incarnation };
  return { first: Number(first), incarnation, compacted: { last: Number(last), version: Number(version) } };
}

/** What the checksums of an incarnation start from. */
export function saltOf(incarnation: string): number {
  return crc32(incarnation);
}

/** @param before the last number written before this segment; 0 when nobody knows */
export function encodeSegmentHeader({ first, incarnation }: SegmentName, before: Seq): Uint8Array {
  const header = new Uint8Array(segmentHeaderBytes);
  const view = new DataView(header.buffer);
  header.set(magic);
  view.setFloat64(magic.length + 4, before, true);
  view.setUint32(magic.length, headerSum(header, first, incarnation), true);
  return header;
}

/** @returns the last number written before the segment, 0 when nobody knew; undefined when the header does not check out */
export function decodeSegmentHeader({ first, incarnation }: SegmentName, bytes: Uint8Array): Seq | undefined {
  if (bytes.length < segmentHeaderBytes || !magic.every((byte, index) => bytes[index] === byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, segmentHeaderBytes);
  return headerSum(bytes, first, incarnation) === view.getUint32(magic.length, true)
    ? view.getFloat64(magic.length + 4, true)
    : undefined;
}

function headerSum(bytes: Uint8Array, first: Seq, incarnation: string): number {
  const covered = bytes.subarray(magic.length + 4, segmentHeaderBytes);
  return crc32(String(first), crc32(covered, saltOf(incarnation)));
}

export function encodeRecord(seq: Seq, payload: Uint8Array, salt: number): Uint8Array {
  const record = new Uint8Array(recordHeaderBytes + payload.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, payload.length, true);
  view.setFloat64(8, seq, true);
  record.set(payload, recordHeaderBytes);
  view.setUint32(4, crc32(record.subarray(8), salt), true);
  return record;
}

/** The number of the empty record at the end of a compacted segment. No other record can have it. */
export function endMark(last: Seq): number {
  return last + 1.5;
}

export interface WalkOptions {
  /** No record of this segment has a number below. */
  readonly next: Seq;
  /** Nor above: such a record is what a failed sync has left behind, and its number was given to a record of a later segment. */
  readonly through: Seq;
  /** A number beyond that is no sequence number and yet counts. */
  readonly mark: number | undefined;
  readonly salt: number;
  /** Nothing comes behind these bytes. */
  readonly atEnd: boolean;
}

export interface Visitor {
  /** A record that checks out. @returns false to stop in front of it */
  record(seq: Seq, at: number, length: number): boolean;
  /** A record that checks out and has a number beyond `through`. */
  beyond(seq: Seq, at: number, length: number): void;
  /** Bytes that belong to no record. */
  damaged(at: number, length: number): void;
}

export interface Walked {
  /** Everything before was dealt with. */
  readonly at: number;
  /** How many bytes from `at` on must be there to go on; 0 when there is nothing to go on with, or a visitor has stopped. */
  readonly wanted: number;
}

/** Goes from record to record through a stretch of a segment that may be damaged anywhere. */
export function walkRecords(bytes: Uint8Array, from: number, options: WalkOptions, visitor: Visitor): Walked {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const { through, atEnd } = options;
  let { next } = options;
  let at = from;
  let bad = 0;
  const told = (walked: Walked): Walked => {
    if (bad > 0) visitor.damaged(walked.at - bad, bad);
    bad = 0;
    return walked;
  };
  while (at < bytes.length) {
    const length = recordLength(bytes, view, at, next, options);
    if (length < 0 && !atEnd) return told({ at, wanted: -length });
    if (length <= 0) {
      bad += 1;
      at += 1;
      continue;
    }
    told({ at, wanted: 0 });
    const seq = view.getFloat64(at + 8, true);
    if (seq > through) visitor.beyond(seq, at, length);
    else if (visitor.record(seq, at, length)) next = seq + 1;
    else return { at, wanted: 0 };
    at += length;
  }
  return told({ at, wanted: 0 });
}

/** @returns its length with header; 0 when no record is there; how much more than is there it needs, as a negative number */
function recordLength(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  next: Seq,
  { through, mark, salt }: WalkOptions,
): number {
  if (at + recordHeaderBytes > bytes.length) return -recordHeaderBytes;
  const length = view.getUint32(at, true);
  if (length > maxPayloadBytes) return 0;
  // Cheap and strict, before the CRC of megabytes that a search through damage would otherwise compute at every byte.
  const seq = view.getFloat64(at + 8, true);
  if (!(seq >= next && seq <= through + maxLeftBehind) || seq < 1) return 0;
  if (!Number.isSafeInteger(seq) && seq !== mark) return 0;
  const whole = recordHeaderBytes + length;
  if (at + whole > bytes.length) return -whole;
  return crc32(bytes.subarray(at + 8, at + whole), salt) === view.getUint32(at + 4, true) ? whole : 0;
}

export interface Scan {
  readonly entries: readonly { readonly seq: Seq; readonly offset: number; readonly length: number }[];
  /** Bytes that belong to no record that checks out. */
  readonly damagedBytes: number;
}

/** Every record that checks out in the bytes of a whole segment. */
export function scanSegment(bytes: Uint8Array, name: SegmentName): Scan {
  const { first, incarnation, compacted } = name;
  const salt = saltOf(incarnation);
  const entries: { seq: Seq; offset: number; length: number }[] = [];
  const headerBytes = Math.min(segmentHeaderBytes, bytes.length);
  let damagedBytes = decodeSegmentHeader(name, bytes) === undefined ? headerBytes : 0;
  const through = compacted?.last ?? Infinity;
  const mark = compacted && endMark(compacted.last);
  walkRecords(
    bytes,
    headerBytes,
    { next: first, through, mark, salt, atEnd: true },
    {
      record: (seq, offset, length) => entries.push({ seq, offset, length }) > 0,
      beyond: () => undefined,
      damaged: (_, length) => (damagedBytes += length),
    },
  );
  return { entries, damagedBytes };
}
