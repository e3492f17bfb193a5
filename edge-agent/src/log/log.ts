// The log: append, sync, read, trim over checksummed records in segments that are never rewritten in place. It is used
// twice: as the journal of raw readings and, one log a lane, as the outbox.
//
// `append` only remembers; `sync` writes everything appended so far in one go and waits for the disk: that is the group
// commit, and the only moment the disk is waited for. Only what is synced can be read. A failed write keeps what was to be
// written and goes on in a fresh segment at the next sync, because nobody knows what the failed one holds. `trim` deletes
// whole segments, but never the one with the last record: its sequence number is how a restart knows where it was.

import type { Disk, DiskFile } from './disk.ts';
import { joinPath } from './disk.ts';
import {
  encodeRecord,
  parseSegmentName,
  recordAt,
  recordHeaderBytes,
  scanSegment,
  segmentMagic,
  segmentName,
  type Entry,
  type Seq,
} from './segment.ts';

export type { Entry, Seq };

export interface LogOptions {
  readonly folder: string;
  /** A segment is closed when it would grow beyond this. */
  readonly segmentBytes: number;
  /** 16 hex digits: the identity of the sequence numbers, when the folder is empty. */
  readonly newIncarnation: () => string;
}

interface Segment {
  readonly path: string;
  readonly first: Seq;
  /** Where each record starts, by `seq - first`; NaN where the record is damaged. */
  readonly offsets: number[];
  bytes: number;
}

export interface Salvage {
  readonly segments: number;
  readonly bytes: number;
}

export class Log {
  readonly incarnation: string;
  /** Damage found when the log was opened. */
  readonly salvage: Salvage;
  readonly #disk: Disk;
  readonly #options: LogOptions;
  readonly #segments: Segment[];
  #pending: Uint8Array[] = [];
  #last: Seq;
  #synced: Seq;
  #file: DiskFile | undefined;
  #work: Promise<void> = Promise.resolve();

  private constructor(disk: Disk, options: LogOptions, incarnation: string, segments: Segment[], salvage: Salvage) {
    this.#disk = disk;
    this.#options = options;
    this.incarnation = incarnation;
    this.#segments = segments;
    this.salvage = salvage;
    const newest = segments.at(-1);
    this.#last = newest === undefined ? 0 : newest.first + newest.offsets.length - 1;
    this.#synced = this.#last;
  }

  /** Always succeeds on whatever is in the folder, unless the disk itself fails. */
  static async open(disk: Disk, options: LogOptions): Promise<Log> {
    await disk.makeFolder(options.folder);
    const names = (await disk.list(options.folder)).toSorted();
    const found = names.map((file) => ({ file, name: parseSegmentName(file) }));
    const incarnation = found.findLast(({ name }) => name !== undefined)?.name?.incarnation ?? options.newIncarnation();
    const segments: Segment[] = [];
    let damagedSegments = 0;
    let damagedBytes = 0;
    let damagedTail = 0;
    for (const { file, name } of found) {
      if (name?.incarnation !== incarnation) continue;
      const path = joinPath(options.folder, file);
      const bytes = await disk.readAll(path);
      const scan = scanSegment(bytes, name);
      if (scan.damagedBytes > 0) damagedSegments += 1;
      damagedBytes += scan.damagedBytes;
      const offsets: number[] = [];
      for (const { seq, offset } of scan.entries) {
        while (offsets.length < seq - name.first) offsets.push(NaN);
        offsets.push(offset);
      }
      // What an earlier segment says about numbers of this one was never acknowledged: a failed sync had left it behind.
      const before = segments.at(-1);
      if (before !== undefined) before.offsets.length = Math.min(before.offsets.length, name.first - before.first);
      segments.push({ path, first: name.first, offsets, bytes: bytes.length });
      damagedTail = scan.damagedTailBytes;
    }
    const log = new Log(disk, options, incarnation, segments, { segments: damagedSegments, bytes: damagedBytes });
    // Damage behind the last good record may have been records, and somebody may have seen their numbers.
    log.skipTo(log.last + Math.floor(damagedTail / recordHeaderBytes));
    return log;
  }

  /** Sequence number of the last record appended; 0 before the first. */
  get last(): Seq {
    return this.#last;
  }

  /** Sequence number of the last record that survives a power cut. */
  get synced(): Seq {
    return this.#synced;
  }

  /** Sequence number before the oldest record kept. */
  get trimmed(): Seq {
    return (this.#segments[0]?.first ?? this.#last + 1) - 1;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Numbers to come start behind `seq`: numbers somebody has already seen are not given out twice. */
  skipTo(seq: Seq): void {
    if (seq <= this.#last) return;
    this.#last = seq;
    this.#synced = seq;
    this.#abandon();
  }

  /** Remembers the record for the next `sync`. @returns its sequence number */
  append(payload: Uint8Array): Seq {
    this.#last += 1;
    this.#pending.push(encodeRecord(this.#last, payload));
    return this.#last;
  }

  /** Resolves when everything appended before the call survives a power cut. Rejects when the disk fails; call again. */
  sync(): Promise<void> {
    const work = this.#work.then(() => this.#flush());
    this.#work = work.catch(() => undefined);
    return work;
  }

  /** Synced records after `after`, oldest first, until `maxBytes` are read; at least one when there is one. */
  async read(after: Seq, maxBytes: number): Promise<Entry[]> {
    let from = Math.max(after, this.trimmed) + 1;
    while (from <= this.#synced) {
      const segment = this.#segments.findLast((candidate) => candidate.first <= from);
      if (segment === undefined) return [];
      const { entries, next } = await this.#readSegment(segment, from, maxBytes);
      if (entries.length > 0) return entries;
      if (next !== undefined) from = next;
      else {
        const following = this.#segments[this.#segments.indexOf(segment) + 1];
        if (following === undefined) return [];
        from = following.first;
      }
    }
    return [];
  }

  /** Every synced record after `after`, in order. */
  async *entries(after: Seq): AsyncGenerator<Entry> {
    let position = after;
    for (;;) {
      const batch = await this.read(position, 4 * 1024 * 1024);
      if (batch.length === 0) return;
      for (const entry of batch) yield entry;
      position = batch.at(-1)?.seq ?? position;
    }
  }

  /** Deletes the segments that hold nothing after `through`. Rejects when the disk fails; call again. */
  trim(through: Seq): Promise<void> {
    const work = this.#work.then(() => this.#removeUntil(through));
    this.#work = work.catch(() => undefined);
    return work;
  }

  /** Sequence number before the second oldest segment, when a younger one than the oldest holds a record. */
  endOfOldest(): Seq | undefined {
    const [, next, ...younger] = this.#segments;
    if (next === undefined || ![next, ...younger].some(({ offsets }) => offsets.length > 0)) return undefined;
    return next.first - 1;
  }

  async close(): Promise<void> {
    await this.#work;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #removeUntil(through: Seq): Promise<void> {
    for (;;) {
      const [oldest] = this.#segments;
      const end = this.endOfOldest();
      if (oldest === undefined || end === undefined || end > through) return;
      await this.#disk.remove(oldest.path);
      this.#segments.shift();
    }
  }

  async #flush(): Promise<void> {
    const records = this.#pending;
    if (records.length === 0) return;
    this.#pending = [];
    let written = 0;
    try {
      while (written < records.length) written += await this.#writeSome(records, written);
    } catch (error) {
      this.#pending = [...records.slice(written), ...this.#pending];
      this.#abandon();
      throw error;
    }
  }

  /** Writes and syncs as many records as fit into one segment. @returns how many */
  async #writeSome(records: readonly Uint8Array[], start: number): Promise<number> {
    const first = this.#synced + 1;
    const { file, segment } = await this.#segmentFor(first, records[start]?.length ?? 0);
    let end = start;
    let bytes = 0;
    while (
      end < records.length &&
      (end === start || segment.bytes + bytes + (records[end]?.length ?? 0) <= this.#options.segmentBytes)
    ) {
      bytes += records[end]?.length ?? 0;
      end += 1;
    }
    const chosen = records.slice(start, end);
    await file.append(concat(chosen, bytes));
    await file.sync();
    for (const record of chosen) {
      segment.offsets.push(segment.bytes);
      segment.bytes += record.length;
    }
    this.#synced += chosen.length;
    return chosen.length;
  }

  async #segmentFor(first: Seq, bytes: number): Promise<{ file: DiskFile; segment: Segment }> {
    const current = this.#segments.at(-1);
    if (this.#file !== undefined && current !== undefined && current.bytes + bytes <= this.#options.segmentBytes) {
      return { file: this.#file, segment: current };
    }
    await this.#file?.close();
    this.#file = undefined;
    // A segment of an earlier run is never appended to: its end may be torn. One that held nothing gives up its name, also
    // when it is there only because making it failed half-way.
    const path = joinPath(this.#options.folder, segmentName({ first, incarnation: this.incarnation }));
    await this.#disk.remove(path);
    if (current?.path === path) this.#segments.pop();
    const file = await this.#disk.create(path);
    this.#file = file;
    const segment = { path, first, offsets: [], bytes: segmentMagic.length };
    this.#segments.push(segment);
    await file.append(segmentMagic);
    await this.#disk.syncFolder(this.#options.folder);
    return { file, segment };
  }

  /** @returns what checks out of one stretch of the segment, and where the next stretch begins, if there is one */
  async #readSegment(
    segment: Segment,
    from: Seq,
    maxBytes: number,
  ): Promise<{ entries: Entry[]; next: Seq | undefined }> {
    const count = Math.min(segment.offsets.length, this.#synced - segment.first + 1);
    const offsetOf = (index: number): number => segment.offsets[index] ?? NaN;
    let start = from - segment.first;
    while (start < count && Number.isNaN(offsetOf(start))) start += 1;
    if (start >= count) return { entries: [], next: undefined };
    let end = start + 1;
    while (end < count && !(offsetOf(end) - offsetOf(start) >= maxBytes)) end += 1;
    const until = end < count ? offsetOf(end) : segment.bytes;
    const bytes = await this.#disk.read(segment.path, offsetOf(start), until - offsetOf(start));
    const entries: Entry[] = [];
    for (let index = start; index < end; index++) {
      const entry = Number.isNaN(offsetOf(index)) ? undefined : recordAt(bytes, offsetOf(index) - offsetOf(start));
      if (entry !== undefined) entries.push(entry);
    }
    return { entries, next: end < count ? segment.first + end : undefined };
  }

  #abandon(): void {
    const file = this.#file;
    this.#file = undefined;
    file?.close().catch(() => undefined);
  }
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
