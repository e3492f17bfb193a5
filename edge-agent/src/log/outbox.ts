// The outbox: what must reach the hub, one log a lane, trimmed by the hub's ack.
//
// After a crash the blocks behind the last checkpoint are replayed and give the same outputs in the same order; the records say
// which of them are here already (outbox-record.ts). So every output is appended exactly once, and the revisions of a window
// never go backwards.
//
// Near its limit it makes less of what it holds (degrade.ts); at its limit the oldest panes go.

import type { Outputs } from '@weir/shared/pipeline/pipeline.ts';
import type { FrameContent } from '@weir/shared/wire/codec.ts';
import { keptLanes, type KeptLane } from '@weir/shared/wire/topics.ts';
import { Relief, type OnTheWay } from './degrade.ts';
import { joinPath, type Disk } from './disk.ts';
import type { Damage, Salvage, Seq } from './log.ts';
import { OutboxLane } from './outbox-lane.ts';
import type { Place } from './outbox-place.ts';
import { readMarks, writeMarks, type OutboxCounters, type OutboxMarks } from './outbox-marks.ts';

export type { OnTheWay } from './degrade.ts';
export { OutboxLane } from './outbox-lane.ts';
export type { OutboxEntry } from './outbox-record.ts';

/** From this share of its limit the outbox makes less of what it holds. */
const reliefFrom = 0.8;
const smallestSegment = 64e3;
const largestSegment = 1e6;

/** Panes that give way: up to which record, and how many readings they were the first to report. */
export interface Eviction {
  readonly through: Seq;
  readonly readings: number;
}

export interface OutboxOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly newIncarnation: () => string;
  /** Identity of the journal whose blocks are the causes. */
  readonly journalIncarnation: string;
  /** A segment is closed when it would grow beyond this. An eighth of the limit when left out, 64 kB to 1 MB. */
  readonly segmentBytes?: number;
  /** Told of damage when it is met, now or later. */
  readonly onDamage?: (damage: Damage) => void;
}

export class Outbox {
  /** In the order they are sent. */
  readonly lanes: readonly OutboxLane[];
  readonly #disk: Disk;
  readonly #options: OutboxOptions;
  readonly #segmentBytes: number;
  readonly #counters: OutboxCounters;
  readonly #relief: Relief;
  #marks: OutboxMarks;
  /** The checkpoint the marks speak of: its last block. */
  #checkpoint: Seq = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #relieving: Promise<void> | undefined;
  #closing = false;
  /** What has to go next, when nothing else helps. */
  #due: Place | undefined;
  /** Up to where the journal is being told that panes go. */
  #evicting: Seq = 0;

  private constructor(disk: Disk, options: OutboxOptions, opened: readonly OutboxLane[], marks: OutboxMarks) {
    this.lanes = opened;
    this.#disk = disk;
    this.#options = options;
    this.#segmentBytes = segmentBytesOf(options);
    this.#marks = marks;
    this.#counters = { ...marks.counters };
    this.#relief = new Relief({
      panes: this.lane('panes'),
      raw: this.lane('raw'),
      unitBytes: this.#segmentBytes,
      thinnedUntil: marks.thinnedUntil,
      counters: this.#counters,
      remember: () => this.#writeMarks(),
    });
  }

  static async open(disk: Disk, options: OutboxOptions): Promise<Outbox> {
    await disk.makeFolder(options.folder);
    const marks = await readMarks(disk, marksPath(options.folder));
    const segmentBytes = segmentBytesOf(options);
    const opened: OutboxLane[] = [];
    for (const lane of keptLanes) {
      opened.push(await OutboxLane.open(disk, lane, { ...options, segmentBytes }, marks.lanes[lane]));
    }
    return new Outbox(disk, options, opened, marks);
  }

  /** The newest journal block any lane has seen: the journal must not give out its number again. */
  get cause(): Seq {
    return Math.max(...this.lanes.map((lane) => lane.cause));
  }

  get bytes(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.bytes, 0);
  }

  /** Near its limit: `relieve` has something to do. */
  get isCrowded(): boolean {
    return this.bytes > reliefFrom * this.#options.maxBytes;
  }

  /** Beyond its limit. */
  get isFull(): boolean {
    return this.bytes > this.#options.maxBytes;
  }

  get pendingRecords(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.pendingRecords, 0);
  }

  get pendingReadings(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.pendingReadings, 0);
  }

  /** Readings in records that damage has hit, as far as they were met. */
  get damagedReadings(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.damagedReadings, 0);
  }

  /** Damage met so far, in all lanes. */
  get salvage(): Salvage {
    const all = this.lanes.map((lane) => lane.salvage);
    const sum = (of: (salvage: Salvage) => number): number => all.reduce((total, salvage) => total + of(salvage), 0);
    return { segments: sum((one) => one.segments), bytes: sum((one) => one.bytes), records: sum((one) => one.records) };
  }

  /** What was done for want of room, since the outbox was made (at least: a crash forgets the last steps). */
  get counters(): Readonly<OutboxCounters> {
    return this.#counters;
  }

  lane(name: KeptLane): OutboxLane {
    const lane = this.lanes.find((candidate) => candidate.lane === name);
    if (lane === undefined) throw new Error(`no outbox lane "${name}"`);
    return lane;
  }

  append(cause: Seq, outputs: Outputs): void {
    this.lane('alerts').append(cause, outputs.transitions, (transitions) => ({ transitions }));
    this.lane('panes').append(cause, outputs.panes, (panes) => ({ panes }));
  }

  /** One record of what the hub has asked for: at most 10,000 readings. Durable with the next `sync`, or that of the lane. */
  appendRaw(raw: FrameContent['raw']): void {
    this.lane('raw').appendRaw(raw);
  }

  async sync(): Promise<void> {
    for (const lane of this.lanes) await lane.sync();
  }

  /**
   * Writes down how far the hub is and where the numbers stand: a restart does not begin with what the hub has acknowledged.
   * @param checkpoint the last journal block contained in the checkpoint just written
   */
  async remember(checkpoint: Seq): Promise<void> {
    this.#checkpoint = checkpoint;
    await this.#writeMarks();
  }

  /**
   * Makes less of what waits while there is too much of it; call it after commits. One run at a time, in the background: who calls
   * meanwhile gets the promise of that run. Rejects when the disk fails; call again.
   * @param onTheWay up to which numbers records were sent and not acknowledged
   */
  relieve(onTheWay: OnTheWay = {}): Promise<void> {
    this.#relieving ??= this.#relieve(onTheWay).finally(() => (this.#relieving = undefined));
    return this.#relieving;
  }

  /**
   * What must go to keep within the limit, when `relieve` has found nothing else: the oldest panes, never alerts; undefined when
   * nothing must. The caller writes it into the journal first and lets go afterwards: else a crash in between would leave readings
   * that are neither here nor counted.
   */
  overdue(): Eviction | undefined {
    const panes = this.lane('panes');
    if (this.#due === undefined || !this.isFull || this.#due.seq <= panes.acked) return undefined;
    this.#evicting = this.#due.seq;
    return { through: this.#due.seq, readings: panes.readingsUntil(this.#due) };
  }

  /** Lets the oldest panes go. */
  async evict(through: Seq): Promise<void> {
    this.#counters.readingsEvicted += await this.lane('panes').evict(through);
    this.#due = undefined;
    this.#evicting = 0;
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#relieving?.catch(() => undefined);
    await this.#writing;
    for (const lane of this.lanes) await lane.close();
  }

  async #relieve(onTheWay: OnTheWay): Promise<void> {
    // Until it is written into the journal, what is due may be made less of instead.
    if (this.#evicting === 0) this.#due = undefined;
    while (this.isCrowded) {
      if (this.#closing) return;
      try {
        if (await this.#relief.next(onTheWay, this.#evicting)) continue;
      } catch (error) {
        // Making less of it needs room for a moment; a disk that has none left can still let go of the oldest.
        await this.#findDue(onTheWay.panes ?? 0);
        throw error;
      }
      await this.#findDue(onTheWay.panes ?? 0);
      return;
    }
  }

  /** Records on their way are spared for as long as one segment's worth of room can be made to do. */
  async #findDue(onTheWay: Seq): Promise<void> {
    if (this.#evicting > 0 || !this.isFull) return;
    const panes = this.lane('panes');
    const hasRoom = this.bytes <= this.#options.maxBytes + this.#segmentBytes;
    const isSpared = hasRoom && (panes.segments[0]?.first ?? 0) <= onTheWay;
    this.#due = isSpared ? undefined : await panes.endOfOldest();
  }

  #writeMarks(): Promise<void> {
    const writing = this.#writing.then(async () => {
      const known = this.#marks.lanes;
      const marks = {
        lanes: Object.fromEntries(
          this.lanes.map((lane) => [lane.lane, lane.marks(this.#checkpoint, known[lane.lane])]),
        ),
        thinnedUntil: this.#relief.thinnedUntil,
        counters: { ...this.#counters },
      };
      await writeMarks(this.#disk, marksPath(this.#options.folder), marks);
      this.#marks = marks;
    });
    this.#writing = writing.catch(() => undefined);
    return writing;
  }
}

function marksPath(folder: string): string {
  return joinPath(folder, 'marks');
}

function segmentBytesOf({ segmentBytes, maxBytes }: OutboxOptions): number {
  return segmentBytes ?? Math.min(largestSegment, Math.max(smallestSegment, Math.floor(maxBytes / 8)));
}
