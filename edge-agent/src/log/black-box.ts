// The black box: days of raw readings on the gateway, as many as fit into its bytes; the oldest go.
//
// The journal is written at every commit, block by block; it is the short tail that recovery needs. What lies behind the
// checkpoint is packed: the readings of whole journal segments go into archive records of some thousand each (archive-block.ts),
// which are synced, and then the journal is trimmed. Each record says up to which place of the journal it goes, and the next one
// goes on from there: whatever a crash leaves, the last record that can be read says where to go on, and nothing is lost or
// packed twice. Who reads takes the archive first and then the journal from that place.
//
// Packing is work of the background: it lets others have the thread after every few thousand readings, holds one record in
// memory at a time, and syncs after some hundred kilobytes.

import { setImmediate } from 'node:timers/promises';
import { readArchive, readArchiveHead, type ArchiveHead, type JournalPlace } from './archive-block.ts';
import { ArchiveIndex } from './archive-index.ts';
import { ArchiveGather } from './archive-gather.ts';
import type { Disk } from './disk.ts';
import { decodePackedBlock, type PackedBlock } from './journal-block.ts';
import { Log, type Damage, type Seq } from './log.ts';
import { overlaps, runOf, seriesOf, type RawRange, type RawRun } from './raw-run.ts';

export type { RawRange, RawRun };

const smallestSegment = 256 * 1024;
const largestSegment = 16 * 1024 * 1024;
const syncEveryBytes = 256 * 1024;
const readBytes = 256 * 1024;
const readingsAtOnce = 2000;

export interface BlackBoxOptions {
  readonly folder: string;
  /** The archive keeps below this; the journal comes on top of it. */
  readonly maxBytes: number;
  readonly newIncarnation: () => string;
  readonly journal: Log;
  /**
   * By how much blocks of a provisional time line are to be moved; undefined while nobody knows: such blocks stay in the
   * journal, and with them what comes behind. Left out, nothing is provisional.
   */
  readonly moveOf?: (line: string) => number | undefined;
  readonly onDamage?: (damage: Damage) => void;
  readonly readingsPerRecord?: number;
  /** Lets others have the thread. */
  readonly pause?: () => Promise<unknown>;
}

export class BlackBox {
  readonly #options: BlackBoxOptions;
  readonly #archive: Log;
  readonly #index = new ArchiveIndex();
  #end: JournalPlace;
  #oldest: number | undefined;
  #work: Promise<unknown> = Promise.resolve();
  #closed = false;

  private constructor(options: BlackBoxOptions, archive: Log, end: JournalPlace) {
    this.#options = options;
    this.#archive = archive;
    this.#end = end;
  }

  /** Always succeeds on whatever is in the folder, unless the disk itself fails. */
  static async open(disk: Disk, options: BlackBoxOptions): Promise<BlackBox> {
    const { folder, maxBytes, newIncarnation, onDamage, journal } = options;
    const segmentBytes = Math.min(largestSegment, Math.max(smallestSegment, Math.floor(maxBytes / 16)));
    const logOptions = { folder, segmentBytes, newIncarnation };
    const archive = await Log.open(disk, onDamage === undefined ? logOptions : { ...logOptions, onDamage });
    const box = new BlackBox(options, archive, await endOf(archive, journal));
    // A journal that has lost its end must not give out again what was packed already.
    journal.skipTo(box.#end.block);
    await box.#look();
    return box;
  }

  /** On disk, the journal not counted. */
  get bytes(): number {
    return this.#archive.bytes;
  }

  /** When the oldest reading arrived; undefined when there is none. */
  get oldest(): number | undefined {
    return this.#oldest;
  }

  /** What is in the archive of the journal, and need not be there any more. */
  get packed(): Seq {
    return this.#end.block;
  }

  /**
   * Takes the readings of the whole journal segments up to `through` into the archive, and the segments out of the journal. Rejects
   * when the disk fails; call again.
   */
  pack(through: Seq): Promise<void> {
    return this.#inOrder(async () => {
      const segments = this.#options.journal.segments().slice(0, -1);
      const end = segments.findLast(({ last }) => last <= through)?.last;
      if (end === undefined) return;
      await this.#options.journal.trim(await this.#packThrough(end));
      await this.#look();
    });
  }

  /** Each reading of the range once, in the order of arrival; a run is what one record or block holds of it. */
  async *read(range: RawRange): AsyncGenerator<RawRun> {
    const { journal } = this.#options;
    const slices = this.#slices();
    if (this.#oldest === undefined) await this.#look();
    let archived: Seq = 0;
    let place = startOf(journal);
    let position: Seq = 0;
    /** Readings of the series taken from the journal beyond `place`: what is packed meanwhile brings them once more. */
    let ahead = 0;
    for (;;) {
      const { synced } = this.#archive;
      if (ahead === 0) archived = this.#index.skip(archived, (known) => overlaps(known, range));
      const records = await this.#archive.read(archived, readBytes);
      for (const { seq, payload } of records) {
        archived = seq;
        const head = headOf(payload);
        if (head === undefined) continue;
        this.#index.add(seq, head.span);
        if (ahead > 0 || overlaps(head.span, range)) {
          for (const series of readArchive(payload, range)) {
            const skipped = Math.min(ahead, series.count);
            ahead -= skipped;
            const run = runOf(series, skipped, range);
            if (run !== undefined) yield run;
            await slices.after(series.count);
          }
        }
        if (head.end.journal === journal.incarnation) place = head.end;
        if (place.block > position) ahead = 0;
      }
      if (records.length > 0) continue;
      archived = Math.max(archived, synced);
      position = Math.max(position, place.block - 1);
      const blocks = await journal.read(position, readBytes);
      // What was packed and trimmed while this was read is in the archive now.
      if (archived < this.#archive.synced && journal.trimmed > position) continue;
      if (blocks.length === 0) return;
      for (const { seq, payload } of blocks) {
        position = seq;
        const block = blockOf(payload);
        if (block === undefined) continue;
        const series = seriesOf(block, seq === place.block ? place.taken : 0, range, this.#moveMs(block) ?? 0);
        ahead += series.count;
        const run = runOf(series, 0, range);
        if (run !== undefined) yield run;
        await slices.after(block.columns.count);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    await this.#archive.close();
  }

  /** @returns up to which block everything is in the archive, and synced */
  async #packThrough(last: Seq): Promise<Seq> {
    const { journal } = this.#options;
    // What a failed sync has left; nothing more is taken before that is on disk.
    await this.#archive.sync();
    const slices = this.#slices();
    const gather = new ArchiveGather(this.#options.readingsPerRecord ?? 8000);
    const begin = this.#end;
    let end = begin;
    let unsynced = 0;
    const flush = async (): Promise<void> => {
      const record = await gather.pack(end, (readings) => slices.after(readings));
      this.#archive.append(record);
      this.#end = end;
      unsynced += record.length;
      if (unsynced < syncEveryBytes) return;
      unsynced = 0;
      await this.#syncWithinLimit();
    };
    let packed = last;
    for await (const { seq, payload } of journal.entries(begin.block - 1)) {
      if (this.#closed) throw new Error('the black box was closed');
      if (seq > last) break;
      const block = blockOf(payload);
      if (block === undefined) continue;
      const moveMs = this.#moveMs(block);
      if (moveMs === undefined) {
        packed = seq - 1;
        break;
      }
      let taken = seq === begin.block ? begin.taken : 0;
      if (taken === 0 && !Number.isNaN(block.awake)) gather.start(block.awake + moveMs);
      while (taken < block.columns.count) {
        const before = taken;
        taken = gather.add(block, taken, taken + readingsAtOnce, moveMs);
        end = { journal: journal.incarnation, block: seq, taken };
        await slices.after(taken - before);
        if (gather.isFull) await flush();
      }
    }
    if (gather.count > 0) await flush();
    await this.#syncWithinLimit();
    return packed;
  }

  async #syncWithinLimit(): Promise<void> {
    await this.#archive.sync();
    while (this.#archive.bytes > this.#options.maxBytes) {
      const oldest = this.#archive.endOfOldest();
      if (oldest === undefined) return;
      await this.#archive.trim(oldest);
      this.#index.forget(oldest);
    }
  }

  /** Looks which reading is the oldest. */
  async #look(): Promise<void> {
    for await (const { payload } of this.#archive.entries(this.#archive.trimmed)) {
      this.#oldest = headOf(payload)?.span.firstArrival;
      if (this.#oldest !== undefined) return;
    }
    for await (const { payload } of this.#options.journal.entries(this.#options.journal.trimmed)) {
      const block = blockOf(payload);
      if (block === undefined || block.columns.count === 0) continue;
      this.#oldest = (block.columns.arrivals[0] ?? NaN) + (this.#moveMs(block) ?? 0);
      return;
    }
  }

  /** @returns undefined when nobody knows yet */
  #moveMs({ line }: PackedBlock): number | undefined {
    const { moveOf } = this.#options;
    return line === undefined || moveOf === undefined ? 0 : moveOf(line);
  }

  #slices(): Slices {
    return new Slices(this.#options.pause ?? setImmediate);
  }

  #inOrder(act: () => Promise<void>): Promise<void> {
    const work = this.#work.then(act);
    this.#work = work.catch(() => undefined);
    return work;
  }
}

/** Lets others have the thread after every few thousand readings. */
class Slices {
  readonly #pause: () => Promise<unknown>;
  #readings = 0;

  constructor(pause: () => Promise<unknown>) {
    this.#pause = pause;
  }

  async after(readings: number): Promise<void> {
    this.#readings += readings;
    if (this.#readings < readingsAtOnce) return;
    this.#readings = 0;
    await this.#pause();
  }
}

function startOf(journal: Log): JournalPlace {
  return { journal: journal.incarnation, block: 0, taken: 0 };
}

/** Up to which place of the journal the archive goes: its last record that can be read tells. */
async function endOf(archive: Log, journal: Log): Promise<JournalPlace> {
  for (const { first, last } of archive.segments().toReversed()) {
    let end: JournalPlace | undefined;
    for await (const { seq, payload } of archive.entries(first - 1)) {
      if (seq > last) break;
      end = headOf(payload)?.end ?? end;
    }
    if (end !== undefined) return end.journal === journal.incarnation ? end : startOf(journal);
  }
  return startOf(journal);
}

/** @returns undefined when an agent of another version has written the record */
function headOf(record: Uint8Array): ArchiveHead | undefined {
  return unlessOther(() => readArchiveHead(record));
}

/** @returns undefined when an agent of another version has written the block */
function blockOf(payload: Uint8Array): PackedBlock | undefined {
  return unlessOther(() => decodePackedBlock(payload));
}

function unlessOther<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
