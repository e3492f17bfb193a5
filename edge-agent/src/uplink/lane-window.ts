// Where one lane stands on a connection: what was sent, what of it the hub has not acknowledged, what comes next.

import type { OutboxEntry, OutboxLane } from '../log/outbox.ts';
import type { Seq } from '../log/log.ts';
import { encodeBatch } from '@weir/shared/wire/codec.ts';

/** The hub makes room for so many, twice: they may come again. */
const batchesOnTheWay = 4;
/** No ack for so long after the last batch was received, and the window is sent again; twice as long the next time. */
const firstAckTimeoutMs = 20_000;
const longestAckTimeoutMs = 320_000;

export interface NextBatch {
  readonly bytes: Uint8Array;
  readonly last: Seq;
}

export class LaneWindow {
  readonly lane: OutboxLane;
  readonly #monotonicMs: () => number;
  #sent: Seq;
  /** Last sequence number of each batch on the way. */
  #onTheWay: Seq[] = [];
  /** Batches the far side has not even received. */
  #underway = 0;
  #movedAt: number;
  #ackTimeoutMs = firstAckTimeoutMs;

  constructor(lane: OutboxLane, monotonicMs: () => number) {
    this.lane = lane;
    this.#monotonicMs = monotonicMs;
    this.#sent = lane.acked;
    this.#movedAt = monotonicMs();
  }

  /** Something waits to be sent, whether there is room in the window or not. */
  get hasMore(): boolean {
    return this.#sent < this.lane.synced;
  }

  get isFull(): boolean {
    return this.#onTheWay.length >= batchesOnTheWay;
  }

  /** Up to here records were sent. */
  get sent(): Seq {
    return this.#sent;
  }

  /** How long until the window is sent again, if no ack comes. */
  get patienceMs(): number {
    if (this.#onTheWay.length === 0 || this.#underway > 0) return Infinity;
    return this.#movedAt + this.#ackTimeoutMs - this.#monotonicMs();
  }

  /** Sends from the last ack again, when acks stay out. */
  rewindWhenStuck(): void {
    if (this.patienceMs > 0) return;
    this.#sent = this.lane.acked;
    this.#onTheWay = [];
    this.#ackTimeoutMs = Math.min(2 * this.#ackTimeoutMs, longestAckTimeoutMs);
  }

  /** What to send next, about so many bytes; undefined when there is nothing, or when an ack has overtaken it. Rejects when the disk does. */
  async next(maxBytes: number): Promise<NextBatch | undefined> {
    const from = this.#sent;
    const end = this.lane.synced;
    const entries = await this.lane.read(from, maxBytes);
    if (this.#sent !== from) return undefined;
    const [first] = entries;
    const last = lastOfRun(entries);
    // Everything between here and the end of the log is damaged: there is nothing left to send of it.
    if (first === undefined || last === undefined) {
      this.#sent = end;
      return undefined;
    }
    const bytes = encodeBatch({
      incarnation: this.lane.incarnation,
      firstSeq: first.seq - first.span + 1,
      readingsBefore: first.readingsThrough - first.readings,
      entries: entries.slice(0, entries.indexOf(last) + 1),
    });
    return { bytes, last: last.seq };
  }

  /** The batch is on its way. @returns to be called when the far side has received it */
  depart({ last }: NextBatch): () => void {
    this.#sent = last;
    this.#onTheWay.push(last);
    this.#underway += 1;
    this.#movedAt = this.#monotonicMs();
    return () => {
      this.#underway -= 1;
      this.#movedAt = this.#monotonicMs();
    };
  }

  /** The hub has everything up to `seq`. @returns whether that is news. Rejects when the disk does. */
  async acknowledge(seq: Seq): Promise<boolean> {
    this.#movedAt = this.#monotonicMs();
    this.#sent = Math.max(this.#sent, Math.min(seq, this.lane.synced));
    while ((this.#onTheWay[0] ?? Infinity) <= seq) this.#onTheWay.shift();
    this.lane.skipTo(seq);
    const isNews = seq > this.lane.acked;
    if (isNews) this.#ackTimeoutMs = firstAckTimeoutMs;
    await this.lane.ack(seq);
    return isNews;
  }
}

/** A batch numbers its entries from the first one: a hole in the log ends it. */
function lastOfRun(entries: readonly OutboxEntry[]): OutboxEntry | undefined {
  const behind = entries.findIndex(({ seq, span }, at) => at > 0 && seq - span !== entries[at - 1]?.seq);
  return entries.at(behind < 0 ? -1 : behind - 1);
}
