// A link to a hub in the time of a test: so many bytes a second, a delay each way, and it can be down. The hub behind it takes
// everything, and acknowledges at once.

import { decodeBatch, encodeAck } from '@weir/shared/wire/codec.ts';
import { ackTopic, parseTopic, type Lane } from '@weir/shared/wire/topics.ts';
import type { HubLink, HubSession } from '../uplink/hub-link.ts';
import type { FakeClock } from './fake-clock.ts';
import { unpack } from './unpack.ts';

export interface Arrival {
  readonly lane: Lane;
  readonly bytes: number;
  readonly last: number;
  /** Monotonic time. */
  readonly at: number;
}

export class SlowLink {
  /** Every batch the hub has received, in order. */
  readonly arrivals: Arrival[] = [];
  /** When each connection was asked for. */
  readonly attempts: number[] = [];
  isUp = true;
  /** Whether what arrives is acknowledged. */
  acknowledging = true;
  readonly #clock: FakeClock;
  readonly #bytesPerSecond: number;
  readonly #delayMs: number;
  readonly #open = new Set<(reason: Error) => void>();

  constructor(clock: FakeClock, { bytesPerSecond = Infinity, delayMs = 0 } = {}) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
    this.#delayMs = delayMs;
  }

  get connected(): number {
    return this.#open.size;
  }

  /** Ends every connection. */
  cut(): void {
    for (const close of this.#open) close(new Error('the link was cut'));
  }

  readonly connect: HubLink = async ({ gateway, received }) => {
    this.attempts.push(this.#clock.monotonicMs());
    await this.#pass(this.#delayMs);
    if (!this.isUp) throw new Error('the hub is not there');
    const { promise: closed, resolve } = Promise.withResolvers<Error>();
    this.#open.add(resolve);
    void closed.then(() => this.#open.delete(resolve));
    let busyUntil = 0;
    const session: HubSession = {
      closed,
      subscribe: () => this.#pass(2 * this.#delayMs),
      publish: async (topic, payload) => {
        const now = this.#clock.monotonicMs();
        busyUntil = Math.max(now, busyUntil) + (payload.length / this.#bytesPerSecond) * 1000;
        await this.#pass(busyUntil - now + this.#delayMs);
        const ack = this.#take(topic, payload);
        await this.#pass(this.#delayMs);
        if (ack !== undefined && this.acknowledging) received(ackTopic(gateway), ack);
      },
      end: async () => resolve(new Error('ended')),
      destroy: () => resolve(new Error('destroyed')),
    };
    return session;
  };

  #take(topic: string, payload: Uint8Array): Uint8Array | undefined {
    const parsed = parseTopic(topic);
    if (parsed?.kind !== 'up') return undefined;
    const { lane } = parsed;
    const { incarnation, firstSeq, entries } = decodeBatch(unpack(payload));
    const last = entries.reduce((seq, { span }) => seq + span, firstSeq - 1);
    this.arrivals.push({ lane, bytes: payload.length, last, at: this.#clock.monotonicMs() });
    return encodeAck({ lane, incarnation, seq: last });
  }

  #pass(ms: number): Promise<void> {
    return ms > 0 ? this.#clock.sleep(ms, new AbortController().signal) : Promise.resolve();
  }
}
