// The outbox: what must reach the hub, one log a lane, trimmed by the hub's ack.
//
// A record is a small head and a frame, the frame being what travels:
//
//   journal incarnation text | cause | index of the first output | outputs | readings reported (`fresh`) | frame
//
// `cause` is the journal block the outputs came from. After a crash the blocks behind the last checkpoint are replayed and
// give the same outputs in the same order; cause and index say which of them are here already. So every output is
// appended exactly once, and the revisions of a window never go backwards.

import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import type { Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { encodeFrame, type FrameContent } from '@weir/shared/wire/codec.ts';
import { lanes, type Lane } from '@weir/shared/wire/topics.ts';
import type { Disk } from './disk.ts';
import { joinPath } from './disk.ts';
import { Log, type Seq } from './log.ts';

/** Panes or transitions in one record: a frame stays far below the hub's packet limit. */
const outputsPerFrame = 1000;

export interface OutboxOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly newIncarnation: () => string;
  /** Identity of the journal whose blocks are the causes. */
  readonly journalIncarnation: string;
}

/** Panes that give way: up to which record, and how many readings they were the first to report. */
export interface Eviction {
  readonly through: Seq;
  readonly readings: number;
}

export interface OutboxEntry {
  readonly seq: Seq;
  readonly frame: Uint8Array;
}

export class OutboxLane {
  readonly lane: Lane;
  readonly #log: Log;
  readonly #journal: string;
  /** `fresh` of the records after `acked`, by sequence number, in order. */
  readonly #fresh = new Map<Seq, number>();
  #acked: Seq;
  /** Cause and number of outputs of the newest record: where a replay goes on. */
  #cause = 0;
  #next = 0;

  private constructor(lane: Lane, log: Log, journal: string) {
    this.lane = lane;
    this.#log = log;
    this.#journal = journal;
    this.#acked = log.trimmed;
  }

  static async open(disk: Disk, lane: Lane, options: OutboxOptions): Promise<OutboxLane> {
    const segmentBytes = Math.min(16e6, Math.max(64e3, Math.floor(options.maxBytes / 8)));
    const log = await Log.open(disk, {
      folder: joinPath(options.folder, lane),
      segmentBytes,
      newIncarnation: options.newIncarnation,
    });
    const opened = new OutboxLane(lane, log, options.journalIncarnation);
    for await (const { seq, payload } of log.entries(log.trimmed)) opened.#remember(seq, payload);
    return opened;
  }

  get incarnation(): string {
    return this.#log.incarnation;
  }

  get acked(): Seq {
    return this.#acked;
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

  /** Records that wait for the hub. */
  get pendingRecords(): number {
    return this.#fresh.size;
  }

  /** Readings that wait for the hub, in panes that report them for the first time. */
  get pendingReadings(): number {
    let sum = 0;
    for (const fresh of this.#fresh.values()) sum += fresh;
    return sum;
  }

  /** Remembers the outputs of one journal block for the next `sync`; those that are here already are passed over. */
  append<T>(cause: Seq, outputs: readonly T[], frameOf: (part: readonly T[]) => FrameContent): void {
    if (cause < this.#cause) return;
    const first = cause === this.#cause ? this.#next : 0;
    for (let index = first; index < outputs.length; index += outputsPerFrame) {
      const content = frameOf(outputs.slice(index, index + outputsPerFrame));
      const count = Math.min(outputsPerFrame, outputs.length - index);
      const fresh = content.panes.reduce((sum, pane) => sum + pane.fresh, 0);
      const to = new ByteWriter(1024);
      to.text(this.#journal);
      to.varint(cause);
      to.varint(index);
      to.varint(count);
      to.varint(fresh);
      to.blob(encodeFrame(content));
      this.#fresh.set(this.#log.append(to.take()), fresh);
      this.#cause = cause;
      this.#next = index + count;
    }
  }

  sync(): Promise<void> {
    return this.#log.sync();
  }

  /** Synced entries after `after`, until `maxBytes`; at least one when there is one. */
  async read(after: Seq, maxBytes: number): Promise<OutboxEntry[]> {
    const entries = await this.#log.read(after, maxBytes);
    return entries.map(({ seq, payload }) => ({ seq, frame: decodeHead(payload).frame }));
  }

  /** The hub has everything up to `seq`. */
  async ack(seq: Seq): Promise<void> {
    if (seq <= this.#acked) return;
    this.#acked = Math.min(seq, this.#log.synced);
    for (const known of this.#fresh.keys()) {
      if (known > this.#acked) break;
      this.#fresh.delete(known);
    }
    await this.#log.trim(this.#acked);
  }

  /** What dropping the oldest segment would cost; undefined when there is none that could go. */
  oldest(): Eviction | undefined {
    const through = this.#log.endOfOldest();
    if (through === undefined) return undefined;
    let readings = 0;
    for (const [seq, fresh] of this.#fresh) if (seq <= through) readings += fresh;
    return { through, readings };
  }

  /** Drops every segment that holds nothing after `through`: the hub will never see what is in them. */
  async evict(through: Seq): Promise<void> {
    await this.#log.trim(through);
    for (const seq of this.#fresh.keys()) {
      if (seq > through) break;
      this.#fresh.delete(seq);
    }
    this.#acked = Math.max(this.#acked, through);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #remember(seq: Seq, payload: Uint8Array): void {
    const head = decodeHead(payload);
    this.#fresh.set(seq, head.fresh);
    if (head.journal !== this.#journal) return;
    this.#cause = head.cause;
    this.#next = head.index + head.count;
  }
}

export class Outbox {
  /** In the order they are sent. */
  readonly lanes: readonly OutboxLane[];
  readonly #maxBytes: number;

  private constructor(opened: readonly OutboxLane[], maxBytes: number) {
    this.lanes = opened;
    this.#maxBytes = maxBytes;
  }

  static async open(disk: Disk, options: OutboxOptions): Promise<Outbox> {
    const opened: OutboxLane[] = [];
    for (const lane of lanes) opened.push(await OutboxLane.open(disk, lane, options));
    return new Outbox(opened, options.maxBytes);
  }

  /** The newest journal block any lane has seen: the journal must not give out its number again. */
  get cause(): Seq {
    return Math.max(...this.lanes.map((lane) => lane.cause));
  }

  get bytes(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.bytes, 0);
  }

  get pendingRecords(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.pendingRecords, 0);
  }

  get pendingReadings(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.pendingReadings, 0);
  }

  lane(name: Lane): OutboxLane {
    const lane = this.lanes.find((candidate) => candidate.lane === name);
    if (lane === undefined) throw new Error(`no outbox lane "${name}"`);
    return lane;
  }

  append(cause: Seq, outputs: Outputs): void {
    this.lane('alerts').append(cause, outputs.transitions, (transitions) => ({ panes: [], transitions }));
    this.lane('panes').append(cause, outputs.panes, (panes) => ({ panes, transitions: [] }));
  }

  async sync(): Promise<void> {
    for (const lane of this.lanes) await lane.sync();
  }

  /**
   * What must go to keep within the limit: the oldest panes, never alerts; undefined when nothing must. The caller writes it into
   * the journal first and lets go afterwards: else a crash in between would leave readings that are neither here nor counted.
   */
  overdue(): Eviction | undefined {
    return this.bytes > this.#maxBytes ? this.lane('panes').oldest() : undefined;
  }

  /** Lets the oldest panes go. */
  evict(through: Seq): Promise<void> {
    return this.lane('panes').evict(through);
  }

  async close(): Promise<void> {
    for (const lane of this.lanes) await lane.close();
  }
}

function decodeHead(payload: Uint8Array) {
  const from = new ByteReader(payload);
  return {
    journal: from.text(),
    cause: from.varint(),
    index: from.varint(),
    count: from.varint(),
    fresh: from.varint(),
    frame: from.blob(),
  };
}
