// The smallest hub: a broker that takes batches, and acknowledges when the test says so.

import { decodeBatch, decodeFrame, decodeStatus, encodeAck, type Status } from '@weir/shared/wire/codec.ts';
import { ackTopic, lanes, parseTopic, type Lane } from '@weir/shared/wire/topics.ts';
import { AedesBroker } from './aedes.ts';
import { unpack } from './unpack.ts';

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
  readonly stored: Record<Lane, number[]> = { alerts: [], recent: [], panes: [], raw: [] };
  /** Whether batches are stored and acknowledged as they come. */
  acknowledging = true;
  broker!: AedesBroker;
  readonly #gateway: string;
  /** Up to where each lane came on the present connection. */
  #received: Partial<Record<Lane, number>> = {};
  #incarnation = '';
  readonly #cursors: Record<Lane, number> = { alerts: 0, recent: 0, panes: 0, raw: 0 };

  private constructor(gateway: string) {
    this.#gateway = gateway;
  }

  /** Call it inside a test. */
  static async start(gateway: string): Promise<TinyHub> {
    const hub = new TinyHub(gateway);
    hub.broker = await AedesBroker.start((aedes) => {
      aedes.on('clientReady', () => (hub.#received = {}));
      aedes.on('subscribe', () => hub.#resume());
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

  /** Publishes any payload where acks are expected, or on another topic. */
  send(payload: Uint8Array, topic = ackTopic(this.#gateway)): void {
    const packet = {
      cmd: 'publish',
      topic,
      payload: Buffer.from(payload),
      qos: 1,
      retain: false,
      dup: false,
    } as const;
    this.broker.aedes.publish(packet, () => undefined);
  }

  /** Tells a gateway that has just come how far it is. */
  #resume(): void {
    for (const lane of lanes) {
      if (this.acknowledging && this.#cursors[lane] > 0) this.ack(lane, this.#incarnation, this.#cursors[lane]);
    }
  }

  #take(topic: string, payload: Buffer): void {
    const parsed = parseTopic(topic);
    if (parsed?.kind === 'status') this.statuses.push(decodeStatus(payload));
    if (parsed?.kind !== 'up') return;
    const { lane } = parsed;
    const { incarnation, firstSeq, entries } = decodeBatch(unpack(payload));
    const last = entries.reduce((seq, { span }) => seq + span, firstSeq - 1);
    this.batches.push({ lane, incarnation, first: firstSeq, last });
    // What is missing in the middle of a connection may have been turned away: as the real hub, this one wants it again.
    if (firstSeq > (this.#received[lane] ?? firstSeq - 1) + 1) return this.broker.cut();
    this.#received[lane] = last;
    if (!this.acknowledging) return;
    this.#incarnation = incarnation;
    let seq = firstSeq - 1;
    for (const { frame, span } of entries) {
      seq += span;
      if (seq <= this.#cursors[lane]) continue;
      this.#cursors[lane] = seq;
      const { panes, transitions, raw } = decodeFrame(frame);
      this.stored[lane].push(...panes.map(({ start }) => start / 1000), ...transitions.map(({ time }) => time));
      this.stored[lane].push(...raw.flatMap(({ times }) => [...times]));
    }
    this.ack(lane, incarnation, this.#cursors[lane]);
  }
}
