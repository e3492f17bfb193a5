// The log: append, sync, read, trim over checksummed records in segments that are never rewritten in place. It is used
// several times: as the journal of raw readings, as the black box and, one log a lane, as the outbox.
//
// `append` only remembers; `sync` writes everything appended so far in one go and waits for the disk: that is the group
// commit, and the only moment the disk is waited for. Only what is synced can be read. A failed write keeps what was to be
// written and goes on in a fresh segment at the next sync, because nobody knows what the failed one holds. `trim` deletes
// whole segments, but never the one with the last record: its sequence number is how a restart knows where it was.
// `replace` puts one compacted segment in the place of several.
//
// Opening reads names, sizes and the newest segment; the others are looked into when they are first read (segment-reader.ts). What
// is kept in memory does not depend on the number of records (stored-segment.ts).
//
// The numbers go on behind the last record of the newest segment, or behind what its name says. What nobody can know from the
// folder alone: which numbers stood at the end of the newest segment when that end is gone without a trace. Whoever has passed
// numbers on must therefore ask those who got them (the hub's cursor, the outbox's causes) and `skipTo` there.

import { unfinished, writeCompacted } from './compaction.ts';
import { isGone, joinPath, type Disk } from './disk.ts';
import {
  encodeRecord,
  maxPayloadBytes,
  recordHeaderBytes,
  saltOf,
  segmentName,
  type Entry,
  type Seq,
} from './segment.ts';
import { SegmentList, type SegmentInfo } from './segment-list.ts';
import { SegmentReader, type Damage } from './segment-reader.ts';
import { SegmentWriter, type Unwritten } from './segment-writer.ts';
import type { StoredSegment } from './stored-segment.ts';

export type { Damage, Entry, SegmentInfo, Seq };

const bytesAtOnce = 1024 * 1024;

export interface LogOptions {
  readonly folder: string;
  /** A segment is closed when it would grow beyond this. */
  readonly segmentBytes: number;
  /** 16 hex digits: the identity of the sequence numbers, when the folder is empty. */
  readonly newIncarnation: () => string;
  /** Told of damage when it is met: while opening, or later while reading. */
  readonly onDamage?: (damage: Damage) => void;
}

/** Damage met so far. */
export interface Salvage {
  readonly segments: number;
  readonly bytes: number;
  /** Sequence numbers that are missing because of it, as far as known. */
  readonly records: number;
}

export class Log {
  readonly incarnation: string;
  readonly #disk: Disk;
  readonly #options: LogOptions;
  readonly #salt: number;
  readonly #reader: SegmentReader;
  readonly #writer: SegmentWriter;
  readonly #segments: SegmentList;
  #salvage: Salvage = { segments: 0, bytes: 0, records: 0 };
  #pending: Unwritten[] = [];
  #last: Seq = 0;
  #synced: Seq = 0;
  #work: Promise<unknown> = Promise.resolve();
  #replacing: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** The segment an earlier process wrote last: it may have died before the bytes were synced that are read now. */
  #unsure: string | undefined;

  private constructor(disk: Disk, options: LogOptions, segments: SegmentList) {
    this.#disk = disk;
    this.#options = options;
    this.incarnation = segments.incarnation ?? options.newIncarnation();
    this.#salt = saltOf(this.incarnation);
    this.#segments = segments;
    this.#writer = new SegmentWriter(disk, options, this.incarnation, segments, (seq) => {
      this.#synced = seq;
    });
    this.#reader = new SegmentReader(disk, this.incarnation, (segment, damage) => this.#count(segment, damage));
  }

  /** Always succeeds on whatever is in the folder, unless the disk itself fails. */
  static async open(disk: Disk, options: LogOptions): Promise<Log> {
    await disk.makeFolder(options.folder);
    const log = new Log(disk, options, await SegmentList.find(disk, options.folder));
    await log.#findEnd();
    // What it does not allow now is tried again before anything more is written.
    if (log.#unsure !== undefined) await log.#settle(log.#unsure).catch(() => undefined);
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
    return (this.#segments.oldest?.first ?? this.#last + 1) - 1;
  }

  get bytes(): number {
    return this.#segments.bytes;
  }

  get salvage(): Salvage {
    return this.#salvage;
  }

  /** Oldest first. All but the newest may be replaced. */
  segments(): readonly SegmentInfo[] {
    return this.#segments.infos(this.#synced);
  }

  /** Numbers to come start behind `seq`: numbers somebody has already seen are not given out twice. */
  skipTo(seq: Seq): void {
    if (seq <= this.#last) return;
    if (this.#last === this.#synced) this.#synced = seq;
    this.#last = seq;
  }

  /** Remembers the record for the next `sync`. @returns its sequence number */
  append(payload: Uint8Array): Seq {
    if (payload.length > maxPayloadBytes) {
      throw new RangeError(`a record of ${payload.length} bytes; the log takes up to ${maxPayloadBytes}`);
    }
    this.#last += 1;
    this.#pending.push({ seq: this.#last, record: encodeRecord(this.#last, payload, this.#salt) });
    return this.#last;
  }

  /** Resolves when everything appended before the call survives a power cut. Rejects when the disk fails; call again. */
  sync(): Promise<void> {
    return this.#inOrder(() => this.#flush());
  }

  /** Synced records after `after`, oldest first, until `maxBytes` are read; at least one when there is one. */
  async read(after: Seq, maxBytes: number): Promise<Entry[]> {
    let from = after + 1;
    for (;;) {
      from = Math.max(from, this.trimmed + 1);
      const found = this.#segments.holding(from);
      if (found === undefined || from > this.#synced) return [];
      const { segment, following } = found;
      const through = following === undefined ? Infinity : following.first - 1;
      const entries = await this.#reader.read(segment, { from, through, maxBytes }, following);
      if (entries.length > 0) return entries;
      // Removed or replaced meanwhile: whatever is in its place answers.
      if (segment.retired) continue;
      if (following === undefined) return [];
      from = following.first;
    }
  }

  /** Every synced record after `after`, in order. */
  async *entries(after: Seq): AsyncGenerator<Entry> {
    let position = after;
    for (;;) {
      const batch = await this.read(position, bytesAtOnce);
      if (batch.length === 0) return;
      for (const entry of batch) yield entry;
      position = batch.at(-1)?.seq ?? position;
    }
  }

  /** Deletes the segments that hold nothing after `through`. Rejects when the disk fails; call again. */
  trim(through: Seq): Promise<void> {
    return this.#inOrder(() => this.#segments.trim(through));
  }

  /** Sequence number before the second oldest segment, when a younger one than the oldest holds a record. */
  endOfOldest(): Seq | undefined {
    return this.#segments.endOfOldest();
  }

  /**
   * Puts one compacted segment in the place of the whole segments that hold the numbers from `first` to `last`, as `segments`
   * tells them, the newest excepted. The entries have increasing numbers in between; some may be missing. Appends, syncs and
   * reads go on meanwhile; a reader sees what was there or what is there now, never a mixture.
   * Rejects when the disk fails or an entry does not belong; everything is then as it was.
   * @returns false when a trim was faster: there is nothing to replace any more
   */
  replace(first: Seq, last: Seq, entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<boolean> {
    const work = this.#replacing.then(() => this.#replace(first, last, entries));
    this.#replacing = work.catch(() => undefined);
    return work;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#replacing;
    await this.#work;
    await this.#writer.close();
  }

  #inOrder<T>(act: () => Promise<T>): Promise<T> {
    const work = this.#work.then(act);
    this.#work = work.catch(() => undefined);
    return work;
  }

  #count(segment: StoredSegment, damage: Damage): void {
    const { segments, bytes, records } = this.#salvage;
    this.#salvage = {
      segments: segment.damaged ? segments : segments + 1,
      bytes: bytes + damage.bytes,
      records: records + damage.records,
    };
    this.#options.onDamage?.(damage);
  }

  async #findEnd(): Promise<void> {
    const newest = this.#segments.newest;
    if (newest === undefined) return;
    this.#unsure = newest.path;
    if (newest.name.compacted !== undefined) {
      this.#last = newest.name.compacted.last;
      this.#writer.written = this.#last;
    } else {
      const tail = await this.#reader.readNewest(newest);
      const found = newest.frontier.next - 1;
      this.#writer.written = found >= newest.first ? found : await this.#reader.before(newest);
      // Damage behind the last good record may have been records, and somebody may have seen their numbers.
      this.#last = found + Math.floor(tail / recordHeaderBytes);
    }
    this.#synced = this.#last;
  }

  async #replace(first: Seq, last: Seq, entries: Iterable<Entry> | AsyncIterable<Entry>): Promise<boolean> {
    const originals = this.#segments.whole(first, last);
    const [oldest] = originals;
    if (oldest === undefined) {
      throw new RangeError(`the numbers from ${first} to ${last} are not those of whole segments before the newest`);
    }
    await this.#inOrder(() => this.#segments.removeLeftOvers());
    const version = 1 + Math.max(...originals.map(({ name }) => name.compacted?.version ?? 0));
    const name = { first, incarnation: this.incarnation, compacted: { last, version } };
    const path = joinPath(this.#options.folder, segmentName(name));
    try {
      const before = await this.#reader.before(oldest);
      const compacted = await writeCompacted(this.#disk, this.#options.folder, name, before, this.#until(entries));
      return await this.#inOrder(() => this.#segments.replace(originals, compacted));
    } catch (error) {
      await this.#inOrder(() => this.#segments.removeLeftOvers([unfinished(path), path])).catch(() => undefined);
      throw error;
    }
  }

  /** The entries, until the log is closed. */
  async *#until(entries: Iterable<Entry> | AsyncIterable<Entry>): AsyncGenerator<Entry> {
    for await (const entry of entries) {
      if (this.#closed) throw new Error('the log was closed');
      yield entry;
    }
  }

  /** What was found must be as durable as what is built on it: an earlier process may have been killed between write and sync. */
  async #settle(path: string): Promise<void> {
    await this.#disk.syncFile(path).catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
    await this.#disk.syncFolder(this.#options.folder);
    this.#unsure = undefined;
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return;
    if (this.#unsure !== undefined) await this.#settle(this.#unsure);
    const pending = this.#pending;
    this.#pending = [];
    let written = 0;
    try {
      while (written < pending.length) written += await this.#writer.write(pending, written);
    } catch (error) {
      this.#pending = [...pending.slice(written), ...this.#pending];
      this.#writer.abandon();
      throw error;
    }
    // Numbers passed over since then count as synced.
    if (this.#pending.length === 0) this.#synced = this.#last;
  }
}
