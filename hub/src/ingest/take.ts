// One helping of the ingest: entries of several batches, decoded and checked against the cursors, that are stored together.
//
// An entry stands for one sequence number, or for several that were merged into it; it is taken when the last of them is
// beyond its lane's cursor. The batch says how many readings each entry reports, and how many the lane reported before it.
// So a merged entry whose first part was stored earlier counts only what is new: from the sum at the cursor to the sum at
// its end. Its panes are written again, which changes nothing.
//
// A batch that starts further on than the next entry leaves a gap. The first batch of a lane on a connection may: the
// gateway starts with the oldest entry it still has, so what lies between was evicted there, or lost by its disk; it is
// noted, with the readings the two sums are apart. So may a batch behind others that nobody could read: what lies between
// was in these, and they are kept in quarantine, with exactly these readings. Any other may not: what lies between was
// turned away here, and taking the batch would acknowledge it.
//
// A frame that cannot be decoded is quarantined whole, with the readings the batch says are in it, and the lane goes on.

import {
  WireError,
  decodeFrame,
  encodeFrame,
  type BatchEntry,
  type FrameContent,
  type RawReadings,
} from '@weir/shared/wire/codec.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import type { Cursor, CursorKey } from '../state/cursors.ts';
import type { Gap } from '../state/gaps.ts';
import type { Quarantined } from '../state/quarantine.ts';
import type { SeriesBook } from '../state/series-book.ts';
import type { GatewayPane, GatewayRaw, Refused, StoreBatch } from '../store/store.ts';
import type { QueuedBatch, UnreadableBatch } from './batch-queue.ts';

/** A batch on its way through the ingest; a long one may take several helpings. */
export interface OpenBatch extends Omit<QueuedBatch, 'payload'> {
  readonly incarnation: string;
  readonly entries: readonly BatchEntry[];
  /** Index of the next entry to take. */
  next: number;
  /** The first sequence number it stands for. */
  nextSeq: number;
  /** What the lane reported before it. */
  readingsBefore: number;
  /** Those right before this one that nobody could read. */
  unreadable: readonly UnreadableBatch[];
}

/** Where a lane will be once the helping is stored. */
interface Move {
  readonly key: CursorKey;
  /** 0 while the lane has never sent anything. */
  seq: number;
  reported: number;
  stored: number;
  quarantined: number;
}

/** What an entry added to the readings of its lane, as far as it is not quarantined. */
interface Account {
  readonly move: Move;
  readings: number;
}

/** What was refused for one reason: one row of the quarantine. */
interface Refusal {
  readonly move: Move;
  readonly reason: string;
  readonly panes: Pane[];
  readonly transitions: GatewayTransition['transition'][];
  readings: number;
}

/** A larger frame is no agent's; it bounds what one entry decodes to. */
const maxFrameBytes = 1024 * 1024;
/** In one row of the quarantine. */
const maxRefusedTogether = 1000;

export class Take implements StoreBatch {
  readonly panes: GatewayPane[] = [];
  readonly transitions: GatewayTransition[] = [];
  readonly raw: GatewayRaw[] = [];
  /** Raw readings nobody had asked for: they are let go. */
  rawUnasked = 0;
  readonly gaps: Gap[] = [];
  /** Entries that had been stored before. */
  repeated = 0;
  readonly #moves = new Map<string, Move>();
  readonly #quarantined: Quarantined[] = [];
  readonly #refusals: Refusal[] = [];
  /** For each pane and each transition the entry it came in. */
  readonly #accounts: Account[] = [];
  readonly #transitionMoves: Move[] = [];
  /** Indexes of the panes the store will never take. */
  readonly #refused = new Set<number>();
  readonly #find: (key: CursorKey) => Cursor | undefined;
  readonly #admits: SeriesBook['admits'];
  readonly #isAskedFor: (gateway: string, raw: RawReadings) => boolean;
  /** By their index, why the store did not take readings of a block of raw ones, and how many. */
  readonly #refusedRaw = new Map<number, Map<string, number>>();
  #rows = 0;

  constructor(parts: {
    find: (key: CursorKey) => Cursor | undefined;
    admits: SeriesBook['admits'];
    /** Left out, all raw readings are. */
    isAskedFor?: (gateway: string, raw: RawReadings) => boolean;
  }) {
    this.#find = parts.find;
    this.#admits = parts.admits;
    this.#isAskedFor = parts.isAskedFor ?? (() => true);
  }

  /** Panes and raw readings in it. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Takes entries until the batch is through or there are `maxRows` panes and raw readings.
   * @returns false, and takes nothing, when entries before this batch are missing
   */
  add(batch: OpenBatch, maxRows: number): boolean {
    const move = this.#move(batch);
    const missing = batch.nextSeq - (move.seq + 1);
    if (missing > 0 && !batch.opens && batch.unreadable.length === 0) return false;
    const isKept = this.#keepUnreadable(move, batch, missing);
    if (missing > 0 && !isKept && batch.entries.length > 0) this.#gap(move, batch);
    while (batch.next < batch.entries.length && this.#rows < maxRows) {
      const entry = batch.entries[batch.next];
      if (entry === undefined) break;
      this.#entry(move, batch, entry);
      batch.next += 1;
      batch.nextSeq += entry.span;
      batch.readingsBefore += entry.readings;
    }
    return true;
  }

  /** Where the lanes will be. */
  cursors(): Cursor[] {
    return [...this.#moves.values()].filter(({ seq }) => seq > 0).map(({ key, ...where }) => ({ ...key, ...where }));
  }

  /** The store took everything but these: they are quarantined, and counted as such. */
  refuse(refused: readonly Refused[]): void {
    for (const { of, index, reason } of refused) {
      const pane = this.panes[index];
      const account = this.#accounts[index];
      const transition = this.transitions[index];
      const move = this.#transitionMoves[index];
      if (of === 'transitions' && transition !== undefined && move !== undefined) {
        this.#refusal(move, reason).transitions.push(transition.transition);
      }
      if (of === 'raw') {
        const reasons = this.#refusedRaw.get(index) ?? new Map<string, number>();
        this.#refusedRaw.set(index, reasons.set(reason, (reasons.get(reason) ?? 0) + 1));
      }
      if (of === 'panes' && pane !== undefined && account !== undefined) {
        this.#refused.add(index);
        this.#refusePane(account, pane.pane, reason);
      }
    }
  }

  storedPanes(): GatewayPane[] {
    return this.#refused.size === 0 ? this.panes : this.panes.filter((_, index) => !this.#refused.has(index));
  }

  /** Each block of raw readings, with what the store did not take of it. */
  storedRaw(): { raw: RawReadings; refused: ReadonlyMap<string, number> }[] {
    return this.raw.map(({ raw }, index) => ({ raw, refused: this.#refusedRaw.get(index) ?? new Map() }));
  }

  /** What is to be kept aside. */
  quarantined(): Quarantined[] {
    const refused = this.#refusals.map(({ move, reason, panes, transitions, readings }): Quarantined => {
      return { ...move.key, kind: 'refused', reason, readings, payload: encodeFrame({ panes, transitions }) };
    });
    return [...this.#quarantined, ...refused];
  }

  #move({ gateway, incarnation, lane }: OpenBatch): Move {
    const name = `${gateway}/${incarnation}/${lane}`;
    const known = this.#moves.get(name);
    if (known !== undefined) return known;
    const key = { gateway, incarnation, lane };
    const { seq, reported, stored, quarantined } = this.#find(key) ?? {
      seq: 0,
      reported: 0,
      stored: 0,
      quarantined: 0,
    };
    const move = { key, seq, reported, stored, quarantined };
    this.#moves.set(name, move);
    return move;
  }

  /** @returns whether what is missing before the batch is in quarantine now */
  #keepUnreadable(move: Move, batch: OpenBatch, missing: number): boolean {
    const { unreadable } = batch;
    batch.unreadable = [];
    const readings = missing > 0 ? Math.max(0, batch.readingsBefore - move.reported) : 0;
    // Where nothing is missing the lane counts nothing for them.
    const key = missing > 0 ? move.key : { ...move.key, incarnation: '' };
    for (const [index, { payload, reason }] of unreadable.entries()) {
      // Which of several held how many nobody can say: the first stands for all.
      const row = { kind: 'batch', reason, readings: index === 0 ? readings : 0, payload } as const;
      this.#quarantined.push({ ...key, ...row });
    }
    if (unreadable.length === 0 || missing <= 0) return false;
    move.seq = batch.nextSeq - 1;
    move.reported = Math.max(move.reported, batch.readingsBefore);
    move.quarantined = added(move.quarantined, readings);
    return true;
  }

  #gap(move: Move, { nextSeq, readingsBefore }: OpenBatch): void {
    const readings = Math.max(0, readingsBefore - move.reported);
    this.gaps.push({ ...move.key, firstSeq: move.seq + 1, lastSeq: nextSeq - 1, readings });
    move.seq = nextSeq - 1;
  }

  #entry(move: Move, { nextSeq, readingsBefore }: OpenBatch, { frame: bytes, span, readings }: BatchEntry): void {
    const last = nextSeq + span - 1;
    if (last <= move.seq) {
      this.repeated += 1;
      return;
    }
    const through = readingsBefore + readings;
    // Of an entry that begins at or before the cursor, what lies behind it; of one that a gateway has made again under a new
    // number, because damage took the first, nothing.
    const counted = Math.min(readings, Math.max(0, through - move.reported));
    move.seq = last;
    move.reported = Math.max(move.reported, through);
    const { gateway } = move.key;
    const frame = decode(bytes);
    if (typeof frame === 'string') {
      move.quarantined = added(move.quarantined, counted);
      this.#quarantined.push({ ...move.key, kind: 'frame', reason: frame, readings: counted, payload: bytes });
      return;
    }
    move.stored = added(move.stored, counted);
    const account = { move, readings: counted };
    for (const transition of frame.transitions) {
      this.transitions.push({ gateway, transition });
      this.#transitionMoves.push(move);
    }
    for (const raw of frame.raw) this.#raw(gateway, raw);
    for (const pane of frame.panes) this.#pane(account, pane);
  }

  #pane(account: Account, pane: Pane): void {
    const { gateway } = account.move.key;
    if (!this.#admits(gateway, pane)) {
      this.#refusePane(account, pane, 'the hub knows as many series as it can hold');
      return;
    }
    this.panes.push({ gateway, pane });
    this.#rows += 1;
    this.#accounts.push(account);
  }

  #raw(gateway: string, raw: RawReadings): void {
    if (!this.#isAskedFor(gateway, raw)) {
      this.rawUnasked += raw.times.length;
      return;
    }
    this.raw.push({ gateway, raw });
    this.#rows += raw.times.length;
  }

  #refusePane(account: Account, pane: Pane, reason: string): void {
    const { move } = account;
    const readings = Math.min(pane.fresh, account.readings);
    account.readings -= readings;
    move.stored -= readings;
    move.quarantined = added(move.quarantined, readings);
    const refusal = this.#refusal(move, reason);
    refusal.panes.push(pane);
    refusal.readings += readings;
  }

  /** The row of the quarantine that takes what is refused next. */
  #refusal(move: Move, reason: string): Refusal {
    const last = this.#refusals.findLast((one) => one.move === move && one.reason === reason);
    if (last !== undefined && last.panes.length + last.transitions.length < maxRefusedTogether) return last;
    const refusal = { move, reason, panes: [], transitions: [], readings: 0 };
    this.#refusals.push(refusal);
    return refusal;
  }
}

/** Counts come from gateways: no sum of them may leave what a column can hold. */
function added(count: number, more: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, count + more);
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
