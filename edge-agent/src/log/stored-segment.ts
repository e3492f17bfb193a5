// What a log knows of one of its segments: its name, its size, and a few places in it.
//
// Nothing here grows with the number of records: there is one place for every 64 KB, found while the segment is written or first
// read. How far it was read is its frontier; damage is counted once, when the frontier passes it.

import { segmentHeaderBytes, type Seq, type SegmentName } from './segment.ts';

const bytesBetweenPlaces = 64 * 1024;

/** Every record before `offset` has a number below `next`, every record from there on `next` or more. */
export interface Place {
  readonly next: Seq;
  readonly offset: number;
}

export class StoredSegment {
  readonly path: string;
  readonly name: SegmentName;
  /** As far as this process knows what is in it. */
  bytes: number;
  /** Removed or replaced: who was reading it asks the one in its place. */
  retired = false;
  /** What its header says of the last number before it; undefined until it is read, 'damaged' when it does not check out. */
  before: Seq | 'damaged' | undefined;
  /** Its end was reached and weighed against the segment behind it. */
  settled = false;
  damaged = false;
  /** Damaged, and not just torn at its end. */
  worthKeeping = false;
  /** Reads in a row that the disk refused with an error of the medium. */
  refusals = 0;
  /** Bytes in front of the frontier that belong to no record, since the last record. */
  bad = 0;
  #frontier: Place;
  /** Where the last reader stopped. */
  #resume: Place;
  readonly #nexts: Seq[] = [];
  readonly #offsets: number[] = [];

  constructor(path: string, name: SegmentName, bytes: number) {
    this.path = path;
    this.name = name;
    this.bytes = bytes;
    this.#frontier = { next: name.first, offset: 0 };
    this.#resume = this.#frontier;
  }

  /** A segment this process makes; its header is about to be written. */
  static made(path: string, name: SegmentName, before: Seq): StoredSegment {
    const segment = new StoredSegment(path, name, segmentHeaderBytes);
    segment.before = before;
    segment.passed(segmentHeaderBytes);
    return segment;
  }

  get first(): Seq {
    return this.name.first;
  }

  get frontier(): Place {
    return this.#frontier;
  }

  get mayHoldRecords(): boolean {
    return this.bytes > segmentHeaderBytes;
  }

  /** Where reading for `from` begins. */
  placeFor(from: Seq): Place {
    let [low, high] = [0, this.#nexts.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#nexts[middle] ?? Infinity) <= from) low = middle + 1;
      else high = middle;
    }
    const place = { next: this.#nexts[low - 1] ?? this.first, offset: this.#offsets[low - 1] ?? 0 };
    return this.#resume.next <= from && this.#resume.offset > place.offset ? this.#resume : place;
  }

  stoppedAt(place: Place): void {
    this.#resume = place;
  }

  /** A record was written or read. */
  recordAt(seq: Seq, offset: number, length: number): void {
    if (offset < this.#frontier.offset) return;
    if (offset - (this.#offsets.at(-1) ?? 0) >= bytesBetweenPlaces) {
      this.#nexts.push(seq);
      this.#offsets.push(offset);
    }
    this.#frontier = { next: seq + 1, offset: offset + length };
    this.bad = 0;
  }

  /** There is nothing of use up to `offset`. */
  passed(offset: number): void {
    if (offset > this.#frontier.offset) this.#frontier = { next: this.#frontier.next, offset };
  }

  /** Bytes that were good when the frontier passed them are no longer: damage is counted from there once more. */
  backTo(place: Place): void {
    this.#frontier = place;
    this.bad = 0;
    this.settled = false;
  }
}
