// One helping of the ingest: entries of several batches, decoded and checked against the cursors, that are stored together.
//
// An entry at or below its lane's cursor is a repetition and skipped. A batch that starts further on than the next entry
// leaves a gap. The first batch of a lane on a connection may: the gateway starts with the oldest entry it still has, so
// what lies between was evicted there; it is noted. Any other may not: what lies between was turned away here, and taking
// the batch would acknowledge it. A frame that cannot be decoded is quarantined whole, and the lane goes on behind it.

import { WireError, decodeFrame, type FrameContent } from '@weir/shared/wire/codec.ts';
import type { Transition } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import type { Cursor, CursorKey } from '../state/cursors.ts';
import type { Gap, Quarantined } from '../state/incidents.ts';
import type { SeriesBook } from '../state/series-book.ts';
import type { GatewayPane, Refused, StoreBatch } from '../store/store.ts';
import type { QueuedBatch } from './batch-queue.ts';
import { freshReadings } from './frame-salvage.ts';

/** A batch on its way through the ingest; a long one may take several helpings. */
export interface OpenBatch extends Omit<QueuedBatch, 'payload'> {
  readonly incarnation: string;
  readonly firstSeq: number;
  readonly entries: readonly Uint8Array[];
  /** Index of the next entry to take. */
  next: number;
}

/** Where a lane will be once the helping is stored. */
interface Move {
  readonly key: CursorKey;
  /** 0 while the lane has never sent anything. */
  seq: number;
  stored: number;
  quarantined: number;
}

/** A larger frame is no agent's; it bounds what one entry decodes to. */
const maxFrameBytes = 1024 * 1024;

export class Take implements StoreBatch {
  readonly panes: GatewayPane[] = [];
  readonly transitions: GatewayTransition[] = [];
  readonly gaps: Gap[] = [];
  readonly quarantined: Quarantined[] = [];
  /** Entries that had been stored before. */
  repeated = 0;
  readonly #moves = new Map<string, Move>();
  /** For each pane the lane it came by. */
  readonly #laneOf: Move[] = [];
  /** Indexes of the panes the store will never take. */
  readonly #refused = new Set<number>();
  readonly #find: (key: CursorKey) => Cursor | undefined;
  readonly #admits: SeriesBook['admits'];

  constructor(parts: { find: (key: CursorKey) => Cursor | undefined; admits: SeriesBook['admits'] }) {
    this.#find = parts.find;
    this.#admits = parts.admits;
  }

  /**
   * Takes entries until the batch is through or there are `maxPanes`.
   * @returns false, and takes nothing, when entries before this batch are missing
   */
  add(batch: OpenBatch, maxPanes: number): boolean {
    const move = this.#move(batch);
    const nextSeq = batch.firstSeq + batch.next;
    if (nextSeq > move.seq + 1) {
      if (!batch.opens) return false;
      // Where the hub has no cursor, what came before can have been stored by a hub before this one.
      if (move.seq > 0) this.gaps.push({ ...move.key, firstSeq: move.seq + 1, lastSeq: nextSeq - 1 });
    }
    while (batch.next < batch.entries.length && this.panes.length < maxPanes) {
      const entry = batch.entries[batch.next];
      const seq = batch.firstSeq + batch.next;
      batch.next += 1;
      if (entry !== undefined) this.#entry(move, seq, entry);
    }
    return true;
  }

  /** Where the lanes will be. */
  cursors(): Cursor[] {
    return [...this.#moves.values()]
      .filter((move) => move.seq > 0)
      .map(({ key, seq, stored, quarantined }) => ({ ...key, seq, stored, quarantined }));
  }

  /** The store took everything but these: they are lost, and counted as such. */
  refuse(refused: readonly Refused[]): void {
    for (const { of, index, reason } of refused) {
      const pane = this.panes[index];
      const lane = this.#laneOf[index];
      const transition = this.transitions[index];
      if (of === 'transitions' && transition !== undefined) {
        const payload = asText(transition.transition);
        this.quarantined.push({ gateway: transition.gateway, kind: 'transition', reason, readings: 0, payload });
      }
      if (of === 'panes' && pane !== undefined && lane !== undefined) {
        this.#refused.add(index);
        lane.stored -= pane.pane.fresh;
        this.#quarantinePane(lane, pane.pane, reason);
      }
    }
  }

  storedPanes(): GatewayPane[] {
    return this.panes.filter((_, index) => !this.#refused.has(index));
  }

  #move({ gateway, incarnation, lane }: OpenBatch): Move {
    const name = `${gateway}/${incarnation}/${lane}`;
    const known = this.#moves.get(name);
    if (known !== undefined) return known;
    const key = { gateway, incarnation, lane };
    const { seq, stored, quarantined } = this.#find(key) ?? { seq: 0, stored: 0, quarantined: 0 };
    const move = { key, seq, stored, quarantined };
    this.#moves.set(name, move);
    return move;
  }

  #entry(move: Move, seq: number, entry: Uint8Array): void {
    if (seq <= move.seq) {
      this.repeated += 1;
      return;
    }
    move.seq = seq;
    const { gateway } = move.key;
    const frame = decode(entry);
    if (typeof frame === 'string') {
      const readings = freshReadings(entry);
      move.quarantined += readings;
      this.quarantined.push({ gateway, kind: 'frame', reason: frame, readings, payload: entry });
      return;
    }
    for (const transition of frame.transitions) this.transitions.push({ gateway, transition });
    for (const pane of frame.panes) this.#pane(move, pane);
  }

  #pane(move: Move, pane: Pane): void {
    const { gateway } = move.key;
    if (!this.#admits(gateway, pane)) {
      this.#quarantinePane(move, pane, 'the hub knows as many series as it can hold');
      return;
    }
    this.panes.push({ gateway, pane });
    this.#laneOf.push(move);
    move.stored += pane.fresh;
  }

  #quarantinePane(move: Move, pane: Pane, reason: string): void {
    move.quarantined += pane.fresh;
    const { gateway } = move.key;
    this.quarantined.push({ gateway, kind: 'pane', reason, readings: pane.fresh, payload: asText(pane) });
  }
}

/** @returns the frame, or what is wrong with it */
function decode(entry: Uint8Array): FrameContent | string {
  if (entry.length > maxFrameBytes) return `frame: ${entry.length} bytes are more than ${maxFrameBytes}`;
  try {
    return decodeFrame(entry);
  } catch (error) {
    if (error instanceof WireError) return error.message;
    throw error;
  }
}

function asText(value: Pane | Transition): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
