// Publishes to an MQTT broker with QoS 1, a few messages in flight at a time.
//
// The client's own queue is unbounded, so it never gets more than one window; whoever publishes waits for the broker.
// While the broker is away the client keeps trying, and sends what was in flight again: a message may arrive twice.

import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { Changes } from './changes.ts';

const windowSize = 64;

export interface Message {
  readonly topic: string;
  readonly payload: string;
}

export class Publisher {
  readonly #client: MqttClient;
  readonly #changes = new Changes();
  #isClosed = false;

  /** @param onTrouble hears once, for each time the broker is away, why */
  constructor(broker: string, onTrouble: (what: string) => void) {
    this.#client = connect(clientOptions(broker));
    let isInTrouble = false;
    this.#client.on('connect', () => (isInTrouble = false));
    this.#client.on('error', (error) => {
      if (!isInTrouble) onTrouble(`broker ${broker} cannot be reached (${reason(error)}); trying again`);
      isInTrouble = true;
    });
  }

  /**
   * Sends in this order.
   * @returns how many the broker acknowledged; fewer than given only when closed meanwhile
   * @throws when the client refuses a message, as it does with a wildcard in the topic
   */
  async publish(messages: readonly Message[]): Promise<number> {
    let acknowledged = 0;
    for (let from = 0; from < messages.length && !this.#isClosed; from += windowSize) {
      acknowledged += await this.#publishWindow(messages.slice(from, from + windowSize));
    }
    return acknowledged;
  }

  /** Gives up what the broker has not acknowledged. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#changes.notify();
    await this.#client.endAsync(true);
  }

  async #publishWindow(messages: readonly Message[]): Promise<number> {
    let acknowledged = 0;
    let refusal: Error | undefined;
    for (const { topic, payload } of messages) {
      // Not the promise: the client may never settle it when it is closed without a broker.
      this.#client.publish(topic, payload, { qos: 1 }, (error) => {
        if (error) refusal = error;
        else acknowledged++;
        this.#changes.notify();
      });
    }
    await this.#changes.until(() => acknowledged === messages.length || refusal !== undefined || this.#isClosed);
    if (refusal !== undefined && !this.#isClosed) throw refusal;
    return acknowledged;
  }
}

function clientOptions(broker: string): IClientOptions {
  const url = new URL(broker);
  const protocol = url.protocol === 'mqtts:' ? 'mqtts' : 'mqtt';
  return {
    protocol,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (protocol === 'mqtts' ? 8883 : 1883) : Number(url.port),
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    reconnectPeriod: 500,
  };
}

function reason(error: Error): string {
  if (error.message !== '') return error.message;
  // A host with several addresses fails with an AggregateError that has no message of its own.
  return 'code' in error ? String(error.code) : error.name;
}
