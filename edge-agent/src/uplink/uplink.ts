// The uplink: the outbox to the hub, lane by lane, and nothing is freed before the hub says it is stored.
//
// Each lane has a small window of batches on the way. The hub's ack is cumulative and comes only when its store has the
// entries durably; the broker's PUBACK frees nothing. After a reconnect, and when acks stay out, sending starts again behind
// the last ack; the hub knows what it has. Alerts are sent before panes: they overtake any backlog. On a dead link nothing
// is queued here: the outbox is the queue.

import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import type { Seq } from '../log/log.ts';
import type { Outbox, OutboxLane } from '../log/outbox.ts';
import { MqttSession } from '../mqtt/session.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import { decodeAck, encodeBatch, encodeStatus, type Ack } from '@weir/shared/wire/codec.ts';
import { ackTopic, statusTopic, upTopic } from '@weir/shared/wire/topics.ts';
import { pack } from './packing.ts';

const batchBytes = 96 * 1024;
const batchesOnTheWay = 4;
/** No ack for so long, and the window is sent again. */
const ackTimeoutMs = 20_000;
/** How long stopping waits for the broker. */
const farewellMs = 2000;
const maxPacketBytes = 256 * 1024;

export interface UplinkParts {
  readonly url: string;
  readonly gateway: string;
  /** Read anew at each attempt: a key can be put right without a restart. */
  readonly key: () => string | undefined;
  readonly outbox: Outbox;
  readonly health: Health;
  readonly clock: Clock;
  readonly random: () => number;
  /** The encoded Status of this moment. */
  readonly status: (online: boolean) => Uint8Array;
  readonly statusMs: number;
}

/** Where one lane stands on this connection. */
interface Position {
  readonly lane: OutboxLane;
  sent: Seq;
  /** Last sequence number of each batch on the way. */
  readonly onTheWay: Seq[];
  movedAt: number;
}

export class Uplink {
  readonly #parts: UplinkParts;
  #session: MqttSession | undefined;
  #wake: (() => void) | undefined;
  /** Something happened since the last look: do not go to sleep on it. */
  #news = false;
  #positions: Position[] = [];

  constructor(parts: UplinkParts) {
    this.#parts = parts;
  }

  /** There may be something new to send. */
  nudge(): void {
    this.#news = true;
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Keeps the hub supplied until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { health, clock, random } = this.#parts;
    const backoff = new Backoff(500, 60_000, random);
    signal.addEventListener('abort', () => this.nudge());
    while (!signal.aborted) {
      try {
        await this.#connection(signal, () => backoff.reset());
      } catch (error) {
        if (!signal.aborted) health.down('uplink', messageOf(error));
      }
      if (!signal.aborted) await clock.sleep(backoff.next(), signal);
    }
  }

  async #connection(signal: AbortSignal, wentWell: () => void): Promise<void> {
    const { gateway, health, outbox, clock } = this.#parts;
    const session = await this.#connect(signal);
    // A broker that answers no more must not keep the agent from stopping.
    const gone = new AbortController();
    const farewell = (): void =>
      void clock.sleep(farewellMs, gone.signal).then(() => {
        if (!gone.signal.aborted) session.destroy();
      });
    signal.addEventListener('abort', farewell);
    let lost: Error | undefined;
    session.closed.then(
      (error) => {
        lost = error;
        this.nudge();
      },
      () => undefined,
    );
    try {
      this.#positions = outbox.lanes.map((lane) => ({
        lane,
        sent: lane.acked,
        onTheWay: [],
        movedAt: clock.monotonicMs(),
      }));
      await session.subscribe([ackTopic(gateway)], 1);
      health.up('uplink');
      wentWell();
      let statusAt = -Infinity;
      while (!signal.aborted && lost === undefined) {
        if (clock.monotonicMs() - statusAt >= this.#parts.statusMs) {
          statusAt = clock.monotonicMs();
          this.#detach(session, session.publish(statusTopic(gateway), this.#parts.status(true), true));
        }
        this.#news = false;
        if (!(await this.#sendSome(session))) await this.#idle(statusAt);
      }
      if (lost !== undefined) throw lost;
      await session.publish(statusTopic(gateway), this.#parts.status(false), true).catch(() => undefined);
    } finally {
      gone.abort();
      signal.removeEventListener('abort', farewell);
      this.#positions = [];
      await session.end();
    }
  }

  #connect(signal: AbortSignal): Promise<MqttSession> {
    const { url, gateway, key, clock } = this.#parts;
    return MqttSession.connect(
      {
        url,
        clientId: gateway,
        username: gateway,
        password: key(),
        protocolVersion: 4,
        clean: true,
        keepaliveS: 20,
        maxPacketBytes,
        will: { topic: statusTopic(gateway), payload: encodeStatus({ online: false, timeMs: clock.now() }) },
        onMessage: ({ topic, payload, qos, messageId }) => {
          if (topic === ackTopic(gateway)) this.#onAck(typeof payload === 'string' ? Buffer.from(payload) : payload);
          if (qos > 0 && messageId !== undefined) this.#session?.puback([messageId]);
        },
      },
      signal,
    ).then((session) => (this.#session = session));
  }

  /** @returns whether anything was sent */
  async #sendSome(session: MqttSession): Promise<boolean> {
    for (const position of this.#positions) {
      this.#rewindWhenStuck(position);
      const { lane } = position;
      if (position.onTheWay.length >= batchesOnTheWay || position.sent >= lane.synced) continue;
      const entries = await lane.read(position.sent, batchBytes);
      const [first] = entries;
      if (first === undefined) {
        // Everything between here and the end of the log is damaged: there is nothing left to send of it.
        position.sent = lane.synced;
        continue;
      }
      // A batch numbers its entries from the first one: a hole in the log ends it.
      const following = entries.findIndex(({ seq }, index) => seq !== first.seq + index);
      const chosen = following < 0 ? entries : entries.slice(0, following);
      position.sent = first.seq + chosen.length - 1;
      position.onTheWay.push(position.sent);
      position.movedAt = this.#parts.clock.monotonicMs();
      const batch = encodeBatch({
        incarnation: lane.incarnation,
        firstSeq: first.seq,
        entries: chosen.map(({ frame }) => frame),
      });
      this.#detach(session, session.publish(upTopic(this.#parts.gateway, lane.lane), pack(batch)));
      return true;
    }
    return false;
  }

  #rewindWhenStuck(position: Position): void {
    const waiting = this.#parts.clock.monotonicMs() - position.movedAt;
    if (position.onTheWay.length === 0 || waiting < ackTimeoutMs) return;
    position.sent = position.lane.acked;
    position.onTheWay.length = 0;
  }

  #onAck(payload: Uint8Array): void {
    const ack = readAck(payload);
    if (typeof ack === 'string') return this.#parts.health.down('uplink', ack);
    this.#parts.health.up('uplink');
    const { incarnation, lane: name, seq } = ack;
    const position = this.#positions.find(({ lane }) => lane.lane === name);
    if (position === undefined || position.lane.incarnation !== incarnation) return;
    position.movedAt = this.#parts.clock.monotonicMs();
    position.sent = Math.max(position.sent, Math.min(seq, position.lane.synced));
    while ((position.onTheWay[0] ?? Infinity) <= seq) position.onTheWay.shift();
    position.lane.ack(seq).catch((error: unknown) => this.#parts.health.down('outbox', messageOf(error)));
    this.nudge();
  }

  /** Waits for an ack, for news, for the next status. */
  async #idle(statusAt: number): Promise<void> {
    if (this.#news) return;
    const { clock, statusMs } = this.#parts;
    const wait = new AbortController();
    this.#wake = () => wait.abort();
    await clock.sleep(Math.max(0, statusAt + statusMs - clock.monotonicMs()), wait.signal);
  }

  /** A publish that fails means a dead connection; the session's owner sees to that. */
  #detach(session: MqttSession, publish: Promise<void>): void {
    publish.catch(() => session.destroy());
  }
}

/** @returns the ack, or a sentence when it is none: it comes from outside, and must not end the agent */
function readAck(payload: Uint8Array): Ack | string {
  try {
    return decodeAck(payload);
  } catch (error) {
    return `the hub sends an ack that cannot be read (${messageOf(error)}); do hub and agent fit together?`;
  }
}
