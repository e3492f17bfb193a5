// The smallest hub: a broker that takes batches, and acknowledges when the test says so.

import { inflateRawSync } from 'node:zlib';
import { decodeBatch, decodeFrame, decodeStatus, encodeAck, type Status } from '@weir/shared/wire/codec.ts';
import { ackTopic, parseTopic, type Lane } from '@weir/shared/wire/topics.ts';
import { AedesBroker } from './aedes.ts';

export interface TakenBatch {
  readonly lane: Lane;
  readonly incarnation: string;
  readonly first: number;
  readonly last: number;
}

export class TinyHub {
  /** Every batch that came, in order. */
  readonly batches: TakenBatch[] = [];
  readonly statuses: Status[] = [];
  /** Numbers of the panes and transitions stored, in order, as made by `pane` and `transition`. */
  readonly stored: Record<Lane, number[]> = { alerts: [], panes: [] };
  /** Whether batches are stored and acknowledged as they come. */
  acknowledging = true;
  broker!: AedesBroker;
  readonly #gateway: string;
  readonly #cursors: Record<Lane, number> = { alerts: 0, panes: 0 };

  private constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** Call it inside a test. */
  static async start(gateway: string): Promise<TinyHub> {
    const hub = new TinyHub(gateway);
    hub.broker = await AedesBroker.start((aedes) => {
      aedes.on('publish', ({ topic, payload }) => hub.#take(topic, Buffer.from(payload)));
    });
    return hub;
  }

  get url(): string {
    return this.broker.url;
  }

  ack(lane: Lane, incarnation: string, seq: number): void {
    this.send(encodeAck({ lane, incarnation, seq }));
  }

  /** Publishes any payload where acks are expected. */
  send(payload: Uint8Array): void {
    const packet = {
      cmd: 'publish',
      topic: ackTopic(this.#gateway),
      payload: Buffer.from(payload),
      qos: 1,
      retain: false,
      dup: false,
    } as const;
    this.broker.aedes.publish(packet, () => undefined);
  }

  #take(topic: string, payload: Buffer): void {
    const parsed = parseTopic(topic);
    if (parsed?.kind === 'status') this.statuses.push(decodeStatus(payload));
    if (parsed?.kind !== 'up') return;
    const { lane } = parsed;
    const body = payload.subarray(1);
    const { incarnation, firstSeq, entries } = decodeBatch(payload[0] === 1 ? inflateRawSync(body) : body);
    this.batches.push({ lane, incarnation, first: firstSeq, last: firstSeq + entries.length - 1 });
    if (!this.acknowledging) return;
    for (const [index, entry] of entries.entries()) {
      const seq = firstSeq + index;
      if (seq <= this.#cursors[lane]) continue;
      this.#cursors[lane] = seq;
      const { panes, transitions } = decodeFrame(entry);
      this.stored[lane].push(...panes.map(({ start }) => start / 1000), ...transitions.map(({ time }) => time));
    }
    this.ack(lane, incarnation, this.#cursors[lane]);
  }
}
