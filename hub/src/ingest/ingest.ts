// From what gateways send to what the store has: one loop, one helping at a time.
//
//   take what is queued -> decode, skip repetitions -> store, durable -> one transaction: cursors, alerts, counts -> ack
//
// The ack comes last, so an acknowledged entry is in the store, whatever dies when. Dying before the transaction makes
// the gateway send again; the store's writes are upserts and the counts move with the cursor, so that changes nothing.
// While the store (or the hub's own disk) is out, the helping in hand is kept and tried again, nothing is acknowledged,
// and the queue's limits bound what waits. Data that is wrong never stops the loop: it is quarantined and counted.
//
// An ack is cumulative, so entries must not be skipped: when a batch was turned away and the one behind it was not, that
// one is not taken either, and the gateway is sent away. It comes back, is told its cursors, and starts from there.

import { setImmediate as yieldToIo } from 'node:timers/promises';
import { WireError, decodeBatch, encodeAck } from '@weir/shared/wire/codec.ts';
import type { Lane } from '@weir/shared/wire/topics.ts';
import type { RawSettings } from '../config.ts';
import { fullJitterMs, type BackoffLimits } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { Counter } from '../counter.ts';
import type { Log } from '../log.ts';
import { askAround } from '../raw/ask.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import type { Cursor } from '../state/cursors.ts';
import { diskTrouble } from '../state/database.ts';
import type { State } from '../state/state.ts';
import { StoreOutage, type GatewayPane, type Store } from '../store/store.ts';
import { BatchQueue, defaultQueueLimits, type Connection, type QueuedBatch, type QueueLimits } from './batch-queue.ts';
import { unpack } from './packing.ts';
import { retryAsked } from './retry.ts';
import { Take, type OpenBatch } from './take.ts';
import { UnreadableBatches } from './unreadable.ts';

export interface IngestParts {
  readonly state: State;
  readonly store: Store;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly ack: (gateway: string, payload: Uint8Array) => void;
  /** Closes the gateway's connection, so that it starts over from its cursors. */
  readonly sendAway: (gateway: string) => void;
  /** After each helping that is durable. Transitions are the ones not known before. */
  readonly stored: (panes: readonly GatewayPane[], transitions: readonly GatewayTransition[]) => void;
  /** A batch of the gateway that nobody here can read. */
  readonly unreadable: (gateway: string, lane: Lane, reason: string) => void;
  /** One that can be read. */
  readonly readable: (gateway: string, lane: Lane) => void;
  /** Names of those who are to be notified of transitions. */
  readonly notifyTargets: readonly string[];
  /** Which raw readings are asked for when an alert begins to fire; left out, none. */
  readonly raw?: RawSettings;
  readonly limits?: QueueLimits;
}

export type IngestCount =
  | 'batches'
  | 'batches_turned_away'
  | 'batches_out_of_order'
  | 'batches_undecodable'
  | 'entries_repeated'
  | 'panes_stored'
  | 'transitions_stored'
  | 'raw_stored'
  | 'raw_unasked'
  | 'gaps'
  | 'quarantined'
  | 'quarantine_retries'
  | 'store_outages';

/** Panes and raw readings that are stored together: large enough to be quick, small enough that an alert does not wait long behind one. */
const maxRowsPerTake = 5000;
const quarantineEveryMs = 1000;
const retry: BackoffLimits = { baseMs: 100, capMs: 10_000 };

export class Ingest {
  readonly counts = new Counter<IngestCount>();
  readonly #parts: IngestParts;
  readonly #queue: BatchQueue;
  readonly #connections = new Map<string, Connection>();
  readonly #unreadable = new UnreadableBatches();
  #open: OpenBatch | undefined;
  #wake = Promise.withResolvers<void>();
  #outage: string | undefined;
  /** A row of the quarantine is to be tried again. */
  #asked = false;

  constructor(parts: IngestParts) {
    this.#parts = parts;
    this.#queue = new BatchQueue(parts.limits ?? defaultQueueLimits);
  }

  /** What keeps it from storing, for health; undefined while all is well. */
  get outage(): string | undefined {
    return this.#outage;
  }

  get queued(): { batches: number; bytes: number } {
    return { batches: this.#queue.batches, bytes: this.#queue.bytes };
  }

  /** Takes a batch in, or turns it away when too much waits: the agent sends it again. */
  offer(gateway: string, lane: Lane, payload: Uint8Array): void {
    const connection = this.#connections.get(gateway) ?? this.connected(gateway);
    const known = connection.lanes.get(lane);
    const state = known ?? { turnedAway: false, unreadable: [] };
    connection.lanes.set(lane, state);
    const taken = this.#queue.offer({ gateway, lane, payload, connection, opens: known === undefined });
    this.counts.add(taken ? 'batches' : 'batches_turned_away');
    if (taken) this.#wake.resolve();
    else state.turnedAway = true;
  }

  /** A new connection of the gateway: each of its lanes may start anywhere. */
  connected(gateway: string): Connection {
    this.disconnected(gateway);
    const connection: Connection = { lanes: new Map(), sentAway: false };
    this.#connections.set(gateway, connection);
    return connection;
  }

  disconnected(gateway: string): void {
    for (const lane of this.#connections.get(gateway)?.lanes.values() ?? []) this.#unreadable.forget(lane);
    this.#connections.delete(gateway);
  }

  /** Tells a gateway that has just come how far each of its lanes is stored. */
  resume(gateway: string): void {
    for (const cursor of this.#parts.state.cursors.inUse(gateway)) this.#ack(cursor);
  }

  /** Runs until the signal aborts; the helping in hand is finished unless the store is out. Rejects on a bug of ours only. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    const loops = [this.#takeAll(both), this.#watchQuarantine(both)];
    try {
      await Promise.all(loops);
    } finally {
      ended.abort();
      await Promise.allSettled(loops);
    }
  }

  async #takeAll(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake.resolve();
    signal.addEventListener('abort', wake);
    while (!signal.aborted) {
      if (this.#asked) this.#asked = await this.#retry(signal);
      const take = this.#take();
      if (take !== undefined) await this.#store(take, signal);
      else if (!this.#asked) {
        await this.#wake.promise;
        continue;
      }
      // A store that answers at once must not keep sockets from being read.
      await yieldToIo();
    }
    signal.removeEventListener('abort', wake);
  }

  /** Sees within a second when the command line asks for a row of the quarantine to be tried again. */
  async #watchQuarantine(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(quarantineEveryMs, signal);
      if (signal.aborted || !this.#isAsked()) continue;
      this.#asked = true;
      this.#wake.resolve();
    }
  }

  #isAsked(): boolean {
    try {
      return this.#parts.state.quarantine.isAsked();
    } catch (error) {
      if (diskTrouble(error) === undefined) throw error;
      return false;
    }
  }

  /** Tries one row again. @returns whether there may be more */
  async #retry(signal: AbortSignal): Promise<boolean> {
    const { state, store, clock, notifyTargets, stored } = this.#parts;
    const parts = { state, store, notifyTargets, now: () => clock.now() };
    const retried = await this.#untilItWorks(signal, async () => (await retryAsked(parts)) ?? 'none');
    if (retried === undefined || retried === 'none') return false;
    this.counts.add('quarantine_retries');
    this.counts.add('panes_stored', retried.panes.length);
    this.counts.add('transitions_stored', retried.transitions.length);
    stored(retried.panes, retried.transitions);
    return true;
  }

  #take(): Take | undefined {
    const { cursors, series, rawRequests } = this.#parts.state;
    let take: Take | undefined;
    for (;;) {
      // Looked at before the next batch is opened: what is open goes first, and alerts may come.
      if (take !== undefined && take.rows >= maxRowsPerTake) return take;
      this.#open ??= this.#nextBatch();
      if (this.#open === undefined) {
        this.#wake = Promise.withResolvers<void>();
        return take;
      }
      take ??= new Take({
        find: (key) => cursors.find(key),
        admits: (gateway, pane) => series.admits(gateway, pane),
        isAskedFor: (gateway, raw) => rawRequests.isAskedFor(gateway, raw),
      });
      const inOrder = take.add(this.#open, maxRowsPerTake);
      if (!inOrder) this.#outOfOrder(this.#open);
      else if (this.#open.next < this.#open.entries.length) return take;
      this.#open = undefined;
    }
  }

  /** The next batch in the queue that can be decoded; the others are quarantined on the way. */
  #nextBatch(): OpenBatch | undefined {
    for (let queued = this.#queue.take(); queued !== undefined; queued = this.#queue.take()) {
      const batch = this.#decode(queued);
      if (batch !== undefined) return batch;
    }
    return undefined;
  }

  #outOfOrder({ gateway, connection }: OpenBatch): void {
    this.counts.add('batches_out_of_order');
    // Others of the same connection may follow, and by then there may be a new one.
    if (connection.sentAway || this.#connections.get(gateway) !== connection) return;
    connection.sentAway = true;
    this.#parts.sendAway(gateway);
  }

  #decode({ payload, ...from }: QueuedBatch): OpenBatch | undefined {
    const lane = from.connection.lanes.get(from.lane);
    try {
      const { incarnation, firstSeq: nextSeq, entries, readingsBefore } = decodeBatch(unpack(payload));
      const unreadable = lane === undefined ? [] : this.#unreadable.behind(lane);
      this.#parts.readable(from.gateway, from.lane);
      return { ...from, incarnation, entries, next: 0, nextSeq, readingsBefore, unreadable };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counts.add('batches_undecodable');
      const isCurrent = this.#connections.get(from.gateway) === from.connection;
      if (lane !== undefined && isCurrent) this.#unreadable.add(lane, { payload, reason: error.message });
      this.#parts.unreadable(from.gateway, from.lane, error.message);
      return undefined;
    }
  }

  async #store(take: Take, signal: AbortSignal): Promise<void> {
    const refused = await this.#untilItWorks(signal, () => this.#parts.store.write(take));
    if (refused === undefined) return;
    take.refuse(refused);
    const fresh = await this.#untilItWorks(signal, () => Promise.resolve(this.#commit(take)));
    if (fresh === undefined) return;
    this.#count(take);
    for (const cursor of take.cursors()) this.#ack(cursor);
    this.#parts.stored(take.storedPanes(), fresh);
  }

  /** @returns the transitions that were not known before */
  #commit(take: Take): GatewayTransition[] {
    const { state, clock, notifyTargets, raw: asks } = this.#parts;
    const now = clock.now();
    return state.transaction(() => {
      for (const cursor of take.cursors()) state.cursors.put(cursor);
      for (const { gateway, pane } of take.storedPanes()) state.series.record(gateway, pane);
      for (const gap of take.gaps) state.gaps.note(gap, now);
      state.quarantine.add(take.quarantined(), now);
      for (const { raw, refused } of take.storedRaw()) state.rawRequests.take(raw, refused, now);
      const fresh = take.transitions.filter((transition) => state.alerts.record(transition, notifyTargets, now));
      if (asks !== undefined) for (const one of fresh) askAround(state.rawRequests, one, { ...asks, nowMs: now });
      return fresh;
    });
  }

  /** Tries until it works, with backoff, through every outside trouble. @returns undefined when the signal aborted first */
  async #untilItWorks<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | undefined> {
    const { clock, random, log } = this.#parts;
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await attempted(work);
        if (this.#outage !== undefined) log.info('storing again', { attempts: attempt });
        this.#outage = undefined;
        return result;
      } catch (error) {
        const trouble = outsideTrouble(error);
        if (trouble === undefined) throw error;
        if (this.#outage === undefined) log.warn('cannot store; nothing is acknowledged until it works', { trouble });
        this.#outage = trouble;
        this.counts.add('store_outages');
      }
      if (signal.aborted) return undefined;
      await clock.sleep(fullJitterMs(attempt, retry, random), signal);
      if (signal.aborted) return undefined;
    }
  }

  #count(take: Take): void {
    this.counts.add('entries_repeated', take.repeated);
    this.counts.add('panes_stored', take.storedPanes().length);
    this.counts.add('transitions_stored', take.transitions.length);
    this.counts.add('raw_stored', take.rows - take.panes.length);
    this.counts.add('raw_unasked', take.rawUnasked);
    this.counts.add('gaps', take.gaps.length);
    this.counts.add('quarantined', take.quarantined().length);
  }

  #ack({ gateway, incarnation, lane, seq }: Cursor): void {
    this.#parts.ack(gateway, encodeAck({ incarnation, lane, seq }));
  }
}

async function attempted<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

function outsideTrouble(error: unknown): string | undefined {
  return error instanceof StoreOutage ? error.message : diskTrouble(error);
}
