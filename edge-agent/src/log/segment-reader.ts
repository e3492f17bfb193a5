// Reading segments: stretch by stretch from the disk, from record to record through whatever is there, counting the damage on the way.
//
// An older segment is read for the first time when somebody wants a record of it; until then nobody knows whether it is intact. A
// place the medium cannot read any more (EIO, again and again) is damage like any other: it costs the records it hits.

import { basename } from 'node:path';
import { isGone, isMediumError, readAround, type Disk } from './disk.ts';
import {
  decodeSegmentHeader,
  endMark,
  saltOf,
  segmentHeaderBytes,
  walkRecords,
  type Entry,
  recordHeaderBytes,
  type Seq,
} from './segment.ts';
import type { Place, StoredSegment } from './stored-segment.ts';

const smallestStretch = 64 * 1024;
const largestStretch = 1024 * 1024;
/** After so many refusals in a row the place counts as unreadable for good. */
const refusalsAllowed = 3;

export interface Damage {
  /** Name of the segment file. */
  readonly file: string;
  /** Bytes that belong to no record. */
  readonly bytes: number;
  /** Sequence numbers that are missing because of it, as far as known; where records were merged, at most these. */
  readonly records: number;
  /** The torn end of the segment that was being written: usually what a power cut leaves of a commit nobody was told of. */
  readonly torn: boolean;
}

interface Walk {
  readonly through: Seq;
  readonly end: number;
  readonly take: (seq: Seq, at: number, length: number, base: number) => boolean;
}

export class SegmentReader {
  readonly #disk: Disk;
  readonly #salt: number;
  readonly #report: (segment: StoredSegment, damage: Damage) => void;

  constructor(disk: Disk, incarnation: string, report: (segment: StoredSegment, damage: Damage) => void) {
    this.#disk = disk;
    this.#salt = saltOf(incarnation);
    this.#report = report;
  }

  /**
   * Records from `from` to `through`, until `maxBytes` are read and at least one; none when the segment holds none, or when it was
   * retired meanwhile. Rejects when the disk fails.
   * @param following the segment behind, which tells whether the end of this one is missing
   */
  async read(
    segment: StoredSegment,
    { from, through, maxBytes }: { from: Seq; through: Seq; maxBytes: number },
    following: StoredSegment | undefined,
  ): Promise<Entry[]> {
    const entries: Entry[] = [];
    // The segment may grow while it is read; `through` knows nothing of that.
    const end = segment.bytes;
    const isFull = (offset: number): boolean => start >= 0 && offset - start >= maxBytes;
    let start = -1;
    let place = segment.placeFor(from);
    const wanted = Math.min(largestStretch, Math.max(smallestStretch, Math.ceil(maxBytes)));
    let needed = 0;
    while (place.offset < end && !isFull(place.offset)) {
      // For the last record that crosses the end of a stretch, not more than is still asked for.
      const left = start < 0 ? wanted : Math.min(wanted, Math.ceil(maxBytes) - (place.offset - start));
      const length = Math.min(Math.max(left, needed), end - place.offset);
      const bytes = await this.#bytes(segment, place.offset, length);
      if (segment.retired) return [];
      const take = (seq: Seq, at: number, length: number, base: number): boolean => {
        if (isFull(base + at)) return false;
        if (seq < from) return true;
        if (start < 0) start = base + at;
        entries.push({ seq, payload: bytes.subarray(at + recordHeaderBytes, at + length) });
        return true;
      };
      const walked = this.#walk(segment, place, bytes, { through, end, take });
      place = walked.place;
      needed = walked.wanted;
    }
    segment.stoppedAt(place);
    if (place.offset >= segment.bytes && !segment.settled) await this.#settle(segment, following);
    return segment.retired ? [] : entries;
  }

  /** Reads all of the segment that a log ends with. @returns how many bytes behind its last record belong to none */
  async readNewest(segment: StoredSegment): Promise<number> {
    let place: Place = segment.frontier;
    let wanted = largestStretch;
    while (place.offset < segment.bytes) {
      const bytes = await this.#bytesAnyway(segment, place.offset, Math.min(wanted, segment.bytes - place.offset));
      const walked = this.#walk(segment, place, bytes, { through: Infinity, end: segment.bytes, take: () => true });
      place = walked.place;
      wanted = Math.max(wanted, walked.wanted);
    }
    segment.settled = true;
    const { bad } = segment;
    this.#tell(segment, { bytes: bad, records: 0, torn: true });
    return Math.max(0, Math.min(bad, segment.bytes - segmentHeaderBytes));
  }

  /** Last number written before the segment; 0 when nobody knows. */
  async before(segment: StoredSegment): Promise<Seq> {
    if (segment.before === undefined) {
      const bytes = await this.#disk.read(segment.path, 0, segmentHeaderBytes).catch((error: unknown) => {
        if (isGone(error) || isMediumError(error)) return new Uint8Array(0);
        throw error;
      });
      segment.before = decodeSegmentHeader(segment.name, bytes) ?? 'damaged';
    }
    return segment.before === 'damaged' ? 0 : segment.before;
  }

  #walk(
    segment: StoredSegment,
    place: Place,
    bytes: Uint8Array,
    { through, end, take }: Walk,
  ): { place: Place; wanted: number } {
    const base = place.offset;
    let { next } = place;
    let at = 0;
    if (base === 0) {
      at = Math.min(segmentHeaderBytes, bytes.length);
      segment.before = decodeSegmentHeader(segment.name, bytes) ?? 'damaged';
      if (segment.before === 'damaged') this.#bad(segment, { next, offset: 0 }, at);
      else segment.passed(at);
    }
    const { compacted } = segment.name;
    const last = compacted?.last ?? Infinity;
    const mark = compacted && endMark(compacted.last);
    const atEnd = base + bytes.length >= end;
    const walked = walkRecords(
      bytes,
      at,
      { next, through: Math.min(through, last), mark, salt: this.#salt, atEnd },
      {
        record: (seq, offset, length) => {
          if (!take(seq, offset, length, base)) return false;
          this.#good(segment, seq, base + offset, length);
          next = seq + 1;
          return true;
        },
        beyond: (seq, offset, length) => {
          if (seq === mark) this.#good(segment, seq, base + offset, length);
          else segment.passed(base + offset + length);
        },
        damaged: (offset, length) => this.#bad(segment, { next, offset: base + offset }, length),
      },
    );
    return { place: { next, offset: base + walked.at }, wanted: walked.wanted };
  }

  #good(segment: StoredSegment, seq: Seq, offset: number, length: number): void {
    if (offset < segment.frontier.offset) return;
    if (segment.bad > 0) {
      this.#tell(segment, {
        bytes: segment.bad,
        records: Math.max(0, Math.floor(seq) - segment.frontier.next),
        torn: false,
      });
    }
    segment.recordAt(seq, offset, length);
  }

  #bad(segment: StoredSegment, place: Place, length: number): void {
    if (place.offset < segment.frontier.offset && !segment.damaged) segment.backTo(place);
    const end = place.offset + length;
    const fresh = end - Math.max(place.offset, segment.frontier.offset);
    if (fresh <= 0) return;
    segment.bad += fresh;
    segment.passed(end);
  }

  /** At the end of the segment: is there as much in it as there should be? */
  async #settle(segment: StoredSegment, following: StoredSegment | undefined): Promise<void> {
    const { next } = segment.frontier;
    const { compacted } = segment.name;
    // The record at the end of a compacted segment, when it is there, has moved `next` on.
    let missing = compacted === undefined ? 0 : Math.max(0, compacted.last + 1 - next);
    if (following !== undefined) {
      await this.before(following);
      if (segment.retired || segment.settled) return;
      const until = typeof following.before === 'number' ? following.before : following.first - 1;
      const through = compacted?.last ?? next - 1;
      missing += Math.max(0, Math.min(until, following.first - 1) - through);
      // What a failed sync has left behind is no damage: what it was about stands in the segment that follows.
      if (compacted === undefined && missing === 0) segment.bad = 0;
    }
    segment.settled = following !== undefined || compacted !== undefined;
    if (segment.settled) this.#tell(segment, { bytes: segment.bad, records: missing, torn: false });
  }

  #tell(segment: StoredSegment, damage: Omit<Damage, 'file'>): void {
    segment.bad = 0;
    if (damage.bytes === 0 && damage.records === 0) return;
    this.#report(segment, { file: basename(segment.path), ...damage });
    segment.damaged = true;
    segment.worthKeeping ||= !damage.torn;
  }

  async #bytes(segment: StoredSegment, offset: number, length: number): Promise<Uint8Array> {
    try {
      const bytes = await this.#disk.read(segment.path, offset, length);
      segment.refusals = 0;
      return segment.retired ? bytes : filled(bytes, length);
    } catch (error) {
      if (segment.retired || isGone(error)) return new Uint8Array(length);
      if (!isMediumError(error)) throw error;
      segment.refusals += 1;
      if (segment.refusals < refusalsAllowed) throw error;
      return readAround(this.#disk, segment.path, offset, length);
    }
  }

  /** A log must open whatever the medium refuses to read. */
  async #bytesAnyway(segment: StoredSegment, offset: number, length: number): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#bytes(segment, offset, length);
      } catch (error) {
        if (!isMediumError(error)) throw error;
        if (attempt >= refusalsAllowed) return new Uint8Array(length);
      }
    }
  }
}

/** What a file no longer holds is as good as zeros. */
function filled(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length >= length) return bytes;
  const whole = new Uint8Array(length);
  whole.set(bytes);
  return whole;
}
