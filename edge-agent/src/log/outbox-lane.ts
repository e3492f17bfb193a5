// One lane of the outbox: a log of records (outbox-record.ts) that is read from behind the hub's ack, and trimmed by it.
//
// What waits is known without remembering a record: readings as the difference of two sums, records as that of two numbers. What is
// damaged costs what it hits, and shows as a jump of the sums from one record to the next.
//
// What the uplink has been given may be at the hub: it is never put into other records (`replace`), and an ack may come for any
// number in it.

import { encodeFrame, type FrameContent } from '@weir/shared/wire/codec.ts';
import type { KeptLane } from '@weir/shared/wire/topics.ts';
import { Log, type Damage, type Entry, type Salvage, type SegmentInfo, type Seq } from './log.ts';
import { joinPath, type Disk } from './disk.ts';
import type { LaneMarks } from './outbox-marks.ts';
import { ackedPlace, newestRecord, type Place } from './outbox-place.ts';
import {
  decodeOutboxRecord,
  encodeOutboxRecord,
  type Origin,
  type OutboxEntry,
  type OutboxRecord,
} from './outbox-record.ts';

/** Panes or transitions in one record: a frame stays far below the hub's packet limit. */
export const outputsPerFrame = 1000;
/** Of what was read, for so many records it is known what they report: acks come for these. */
const placesKept = 10_000;
/** Of what was appended, for so many blocks it is known where their outputs ended. */
const endsKept = 64;
const bytesAtOnce = 256 * 1024;

export interface LaneOptions {
  readonly folder: string;
  readonly segmentBytes: number;
  readonly newIncarnation: () => string;
  /** Identity of the journal whose blocks are the causes. */
  readonly journalIncarnation: string;
  readonly onDamage?: ((damage: Damage) => void) | undefined;
}

export class OutboxLane {
  readonly lane: KeptLane;
  readonly #log: Log;
  readonly #journal: string;
  #acked: Place;
  /** The newest record. */
  #newest: Place;
  /** Cause and number of outputs of the newest record: where a replay goes on. */
  #cause = 0;
  #next = 0;
  /** What was read last, in order. */
  #places: Place[] = [];
  /** Where the outputs of the newest blocks end. */
  #ends: (Place & { readonly cause: Seq })[] = [];
  /** Readings of missing records, by the record behind them; those before `acked` are in `#damaged`. */
  readonly #holes = new Map<Seq, number>();
  #damaged: number;
  #handedOut: Seq;
  #reading: Promise<unknown> = Promise.resolve();
  #replacing: { readonly last: Seq; readonly done: Promise<void> } | undefined;

  private constructor(
    lane: KeptLane,
    log: Log,
    journal: string,
    places: { acked: Place; newest: Place },
    damaged: number,
  ) {
    this.lane = lane;
    this.#log = log;
    this.#journal = journal;
    this.#acked = places.acked;
    this.#newest = places.newest;
    this.#handedOut = places.acked.seq;
    this.#damaged = damaged;
  }

  static async open(
    disk: Disk,
    lane: KeptLane,
    options: LaneOptions,
    known: LaneMarks | undefined,
  ): Promise<OutboxLane> {
    const { segmentBytes, newIncarnation, onDamage } = options;
    const folder = joinPath(options.folder, lane);
    const log = await Log.open(disk, { folder, segmentBytes, newIncarnation, ...(onDamage && { onDamage }) });
    const marks = known?.incarnation === log.incarnation ? known : undefined;
    const record = await newestRecord(log);
    const found = { seq: record?.seq ?? log.trimmed, through: record?.readingsThrough ?? 0 };
    // What the checkpoint contains comes in no replay: where its records are gone, the sums go on behind them all the same.
    const isShort = marks !== undefined && marks.last > found.seq;
    const newest = isShort ? { seq: found.seq, through: Math.max(found.through, marks.lastThrough) } : found;
    // What is appended under a number that is acknowledged would never be sent.
    if (marks !== undefined) log.skipTo(Math.max(marks.last, marks.acked));
    const acked = await ackedPlace(log, marks, newest);
    const opened = new OutboxLane(lane, log, options.journalIncarnation, { acked, newest }, marks?.damaged ?? 0);
    if (record?.origin.journal === options.journalIncarnation) {
      opened.#cause = record.origin.cause;
      opened.#next = record.origin.index + record.origin.count;
    }
    return opened;
  }

  get incarnation(): string {
    return this.#log.incarnation;
  }

  get acked(): Seq {
    return this.#acked.seq;
  }

  /** The newest journal block that left something here. */
  get cause(): Seq {
    return this.#cause;
  }

  get synced(): Seq {
    return this.#log.synced;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  get salvage(): Salvage {
    return this.#log.salvage;
  }

  /** Oldest first. */
  get segments(): readonly SegmentInfo[] {
    return this.#log.segments();
  }

  /** Records that wait for the hub, counting merged ones for what they stand for. */
  get pendingRecords(): number {
    return Math.max(0, this.#newest.seq - this.#acked.seq);
  }

  /** Readings that wait for the hub, in panes that report them for the first time. */
  get pendingReadings(): number {
    return Math.max(0, this.#newest.through - this.#acked.through - this.#missing);
  }

  /** Readings that were reported in records damage has hit, as far as they were met. The hub's gaps have them, too. */
  get damagedReadings(): number {
    return this.#damaged + this.#missing;
  }

  /** Readings reported by everything this lane ever held in this incarnation. */
  get readingsThrough(): number {
    return this.#newest.through;
  }

  /** Nothing up to here may be put into other records: the hub may have it. */
  get handedOut(): Seq {
    return Math.max(this.#handedOut, this.#acked.seq);
  }

  /** Remembers the outputs of one journal block for the next `sync`; those that are here already are passed over. */
  append<T>(cause: Seq, outputs: readonly T[], frameOf: (part: readonly T[]) => Partial<FrameContent>): void {
    if (cause < this.#cause) return;
    const first = cause === this.#cause ? this.#next : 0;
    for (let index = first; index < outputs.length; index += outputsPerFrame) {
      const count = Math.min(outputsPerFrame, outputs.length - index);
      this.#append(frameOf(outputs.slice(index, index + count)), { journal: this.#journal, cause, index, count });
      this.#cause = cause;
      this.#next = index + count;
    }
    this.#ends.push({ ...this.#newest, cause });
    if (this.#ends.length > endsKept) this.#ends.shift();
  }

  /** Remembers raw readings for the next `sync`. No journal block is their cause: a replay does not bring them again. */
  appendRaw(raw: FrameContent['raw']): void {
    const count = raw.reduce((sum, { times }) => sum + times.length, 0);
    this.#append({ raw }, { journal: '', cause: 0, index: 0, count });
  }

  sync(): Promise<void> {
    return this.#log.sync();
  }

  /** Synced entries after `after`, until `maxBytes`; at least one when there is one. */
  async read(after: Seq, maxBytes: number): Promise<OutboxEntry[]> {
    while (this.#replacing !== undefined && after < this.#replacing.last) await this.#replacing.done;
    const reading = this.#read(after, maxBytes);
    this.#reading = Promise.all([this.#reading, reading]).catch(() => undefined);
    return reading;
  }

  /** The same, to be looked at only: what is read so may still be put into other records. */
  async peek(after: Seq, maxBytes: number): Promise<OutboxEntry[]> {
    for (let position = after; ;) {
      const found = await this.#log.read(position, maxBytes);
      const records = found.flatMap((entry) => decodeOutboxRecord(entry) ?? []);
      if (records.length > 0 || found.length === 0) return records;
      position = found.at(-1)?.seq ?? position;
    }
  }

  /** Every record of the whole segments from `first` to `last`, as it is, with what of it can be read. */
  async *records(first: Seq, last: Seq): AsyncGenerator<{ entry: Entry; record: OutboxRecord | undefined }> {
    for (let position = first - 1; ;) {
      const entries = await this.#log.read(position, bytesAtOnce);
      for (const entry of entries) {
        if (entry.seq > last) return;
        yield { entry, record: decodeOutboxRecord(entry) };
        position = entry.seq;
      }
      if (entries.length === 0) return;
    }
  }

  /**
   * Puts other records in the place of those in the whole segments from `first` to `last`. They stand for the same numbers.
   * @returns false, and changes nothing, when some were handed out or trimmed meanwhile
   */
  async replace(first: Seq, last: Seq, entries: readonly Entry[]): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#replacing = { last, done: promise };
    try {
      await this.#reading;
      if (this.handedOut >= first) return false;
      return await this.#log.replace(first, last, entries);
    } finally {
      this.#replacing = undefined;
      resolve();
    }
  }

  /**
   * The hub knows numbers up to `seq`. Where this log does not, damage has taken its end; they must not be given out again, for the
   * hub would pass over what comes under them.
   */
  skipTo(seq: Seq): void {
    if (seq <= Number.MAX_SAFE_INTEGER / 2) this.#log.skipTo(seq);
  }

  /** The hub has everything up to `seq`. */
  async ack(seq: Seq): Promise<void> {
    const to = Math.min(seq, this.#log.synced);
    if (to <= this.#acked.seq) return;
    this.#moveTo(this.#placeOf(to) ?? (await this.#lookUp(to)));
    await this.#log.trim(this.#acked.seq);
  }

  /** Where the oldest segment ends; undefined when there is none that could go. */
  async endOfOldest(): Promise<Place | undefined> {
    const through = this.#log.endOfOldest();
    return through === undefined ? undefined : this.#lookUp(through);
  }

  /** What waits up to and with this place. */
  readingsUntil({ through }: Place): number {
    return Math.max(0, through - this.#acked.through);
  }

  /** Drops every segment that holds nothing after `through`: the hub will never see what is in them. @returns their readings */
  async evict(through: Seq): Promise<number> {
    const place = through > this.#acked.seq ? await this.#lookUp(through) : this.#acked;
    await this.#log.trim(through);
    const readings = this.readingsUntil(place);
    this.#moveTo(place);
    return readings;
  }

  /** What a restart is to know. @param cause the last block the checkpoint contains */
  marks(cause: Seq, before: LaneMarks | undefined): LaneMarks {
    const end = this.#ends.findLast((one) => one.cause <= cause) ?? {
      seq: before?.incarnation === this.incarnation ? before.last : 0,
      through: before?.incarnation === this.incarnation ? before.lastThrough : 0,
    };
    return {
      incarnation: this.incarnation,
      acked: this.#acked.seq,
      ackedThrough: this.#acked.through,
      last: end.seq,
      lastThrough: end.through,
      damaged: this.#damaged,
    };
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #append(content: Partial<FrameContent>, origin: Origin): void {
    const readings = (content.panes ?? []).reduce((sum, pane) => sum + pane.fresh, 0);
    const through = this.#newest.through + readings;
    const frame = encodeFrame(content);
    const seq = this.#log.append(encodeOutboxRecord({ span: 1, readings, readingsThrough: through, origin, frame }));
    this.#newest = { seq, through };
  }

  async #read(after: Seq, maxBytes: number): Promise<OutboxEntry[]> {
    for (let position = after; ;) {
      const found = await this.#log.read(position, maxBytes);
      const records = found.flatMap((entry) => decodeOutboxRecord(entry) ?? []);
      let before = position === this.#acked.seq ? this.#acked : this.#places.findLast(({ seq }) => seq === position);
      for (const record of records) before = this.#met(record, before);
      if (records.length > 0 || found.length === 0) return records;
      position = found.at(-1)?.seq ?? position;
    }
  }

  /** Readings of records that should wait and are gone. */
  get #missing(): number {
    return [...this.#holes.values()].reduce((sum, readings) => sum + readings, 0);
  }

  /** @param before what was reported by the entry in front, when that is known */
  #met({ seq, readings, readingsThrough: through }: OutboxRecord, before: Place | undefined): Place {
    this.#handedOut = Math.max(this.#handedOut, seq);
    const place = { seq, through };
    if (seq <= this.#acked.seq) return place;
    const missing = before === undefined ? 0 : through - readings - before.through;
    if (missing > 0) this.#holes.set(seq, missing);
    // Sending again starts from the ack.
    if (seq <= (this.#places.at(-1)?.seq ?? 0)) this.#places = this.#places.filter((one) => one.seq < seq);
    this.#places.push(place);
    if (this.#places.length > 2 * placesKept) this.#places.splice(0, placesKept);
    return place;
  }

  #placeOf(seq: Seq): Place | undefined {
    if (seq === this.#newest.seq) return this.#newest;
    let [low, high] = [0, this.#places.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#places[middle]?.seq ?? Infinity) < seq) low = middle + 1;
      else high = middle;
    }
    const place = this.#places[low];
    return place?.seq === seq ? place : undefined;
  }

  /** What was reported up to `seq`: its record says so, or the one behind it says what was before. */
  async #lookUp(seq: Seq): Promise<Place> {
    for (let position = seq - 1; ;) {
      const entries = await this.#log.read(position, 1);
      const [record] = entries.flatMap((entry) => decodeOutboxRecord(entry) ?? []);
      if (record?.seq === seq) return { seq, through: record.readingsThrough };
      if (record !== undefined) return { seq, through: record.readingsThrough - record.readings };
      if (entries.length === 0) return { seq, through: this.#newest.through };
      position = entries.at(-1)?.seq ?? position;
    }
  }

  #moveTo(place: Place): void {
    if (place.seq <= this.#acked.seq) return;
    this.#acked = { seq: place.seq, through: Math.max(place.through, this.#acked.through) };
    this.#places = this.#places.filter(({ seq }) => seq > place.seq);
    for (const [seq, readings] of this.#holes) {
      if (seq > place.seq) continue;
      this.#damaged += readings;
      this.#holes.delete(seq);
    }
  }
}
