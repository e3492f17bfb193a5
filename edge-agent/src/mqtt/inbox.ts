// Messages between the socket and the next pull. When too many wait, the socket is not read any further: they wait at the broker.

import type { IPublishPacket } from 'mqtt-packet';
import type { LargeMessage } from './packet-limit.ts';
import type { MqttSession } from './session.ts';

const maxWaiting = 10_000;

export class Inbox {
  #packets: IPublishPacket[] = [];
  #large: LargeMessage[] = [];
  #wake: (() => void) | undefined;
  #session: MqttSession | undefined;

  get size(): number {
    return this.#packets.length;
  }

  limitBy(session: MqttSession): void {
    this.#session = session;
  }

  add(packet: IPublishPacket): void {
    this.#packets.push(packet);
    if (this.#packets.length >= maxWaiting) this.#session?.pause();
    this.wake();
  }

  addLarge(message: LargeMessage): void {
    if (this.#large.length < maxWaiting) this.#large.push(message);
    this.wake();
  }

  takeLarge(): readonly LargeMessage[] {
    const large = this.#large;
    this.#large = [];
    return large;
  }

  /** The oldest messages, as far as all of them are first deliveries or all of them repeated ones. */
  take(): readonly IPublishPacket[] {
    const full = this.#packets.length >= maxWaiting;
    const change = this.#packets.findIndex(({ dup }) => dup !== this.#packets[0]?.dup);
    const taken = change < 0 ? this.#packets : this.#packets.slice(0, change);
    this.#packets = change < 0 ? [] : this.#packets.slice(change);
    if (full && this.#packets.length < maxWaiting) this.#session?.resume();
    return taken;
  }

  /** Resolves at the next message, or when woken. */
  filled(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  wake(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
