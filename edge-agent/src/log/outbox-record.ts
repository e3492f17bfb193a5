// One record of an outbox lane: a small head, and the frame that travels.
//
//   version | span | readings | readings through | journal incarnation text | cause | index | count | frame
//
// `span`: for how many sequence numbers the record stands. 1 as it was written; records that waited long are merged, and the
// merged one carries the last of their numbers. `readings`: what its panes report for the first time (`fresh`). `readings
// through`: the same, summed over everything the lane ever held in this incarnation, up to and with this record: so what waits, and
// what is lost where a stretch is missing, are differences of two numbers.
//
// `cause` is the journal block the outputs came from, `index` and `count` say which of its outputs: where a replay goes on. Raw
// readings have no cause, and their `count` is how many there are.

import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import type { Entry, Seq } from './log.ts';

const version = 2;

/** Which outputs of the journal a record holds. */
export interface Origin {
  readonly journal: string;
  readonly cause: Seq;
  readonly index: number;
  readonly count: number;
}

export interface OutboxEntry {
  readonly seq: Seq;
  readonly frame: Uint8Array;
  readonly span: number;
  readonly readings: number;
  readonly readingsThrough: number;
}

export interface OutboxRecord extends OutboxEntry {
  readonly origin: Origin;
}

export function encodeOutboxRecord({
  span,
  readings,
  readingsThrough,
  origin,
  frame,
}: Omit<OutboxRecord, 'seq'>): Uint8Array {
  const to = new ByteWriter(frame.length + 64);
  to.varint(version);
  to.varint(span);
  to.varint(readings);
  to.varint(readingsThrough);
  to.text(origin.journal);
  to.varint(origin.cause);
  to.varint(origin.index);
  to.varint(origin.count);
  to.blob(frame);
  return to.take();
}

/** @returns undefined when an agent of another version has written it; the checksum around it has ruled out damage */
export function decodeOutboxRecord({ seq, payload }: Entry): OutboxRecord | undefined {
  const from = new ByteReader(payload);
  try {
    if (from.varint() !== version) return undefined;
    const [span, readings, readingsThrough] = [from.varint(), from.varint(), from.varint()];
    const origin = { journal: from.text(), cause: from.varint(), index: from.varint(), count: from.varint() };
    return { seq, span, readings, readingsThrough, origin, frame: from.blob() };
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}
