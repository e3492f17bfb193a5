// The segment file: what a log is on disk.
//
//   name     {first sequence number, 16 digits}-{incarnation}.log
//   header   8 bytes "WEIRLOG1"
//   records  length u32 | CRC-32 u32 | sequence number f64 | payload, `length` bytes      (little-endian)
//
// The CRC covers sequence number and payload. A segment is only ever appended to, and deleted whole. A record never
// crosses a segment. The incarnation stands in the name, so that a file whose every byte is damaged still says whose it is.
//
// Reading a damaged segment: at a record that does not check out, the scan looks for the next place where length, CRC and
// sequence number agree. Damage therefore costs the records it hits and no others. A torn end looks the same and costs what
// was never acknowledged. CRC-32 is the one zlib has in native code; docs/decisions/005 says why not CRC-32C.

import { crc32 } from 'node:zlib';

export type Seq = number;

export interface Entry {
  readonly seq: Seq;
  readonly payload: Uint8Array;
}

export const segmentMagic = new TextEncoder().encode('WEIRLOG1');
export const recordHeaderBytes = 16;
/** Far beyond any record; a longer length is damage. */
export const maxPayloadBytes = 8 * 1024 * 1024;

export interface SegmentName {
  readonly first: Seq;
  readonly incarnation: string;
}

export function segmentName({ first, incarnation }: SegmentName): string {
  return `${String(first).padStart(16, '0')}-${incarnation}.log`;
}

export function parseSegmentName(name: string): SegmentName | undefined {
  const match = /^(\d{16})-([0-9a-f]{16})\.log$/.exec(name);
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { first: Number(match[1]), incarnation: match[2] };
}

export function encodeRecord(seq: Seq, payload: Uint8Array): Uint8Array {
  const record = new Uint8Array(recordHeaderBytes + payload.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, payload.length, true);
  view.setFloat64(8, seq, true);
  record.set(payload, recordHeaderBytes);
  view.setUint32(4, crc32(record.subarray(8)), true);
  return record;
}

/** The record at `offset`, or undefined when there is none that checks out. */
export function recordAt(bytes: Uint8Array, offset: number): Entry | undefined {
  const payloadAt = offset + recordHeaderBytes;
  if (payloadAt > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, recordHeaderBytes);
  const length = view.getUint32(0, true);
  if (length > maxPayloadBytes || payloadAt + length > bytes.length) return undefined;
  // Cheap and strict, before the CRC of megabytes that a search through damage would otherwise compute at every byte.
  const seq = view.getFloat64(8, true);
  if (!Number.isSafeInteger(seq) || seq < 1) return undefined;
  if (crc32(bytes.subarray(offset + 8, payloadAt + length)) !== view.getUint32(4, true)) return undefined;
  return { seq, payload: bytes.subarray(payloadAt, payloadAt + length) };
}

export interface Scan {
  readonly entries: readonly { readonly seq: Seq; readonly offset: number; readonly length: number }[];
  /** Bytes that belong to no record that checks out. */
  readonly damagedBytes: number;
  /** Of these, the ones behind the last good record. */
  readonly damagedTailBytes: number;
}

/** Finds every record that checks out, in a segment that may be damaged anywhere. */
export function scanSegment(bytes: Uint8Array, { first }: SegmentName): Scan {
  const entries: { seq: Seq; offset: number; length: number }[] = [];
  const magicIntact = segmentMagic.every((byte, index) => bytes[index] === byte);
  let damagedBytes = magicIntact || bytes.length === 0 ? 0 : Math.min(segmentMagic.length, bytes.length);
  let offset = segmentMagic.length;
  let end = offset;
  let next = first;
  while (offset < bytes.length) {
    const record = recordAt(bytes, offset);
    if (record === undefined || record.seq < next) {
      damagedBytes += 1;
      offset += 1;
      continue;
    }
    const length = recordHeaderBytes + record.payload.length;
    entries.push({ seq: record.seq, offset, length });
    next = record.seq + 1;
    offset += length;
    end = offset;
  }
  return { entries, damagedBytes, damagedTailBytes: Math.max(0, bytes.length - end) };
}
