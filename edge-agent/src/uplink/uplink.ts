// The uplink: the outbox to the hub, lane by lane, and nothing is freed before the hub says it is stored.
//
// Here connections are made, one after the other, each used until it is lost (connection.ts). On a dead link nothing is queued: the
// outbox is the queue. After a failure the next attempt waits, at random up to a ceiling that doubles from one failure to the next: a
// thousand gateways that lost the same hub in the same instant do not come back in one. A connection that came to nothing is a
// failure too; it was good when the hub has stored something because of it, or when it lived for a while.

import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import type { OnTheWay, Outbox } from '../log/outbox.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import { decodeCommand, encodeStatus, type Ask } from '@weir/shared/wire/codec.ts';
import { ackTopic, commandTopic, statusTopic, type KeptLane } from '@weir/shared/wire/topics.ts';
import { Connection } from './connection.ts';
import type { HubLink } from './hub-link.ts';
import { RateLimit } from './rate-limit.ts';

/** Also after a connection that was good: it is lost to all gateways at once when the hub restarts. */
const firstWaitMs = 4000;
const longestWaitMs = 60_000;
const goodAfterMs = 60_000;

export interface UplinkParts {
  readonly connect: HubLink;
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
  /** Bytes per second for panes and raw readings; no limit without it. */
  readonly bytesPerSecond?: number | undefined;
  /** The hub asks for something. */
  readonly asked?: (ask: Ask) => void;
  /** The hub has stored something new of this lane. */
  readonly stored?: (lane: KeptLane) => void;
  /** When the newest panes go first, ahead of a backlog: gives a name nobody else has, for each connection. */
  readonly newestFirst?: (() => string) | undefined;
}

export class Uplink {
  readonly #parts: UplinkParts;
  readonly #limit: RateLimit;
  readonly #backoff: Backoff;
  #connection: Connection | undefined;

  constructor(parts: UplinkParts) {
    const { clock, bytesPerSecond = Infinity, random } = parts;
    this.#parts = parts;
    this.#limit = new RateLimit(bytesPerSecond, () => clock.monotonicMs());
    this.#backoff = new Backoff(firstWaitMs, longestWaitMs, random);
  }

  /** There may be something new to send. */
  nudge(): void {
    this.#connection?.nudge();
  }

  /** Up to which numbers records are on their way to the hub. */
  get onTheWay(): OnTheWay {
    const connection = this.#connection;
    return connection === undefined ? {} : { panes: connection.sent('panes'), raw: connection.sent('raw') };
  }

  /** Keeps the hub supplied until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { health, clock } = this.#parts;
    while (!signal.aborted) {
      try {
        await this.#connectAndSend(signal);
      } catch (error) {
        if (!signal.aborted) health.down('uplink', messageOf(error));
      }
      if (!signal.aborted) await clock.sleep(this.#backoff.next(), signal);
    }
  }

  async #connectAndSend(signal: AbortSignal): Promise<void> {
    const { connect, gateway, key, clock, stored } = this.#parts;
    const session = await connect(
      {
        gateway,
        key: key(),
        will: { topic: statusTopic(gateway), payload: encodeStatus({ online: false, timeMs: clock.now() }) },
        received: (topic, payload) => this.#received(topic, payload),
      },
      signal,
    );
    const connection = new Connection(
      {
        ...this.#parts,
        limit: this.#limit,
        stored: (lane) => {
          this.#backoff.reset();
          stored?.(lane);
        },
      },
      session,
    );
    this.#connection = connection;
    const gone = new AbortController();
    void clock.sleep(goodAfterMs, gone.signal).then(() => {
      if (!gone.signal.aborted) this.#backoff.reset();
    });
    try {
      await connection.run(signal);
    } finally {
      gone.abort();
      this.#connection = undefined;
    }
  }

  #received(topic: string, payload: Uint8Array): void {
    const { gateway } = this.#parts;
    if (topic === ackTopic(gateway)) this.#connection?.acknowledged(payload);
    if (topic === commandTopic(gateway)) this.#command(payload);
  }

  /** It comes from outside, and must not end the agent. */
  #command(payload: Uint8Array): void {
    const { health, asked } = this.#parts;
    let ask: Ask;
    try {
      ask = decodeCommand(payload);
    } catch (error) {
      health.down(
        'hub commands',
        `the hub asks for what cannot be read (${messageOf(error)}); do hub and agent fit together?`,
      );
      return;
    }
    health.up('hub commands');
    asked?.(ask);
  }
}
