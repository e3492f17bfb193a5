// What a hub does with outboxes, without a network: takes entries it does not know, in order, and acknowledges.

import { transitionKey, type Transition } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { decodeFrame, type RawReadings } from '@weir/shared/wire/codec.ts';
import type { Outbox, OutboxEntry } from '../log/outbox.ts';

interface Books {
  /** Readings the lane had reported by the cursor. */
  reported: number;
  /** Of these, the ones that are here, and those in what never came. */
  stored: number;
  missing: number;
}

export class HubModel {
  /** Everything taken, in order. */
  readonly panes: Pane[];
  readonly transitions: Transition[] = [];
  readonly raw: RawReadings[] = [];
  readonly #cursors: Map<string, number>;
  readonly #books = new Map<string, Books>();

  /** @param panes and cursors of another hub, from where this one goes on */
  constructor(panes: readonly Pane[] = [], cursors: ReadonlyMap<string, number> = new Map()) {
    this.panes = [...panes];
    this.#cursors = new Map(cursors);
  }

  /** How far each lane of each incarnation is taken. */
  get cursors(): ReadonlyMap<string, number> {
    return this.#cursors;
  }

  /** Readings the panes report. */
  get readings(): number {
    return this.panes.reduce((sum, pane) => sum + pane.fresh, 0);
  }

  /** Readings by the books: stored, and missing in gaps. */
  get counted(): Pick<Books, 'stored' | 'missing'> {
    const all = [...this.#books.values()];
    return {
      stored: all.reduce((sum, { stored }) => sum + stored, 0),
      missing: all.reduce((sum, { missing }) => sum + missing, 0),
    };
  }

  /** The last revision of every window that is there, as a store has it. */
  get windows(): Map<string, Pane> {
    const windows = new Map<string, Pane>();
    for (const pane of this.panes) {
      const key = `${pane.series.device} ${pane.window.id} ${pane.start}`;
      windows.delete(key);
      if (!pane.retracted) windows.set(key, pane);
    }
    return windows;
  }

  get transitionKeys(): string[] {
    return this.transitions.map(transitionKey);
  }

  /** @param atMost entries of each lane, @param acks whether the ack gets through */
  async receive(outbox: Outbox, { atMost = Infinity, acks = true } = {}): Promise<void> {
    for (const lane of outbox.lanes) {
      const key = `${lane.lane} ${lane.incarnation}`;
      let left = atMost;
      for (let position = lane.acked; left > 0;) {
        const entries = await lane.read(position, 64 * 1024);
        for (const entry of entries.slice(0, left)) {
          position = entry.seq;
          left -= 1;
          this.#take(key, entry);
        }
        if (entries.length === 0) break;
      }
      if (acks) await lane.ack(this.#cursors.get(key) ?? 0);
    }
  }

  #take(key: string, { seq, span, readings, readingsThrough, frame }: OutboxEntry): void {
    const cursor = this.#cursors.get(key) ?? 0;
    if (seq <= cursor) return;
    this.#cursors.set(key, seq);
    const books = this.#books.get(key) ?? { reported: 0, stored: 0, missing: 0 };
    this.#books.set(key, books);
    if (seq - span > cursor) {
      const before = Math.max(books.reported, readingsThrough - readings);
      books.missing += before - books.reported;
      books.reported = before;
    }
    books.stored += Math.max(0, readingsThrough - books.reported);
    books.reported = Math.max(books.reported, readingsThrough);
    const { panes, transitions, raw } = decodeFrame(frame);
    this.panes.push(...panes);
    this.transitions.push(...transitions);
    this.raw.push(...raw);
  }
}
