// The newest panes first: copies of what was made last go ahead of a long backlog, so that people see what is, and then what was.
//
// The lane `panes` stays what it is: every record in order, counted, acknowledged, trimmed. Ahead of it a lane of its own, `recent`,
// takes copies: of the newest segment when the connection is made, and of what comes from then on, until the other has caught up.
// Copies count no readings and need no ack to be freed; what gets lost of them comes with the others. The hub stores a copy and, later,
// the record it is a copy of: the same points. A corrected window may in between go back to what it was first; when the backlog is
// through, every one is as it should be.

import type { Seq } from '../log/log.ts';
import type { OutboxLane } from '../log/outbox.ts';
import { encodeBatch } from '@weir/shared/wire/codec.ts';

const batchesOnTheWay = 4;
/** Acks that stay out longer are not waited for. */
const patienceMs = 20_000;

export class RecentWindow {
  readonly #panes: OutboxLane;
  readonly #incarnation: string;
  readonly #monotonicMs: () => number;
  /** Up to here records of the lane `panes` were copied. */
  #position: Seq;
  /** Numbers given out in this incarnation. */
  #last = 0;
  #onTheWay: number[] = [];
  #movedAt: number;

  /** @param incarnation a new one for each connection: nothing is remembered of the one before */
  constructor(panes: OutboxLane, incarnation: string, monotonicMs: () => number) {
    this.#panes = panes;
    this.#incarnation = incarnation;
    this.#monotonicMs = monotonicMs;
    this.#position = (panes.segments.at(-1)?.first ?? 1) - 1;
    this.#movedAt = monotonicMs();
  }

  /** @param sent how far the lane itself is: once it has caught up, there is nothing left to be first with */
  hasMore(sent: Seq): boolean {
    return sent < this.#position && this.#position < this.#panes.synced;
  }

  get isFull(): boolean {
    if (this.#monotonicMs() - this.#movedAt > patienceMs) this.#onTheWay = [];
    return this.#onTheWay.length >= batchesOnTheWay;
  }

  /** The next batch, about so many bytes; undefined when there is none. Rejects when the disk does. */
  async next(maxBytes: number): Promise<Uint8Array | undefined> {
    const end = this.#panes.synced;
    const entries = await this.#panes.peek(this.#position, maxBytes);
    this.#position = entries.at(-1)?.seq ?? end;
    if (entries.length === 0) return undefined;
    const firstSeq = this.#last + 1;
    this.#last += entries.length;
    this.#onTheWay.push(this.#last);
    this.#movedAt = this.#monotonicMs();
    const copies = entries.map(({ frame }) => ({ frame, span: 1, readings: 0 }));
    return encodeBatch({ incarnation: this.#incarnation, firstSeq, readingsBefore: 0, entries: copies });
  }

  acknowledge(incarnation: string, seq: number): void {
    if (incarnation !== this.#incarnation) return;
    this.#movedAt = this.#monotonicMs();
    while ((this.#onTheWay[0] ?? Infinity) <= seq) this.#onTheWay.shift();
  }
}
