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
import { fullJitterMs, type BackoffLimits } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { Counter } from '../counter.ts';
import type { Log } from '../log.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import type { Cursor } from '../state/cursors.ts';
import { diskTrouble } from '../state/database.ts';
import type { State } from '../state/state.ts';
import { StoreOutage, type GatewayPane, type Store } from '../store/store.ts';
import { BatchQueue, defaultQueueLimits, type Connection, type QueuedBatch, type QueueLimits } from './batch-queue.ts';
import { unpack } from './packing.ts';
import { Take, type OpenBatch } from './take.ts';

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
  /** Names of those who are to be notified of transitions. */
  readonly notifyTargets: readonly string[];
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
  | 'gaps'
  | 'quarantined'
  | 'store_outages';

/** Panes that are stored together: large enough to be quick, small enough that an alert does not wait long behind one. */
const maxPanesPerTake = 5000;
const retry: BackoffLimits = { baseMs: 100, capMs: 10_000 };

export class Ingest {
  readonly counts = new Counter<IngestCount>();
  readonly #parts: IngestParts;
  readonly #queue: BatchQueue;
  readonly #connections = new Map<string, Connection>();
  #open: OpenBatch | undefined;
  #wake = Promise.withResolvers<void>();
  #outage: string | undefined;

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
    const opens = !connection.lanes.has(lane);
    connection.lanes.add(lane);
    const taken = this.#queue.offer({ gateway, lane, payload, connection, opens });
    this.counts.add(taken ? 'batches' : 'batches_turned_away');
    if (taken) this.#wake.resolve();
  }

  /** A new connection of the gateway: each of its lanes may start anywhere. */
  connected(gateway: string): Connection {
    const connection = { lanes: new Set<Lane>(), sentAway: false };
    this.#connections.set(gateway, connection);
    return connection;
  }

  disconnected(gateway: string): void {
    this.#connections.delete(gateway);
  }

  /** Tells a gateway that has just come how far each of its lanes is stored. */
  resume(gateway: string): void {
    for (const cursor of this.#parts.state.cursors.inUse(gateway)) this.#ack(cursor);
  }

  /** Runs until the signal aborts; the helping in hand is finished unless the store is out. Rejects on a bug of ours only. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake.resolve();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const take = this.#take();
        if (take === undefined) await this.#wake.promise;
        else {
          await this.#store(take, signal);
          // A store that answers at once must not keep sockets from being read.
          await yieldToIo();
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  #take(): Take | undefined {
    const { cursors, series } = this.#parts.state;
    let take: Take | undefined;
    for (;;) {
      this.#open ??= this.#nextBatch();
      if (this.#open === undefined) {
        this.#wake = Promise.withResolvers<void>();
        return take;
      }
      take ??= new Take({ find: (key) => cursors.find(key), admits: (gateway, pane) => series.admits(gateway, pane) });
      const inOrder = take.add(this.#open, maxPanesPerTake);
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
    try {
      const { incarnation, firstSeq, entries } = decodeBatch(unpack(payload));
      return { ...from, incarnation, firstSeq, entries, next: 0 };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      this.counts.add('batches_undecodable');
      const { state, clock } = this.#parts;
      const row = { gateway: from.gateway, kind: 'batch', reason: error.message, readings: 0, payload } as const;
      this.#bestEffort(() => state.incidents.quarantine(row, clock.now()));
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
    const { state, clock, notifyTargets } = this.#parts;
    const now = clock.now();
    return state.transaction(() => {
      for (const cursor of take.cursors()) state.cursors.put(cursor);
      for (const { gateway, pane } of take.storedPanes()) state.series.record(gateway, pane);
      for (const gap of take.gaps) state.incidents.recordGap(gap, now);
      for (const row of take.quarantined) state.incidents.quarantine(row, now);
      return take.transitions.filter((transition) => state.alerts.record(transition, notifyTargets, now));
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
    this.counts.add('gaps', take.gaps.length);
    this.counts.add('quarantined', take.quarantined.length);
  }

  #ack({ gateway, incarnation, lane, seq }: Cursor): void {
    this.#parts.ack(gateway, encodeAck({ incarnation, lane, seq }));
  }

  /** For what is only there to be looked at: a full disk must not stop the loop for it. */
  #bestEffort(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (diskTrouble(error) === undefined) throw error;
    }
  }
}

async function attempted<T>(work: () => Promise<T>): Promise<T> {
  return work();
}

function outsideTrouble(error: unknown): string | undefined {
  return error instanceof StoreOutage ? error.message : diskTrouble(error);
}
