// Takes what operators do to alarms and sees that the gateway gets it: at once when it listens, whenever it subscribes, and again
// now and then, until its status names the order among those it has carried out.

import { randomUUID } from 'node:crypto';
import type { Operation } from '@weir/shared/model/alert.ts';
import { decodeStatus, encodeCommand } from '@weir/shared/wire/codec.ts';
import type { Clock } from '../clock.ts';
import { HubError, messageOf } from '../errors.ts';
import type { RateLimitedLog } from '../log.ts';
import { diskTrouble } from '../state/database.ts';
import type { Order } from '../state/operations.ts';
import type { State } from '../state/state.ts';

export interface OrderDeskParts {
  readonly state: State;
  readonly clock: Clock;
  readonly log: RateLimitedLog;
  readonly command: (gateway: string, payload: Uint8Array) => void;
}

/** The command line writes into the same state: what it ordered is seen within this. */
const lookEveryMs = 1000;
/** A gateway that has not said that it is done is told again so often. */
const remindMs = 15_000;

export class OrderDesk {
  readonly #parts: OrderDeskParts;
  readonly #listening = new Set<string>();
  /** When each order was last sent. */
  readonly #sent = new Map<string, number>();

  constructor(parts: OrderDeskParts) {
    this.#parts = parts;
  }

  /** @throws HubError when there is no such gateway @returns the order's id */
  order(gateway: string, operation: Operation): string {
    const id = placeOrder(this.#parts.state, gateway, operation, this.#parts.clock.now());
    this.#send(gateway);
    return id;
  }

  subscribed(gateway: string): void {
    this.#listening.add(gateway);
    for (const { id } of this.#openOf(gateway)) this.#sent.delete(id);
    this.#send(gateway);
  }

  disconnected(gateway: string): void {
    this.#listening.delete(gateway);
  }

  /** @param payload a status; one that cannot be read is said elsewhere */
  status(gateway: string, payload: Uint8Array): void {
    let done: readonly string[];
    try {
      done = decodeStatus(payload).operations;
    } catch {
      return;
    }
    const open = new Set(this.#openOf(gateway).map(({ id }) => id));
    const news = done.filter((id) => open.has(id));
    if (news.length === 0) return;
    const { state, clock } = this.#parts;
    this.#waitOut(() => state.transaction(() => state.operations.done(gateway, news, clock.now())));
    for (const id of news) this.#sent.delete(id);
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const gateway of this.#listening) this.#send(gateway);
      await this.#parts.clock.sleep(lookEveryMs, signal);
    }
  }

  #send(gateway: string): void {
    if (!this.#listening.has(gateway)) return;
    const now = this.#parts.clock.monotonicMs();
    for (const { id, operation } of this.#openOf(gateway)) {
      if (now - (this.#sent.get(id) ?? -Infinity) < remindMs) continue;
      this.#sent.set(id, now);
      this.#parts.command(gateway, encodeCommand({ kind: 'operation', id, operation }));
    }
  }

  #openOf(gateway: string): Order[] {
    const { state, clock } = this.#parts;
    return this.#waitOut(() => state.operations.openOf(gateway, clock.now())) ?? [];
  }

  /** A disk in trouble: what is open is sent later. */
  #waitOut<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      if (diskTrouble(error) === undefined) throw error;
      this.#parts.log.warn('orders', 'orders to gateways wait for the disk', { trouble: messageOf(error) });
      return undefined;
    }
  }
}

/** @throws HubError when there is no such gateway @returns the order's id */
export function placeOrder(state: State, gateway: string, operation: Operation, nowMs: number): string {
  if (state.gateways.keyHash(gateway) === undefined)
    throw new HubError('WEIR_HUB_ALERT', `there is no gateway "${gateway}"`);
  if (operation.kind === 'shelve' && !(operation.until > nowMs))
    throw new HubError('WEIR_HUB_ALERT', 'an alarm is shelved until a time to come');
  const id = randomUUID();
  state.transaction(() => state.operations.add(id, gateway, operation, nowMs));
  return id;
}
