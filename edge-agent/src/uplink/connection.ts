// What is done with one connection to the hub, from subscribing to good-bye: three loops side by side, each asleep until there is
// something to do.
//
//   alerts       go as they come. Nothing holds them up but what is on the link already, and that is little (flight.ts)
//   the rest     panes, and raw readings when no pane waits: as much as link and rate limit allow
//   the status   every so often, once the one before has been received
//
// The hub's ack is cumulative and comes only when its store has the entries durably; that the far side has received them frees
// nothing. When acks stay out, sending starts again behind the last one; the hub knows what it has.

import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import type { Outbox } from '../log/outbox.ts';
import type { Seq } from '../log/log.ts';
import type { Clock } from '../time/clock.ts';
import { decodeAck, type Ack } from '@weir/shared/wire/codec.ts';
import {
  ackTopic,
  commandTopic,
  keptLanes,
  statusTopic,
  upTopic,
  type KeptLane,
  type Lane,
} from '@weir/shared/wire/topics.ts';
import { Bell } from '../bell.ts';
import { Flight } from './flight.ts';
import type { HubSession } from './hub-link.ts';
import { LaneWindow } from './lane-window.ts';
import { pack } from './packing.ts';
import { RecentWindow } from './recent-window.ts';
import type { RateLimit } from './rate-limit.ts';

const largestBatch = 64 * 1024;
const smallestBatch = 2 * 1024;
/** Who does not answer a subscription, or takes a batch and says nothing about it, is not there any more. */
const answerMs = 120_000;
const longestWaitMs = 60_000;
const afterDiskTroubleMs = 2000;
/** How long stopping waits for the hub. */
const farewellMs = 2000;

export interface ConnectionParts {
  readonly gateway: string;
  readonly outbox: Outbox;
  readonly health: Health;
  readonly clock: Clock;
  readonly limit: RateLimit;
  readonly status: (online: boolean) => Uint8Array;
  readonly statusMs: number;
  /** The hub has stored something new of this lane. */
  readonly stored: (lane: KeptLane) => void;
  /** Gives a name nobody else has when the newest panes go first. */
  readonly newestFirst?: (() => string) | undefined;
}

export class Connection {
  readonly #parts: ConnectionParts;
  readonly #session: HubSession;
  readonly #windows: ReadonlyMap<KeptLane, LaneWindow>;
  readonly #recent: RecentWindow | undefined = undefined;
  readonly #flight: Flight;
  readonly #alertBell: Bell;
  readonly #bulkBell: Bell;
  readonly #statusBell: Bell;
  /** Aborts when the connection is gone, or is to be closed. */
  readonly #end = new AbortController();
  /** Lanes whose log could not be read, or trimmed, last time. */
  readonly #failing = new Set<Lane>();
  /** Bytes on the wire for a byte of a batch, as it was last. */
  #packedShare = 0.5;

  constructor(parts: ConnectionParts, session: HubSession) {
    const { clock, outbox } = parts;
    const monotonicMs = (): number => clock.monotonicMs();
    this.#parts = parts;
    this.#session = session;
    this.#windows = new Map(keptLanes.map((lane) => [lane, new LaneWindow(outbox.lane(lane), monotonicMs)]));
    const incarnation = parts.newestFirst?.();
    if (incarnation !== undefined) this.#recent = new RecentWindow(outbox.lane('panes'), incarnation, monotonicMs);
    this.#flight = new Flight(monotonicMs);
    this.#alertBell = new Bell(clock);
    this.#bulkBell = new Bell(clock);
    this.#statusBell = new Bell(clock);
  }

  /** There may be something new to send. */
  nudge(): void {
    this.#alertBell.ring();
    this.#bulkBell.ring();
  }

  /** Up to here records of the lane were sent. */
  sent(lane: KeptLane): Seq {
    return this.#window(lane).sent;
  }

  /** Sends until `signal` aborts; then says good-bye. Rejects with the reason when the connection is lost before. */
  async run(signal: AbortSignal): Promise<void> {
    const { gateway, status, health } = this.#parts;
    const session = this.#session;
    const stop = (): void => this.#stop();
    const farewell = (): void => void this.#destroyAfter(farewellMs, closed.signal);
    const closed = new AbortController();
    let lost: Error | undefined;
    void session.closed.then((reason) => {
      lost = reason;
      closed.abort();
      stop();
    });
    signal.addEventListener('abort', stop);
    signal.addEventListener('abort', farewell);
    // While it was being connected.
    if (signal.aborted) {
      stop();
      farewell();
    }
    try {
      await this.#subscribe();
      health.up('uplink');
      await Promise.all([this.#sendAlerts(), this.#sendBulk(), this.#report()]);
      if (lost !== undefined) throw lost;
      await session.publish(statusTopic(gateway), status(false), true).catch(() => undefined);
    } finally {
      signal.removeEventListener('abort', stop);
      signal.removeEventListener('abort', farewell);
      closed.abort();
      this.#stop();
      await session.end();
    }
  }

  /** @param payload what came on the topic of acks */
  acknowledged(payload: Uint8Array): void {
    const { health, stored } = this.#parts;
    const ack = readAck(payload);
    if (typeof ack === 'string') return health.down('uplink', ack);
    health.up('uplink');
    if (ack.lane === 'recent') {
      this.#recent?.acknowledge(ack.incarnation, ack.seq);
      this.nudge();
      return;
    }
    const lane = keptLanes.find((known) => known === ack.lane);
    const window = lane && this.#windows.get(lane);
    if (lane === undefined || window?.lane.incarnation !== ack.incarnation) return;
    window.acknowledge(ack.seq).then(
      (isNews) => {
        this.#diskWorks(lane);
        if (isNews) stored(lane);
        this.nudge();
      },
      (error: unknown) => this.#diskFails(lane, error),
    );
    this.nudge();
  }

  #stop(): void {
    this.#end.abort();
    this.nudge();
    this.#statusBell.ring();
  }

  async #subscribe(): Promise<void> {
    const { gateway, clock } = this.#parts;
    const answered = new AbortController();
    void this.#destroyAfter(answerMs, answered.signal);
    const askedAt = clock.monotonicMs();
    try {
      await this.#session.subscribe([ackTopic(gateway), commandTopic(gateway)]);
    } finally {
      answered.abort();
    }
    this.#flight.answered(clock.monotonicMs() - askedAt);
  }

  async #sendAlerts(): Promise<void> {
    const window = this.#window('alerts');
    while (!this.#end.signal.aborted) {
      window.rewindWhenStuck();
      if (window.hasMore && !window.isFull) await this.#sendNext(window, largestBatch);
      else await this.#alertBell.wait(Math.min(window.patienceMs, longestWaitMs));
    }
  }

  async #sendBulk(): Promise<void> {
    const { limit } = this.#parts;
    const alerts = this.#window('alerts');
    const bulk = [this.#window('panes'), this.#window('raw')];
    while (!this.#end.signal.aborted) {
      for (const window of bulk) window.rewindWhenStuck();
      // Raw readings wait for panes also when these wait for their acks.
      const next = bulk.find(({ hasMore }) => hasMore);
      const waitMs = limit.waitMs();
      const isAlertNext = alerts.hasMore && !alerts.isFull;
      const recent = this.#recent;
      if (recent?.hasMore(this.#window('panes').sent) === true && !recent.isFull && !isAlertNext && waitMs === 0) {
        if (this.#flight.hasRoom) {
          await this.#sendRecent(recent);
          continue;
        }
      }
      if (next !== undefined && !next.isFull && !isAlertNext && this.#flight.hasRoom && waitMs === 0) {
        await this.#sendNext(next, this.#batchBytes());
        continue;
      }
      const patienceMs = Math.min(...bulk.map((window) => window.patienceMs), longestWaitMs);
      await this.#bulkBell.wait(waitMs > 0 ? Math.min(waitMs, patienceMs) : patienceMs);
    }
  }

  async #sendNext(window: LaneWindow, maxBytes: number): Promise<void> {
    const { limit, gateway } = this.#parts;
    const { lane } = window.lane;
    const batch = await window.next(maxBytes).then(
      (read) => {
        this.#diskWorks(lane);
        return read;
      },
      async (error: unknown) => {
        this.#diskFails(lane, error);
        await this.#parts.clock.sleep(afterDiskTroubleMs, this.#end.signal);
      },
    );
    if (batch === undefined || this.#end.signal.aborted) return;
    const packed = pack(batch.bytes);
    const received = window.depart(batch);
    if (lane === 'alerts') {
      limit.spendExempt(packed.length);
      this.#publish(upTopic(gateway, lane), packed, received);
      this.#bulkBell.ring();
      return;
    }
    limit.spend(packed.length);
    this.#packedShare = packed.length / batch.bytes.length;
    const landed = this.#flight.depart(packed.length);
    this.#publish(upTopic(gateway, lane), packed, () => {
      received();
      landed();
      this.#bulkBell.ring();
    });
  }

  async #sendRecent(recent: RecentWindow): Promise<void> {
    const { limit, gateway, clock } = this.#parts;
    const batch = await recent.next(this.#batchBytes()).catch(async (error: unknown) => {
      this.#diskFails('panes', error);
      await clock.sleep(afterDiskTroubleMs, this.#end.signal);
    });
    if (batch === undefined || this.#end.signal.aborted) return;
    const packed = pack(batch);
    limit.spend(packed.length);
    const landed = this.#flight.depart(packed.length);
    this.#publish(upTopic(gateway, 'recent'), packed, () => {
      landed();
      this.#bulkBell.ring();
    });
  }

  async #report(): Promise<void> {
    const { gateway, clock, limit, status, statusMs } = this.#parts;
    let dueAt = -Infinity;
    let underway = false;
    while (!this.#end.signal.aborted) {
      if (!underway && clock.monotonicMs() >= dueAt) {
        underway = true;
        dueAt = clock.monotonicMs() + statusMs;
        const payload = status(true);
        limit.spendExempt(payload.length);
        const sentAt = clock.monotonicMs();
        this.#publish(
          statusTopic(gateway),
          payload,
          () => {
            underway = false;
            this.#flight.answered(clock.monotonicMs() - sentAt);
            this.#statusBell.ring();
          },
          true,
        );
      }
      await this.#statusBell.wait(underway ? longestWaitMs : dueAt - clock.monotonicMs());
    }
  }

  /** Small enough that several fill what the link holds, and that the rate limit is kept second by second. */
  #batchBytes(): number {
    const packed = Math.min(this.#flight.window / 4, this.#parts.limit.perSecond / 2);
    return Math.min(largestBatch, Math.max(smallestBatch, packed / this.#packedShare));
  }

  /** Others speak of the outbox as well: what they say stands. */
  #diskWorks(lane: Lane): void {
    if (this.#failing.delete(lane) && this.#failing.size === 0) this.#parts.health.up('outbox');
  }

  #diskFails(lane: Lane, error: unknown): void {
    this.#failing.add(lane);
    this.#parts.health.down('outbox', messageOf(error));
  }

  #publish(topic: string, payload: Uint8Array, received: () => void, retain = false): void {
    const answered = new AbortController();
    void this.#destroyAfter(answerMs, answered.signal);
    this.#session
      .publish(topic, payload, retain)
      // A publish that fails means a dead connection.
      .then(received, () => this.#session.destroy())
      .finally(() => answered.abort());
  }

  async #destroyAfter(ms: number, unless: AbortSignal): Promise<void> {
    await this.#parts.clock.sleep(ms, unless);
    if (!unless.aborted) this.#session.destroy();
  }

  #window(name: KeptLane): LaneWindow {
    const window = this.#windows.get(name);
    if (window === undefined) throw new Error(`no lane "${name}"`);
    return window;
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
