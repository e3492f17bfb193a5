// The hub's broker, without sockets: one connection a gateway, the later one takes over, and nothing is kept for who is not there.

import type { BrokerParts, RefusalReason } from '@weir/hub/broker/broker.ts';
import type { GuardReason } from '@weir/hub/broker/length-guard.ts';
import { Counter } from '@weir/hub/counter.ts';
import type { HubBroker } from '@weir/hub/hub.ts';
import { ackTopic, commandTopic, parseTopic } from '@weir/shared/wire/topics.ts';
import type { Life } from './life.ts';
import type { HubEnd, Listener } from './simulated-link.ts';

/** Whoever wants to know what passes. */
export interface Watcher {
  /** An ack is on its way. */
  readonly acknowledged: (gateway: string, payload: Uint8Array) => void;
  /** A status came in and was taken note of. */
  readonly reported: (gateway: string, payload: Uint8Array) => void;
}

export class SimulatedBroker implements HubBroker, Listener {
  readonly refusals = new Counter<RefusalReason>();
  readonly guardCloses = new Counter<GuardReason>();
  readonly life: Life;
  readonly #events: BrokerParts['events'];
  readonly #ends = new Map<string, HubEnd>();
  readonly #listening = new WeakMap<HubEnd, Set<string>>();
  readonly #watcher: Watcher;
  #accepts = false;

  constructor(life: Life, { events }: BrokerParts, watcher: Watcher) {
    this.life = life;
    this.#events = events;
    this.#watcher = watcher;
  }

  /** Whether anybody can connect. */
  get accepts(): boolean {
    return this.#accepts && this.life.alive;
  }

  async listen(): Promise<number> {
    this.#accepts = true;
    return 1883;
  }

  get connected(): number {
    return this.#ends.size;
  }

  isConnected(gateway: string): boolean {
    return this.#ends.has(gateway);
  }

  ack(gateway: string, payload: Uint8Array): void {
    if (this.life.alive) this.#watcher.acknowledged(gateway, payload);
    this.#send(gateway, ackTopic(gateway), payload);
  }

  command(gateway: string, payload: Uint8Array): void {
    this.#send(gateway, commandTopic(gateway), payload);
  }

  sendAway(gateway: string): void {
    const end = this.#ends.get(gateway);
    end?.close();
    if (end !== undefined) this.closed(end, false);
  }

  stopAccepting(): void {
    this.#accepts = false;
  }

  async close(): Promise<void> {
    this.#accepts = false;
    for (const end of this.#ends.values()) end.close();
    this.#ends.clear();
  }

  opened(end: HubEnd): void {
    const former = this.#ends.get(end.gateway);
    this.#ends.set(end.gateway, end);
    if (former !== undefined) {
      former.close();
      this.#tell(() => this.#events.status(end.gateway, former.will.payload));
    }
    this.#tell(() => this.#events.connected(end.gateway));
  }

  subscribed(end: HubEnd, topics: readonly string[]): void {
    if (this.#ends.get(end.gateway) !== end) return;
    const listening = this.#listening.get(end) ?? new Set();
    this.#listening.set(end, listening);
    for (const [to, topic] of [
      ['ack', ackTopic(end.gateway)],
      ['command', commandTopic(end.gateway)],
    ] as const) {
      if (!topics.includes(topic)) continue;
      listening.add(topic);
      this.#tell(() => this.#events.subscribed(end.gateway, to));
    }
  }

  published(end: HubEnd, topic: string, payload: Uint8Array): void {
    if (this.#ends.get(end.gateway) !== end) return;
    const parsed = parseTopic(topic);
    if (parsed?.kind === 'up') this.#tell(() => this.#events.batch(end.gateway, parsed.lane, payload));
    if (parsed?.kind !== 'status') return;
    this.#tell(() => {
      this.#events.status(end.gateway, payload);
      this.#watcher.reported(end.gateway, payload);
    });
  }

  closed(end: HubEnd, politely: boolean): void {
    if (this.#ends.get(end.gateway) !== end) return;
    this.#ends.delete(end.gateway);
    this.#tell(() => {
      if (!politely) this.#events.status(end.gateway, end.will.payload);
      this.#events.disconnected(end.gateway);
    });
  }

  /** The hub may die of what it is told. */
  #tell(event: () => void): void {
    if (!this.life.alive) return;
    try {
      event();
    } catch (error) {
      if (this.life.alive) throw error;
    }
  }

  #send(gateway: string, topic: string, payload: Uint8Array): void {
    const end = this.#ends.get(gateway);
    if (this.life.alive && end !== undefined && this.#listening.get(end)?.has(topic) === true) end.send(topic, payload);
  }
}
