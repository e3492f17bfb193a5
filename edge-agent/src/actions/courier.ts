// Delivers what waits for one message action: one message after the other, each attempt with a time limit, what fails again
// with backoff. Every action has its own, so that one that hangs delays no other.

import type { Transition } from '@weir/shared/model/alert.ts';
import { formatDuration } from '@weir/shared/model/duration.ts';
import type { Health } from '../health.ts';
import { messageOf, type Logger } from '../logger.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import type { Message } from './action.ts';
import type { Notice, Told } from './notice.ts';
import { Waiting } from './waiting.ts';

/** Transitions kept in full for one action; of those beyond only the number is told. */
const maxWaiting = 1000;
const [firstRetryMs, lastRetryMs] = [1000, 60_000];

export interface CourierParts {
  readonly id: string;
  readonly health: Health;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** It is told, or given up: it must not be told again. */
  readonly acted: (transition: Transition) => void;
}

export class Courier {
  readonly #parts: CourierParts;
  readonly #message: Message;
  readonly #waiting: Waiting;
  #wake: () => void = () => undefined;
  #isOver = false;

  constructor(message: Message, parts: CourierParts) {
    this.#message = message;
    this.#parts = parts;
    this.#waiting = new Waiting(message.delivery, maxWaiting);
  }

  /** Told or not, in the order in which it came. */
  get unfinished(): readonly Told[] {
    return this.#waiting.all();
  }

  /** @param count how many it stands for */
  take(transition: Transition, count = 1): void {
    if (!this.#wants(transition)) return;
    this.#waiting.push(transition, this.#parts.clock.monotonicMs(), count);
    const isOver = this.#waiting.counted > 0;
    if (isOver && !this.#isOver)
      this.#parts.logger.warn(
        `action ${this.#parts.id}: more than ${maxWaiting} transitions wait; of the oldest only the number will be told`,
      );
    this.#isOver = isOver;
    this.#wake();
  }

  /** Delivers until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { id, clock, random, health } = this.#parts;
    const backoff = new Backoff(firstRetryMs, lastRetryMs, random);
    while (!signal.aborted) {
      const next = this.#waiting.next(clock.monotonicMs());
      if ('waitMs' in next) {
        await this.#sleep(next.waitMs, signal);
        continue;
      }
      try {
        await this.#attempt(next.notice, signal);
        this.#done(next.notice, true);
        health.up(`action ${id}`);
        backoff.reset();
      } catch (error) {
        if (signal.aborted) break;
        health.down(`action ${id}`, `${messageOf(error)}; trying again`);
        this.#giveUp();
        await clock.sleep(backoff.next(), signal);
      }
    }
    await this.#message.action.close?.().catch(() => undefined);
  }

  #wants({ quiet, state }: Transition): boolean {
    return quiet === '' && this.#message.delivery.on.has(state);
  }

  async #attempt(notice: Notice, signal: AbortSignal): Promise<void> {
    const { action, delivery } = this.#message;
    const attempt = new AbortController();
    const over = new AbortController();
    const stopped = new Promise<never>((_, reject) => {
      const stop = (): void => {
        attempt.abort();
        reject(new Error('the agent stops'));
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true, signal: over.signal });
    });
    const tooLong = async (): Promise<void> => {
      await this.#parts.clock.sleep(delivery.timeoutMs, over.signal);
      if (over.signal.aborted) return;
      attempt.abort();
      throw new Error(`not done within ${formatDuration(delivery.timeoutMs)}`);
    };
    try {
      // What does not end though it was told to is left behind.
      await Promise.race([action.perform(notice, attempt.signal), tooLong(), stopped]);
    } finally {
      over.abort();
    }
  }

  #giveUp(): void {
    const { id, logger, clock } = this.#parts;
    const given = this.#waiting.before(clock.monotonicMs() - this.#message.delivery.giveUpAfterMs);
    if (given.length === 0) return;
    const count = given.reduce((sum, one) => sum + one.count, 0);
    this.#done(given, false);
    logger.warn(`action ${id}: gave up what could not be told in time`, { count });
  }

  #done(told: readonly Told[], isDelivered: boolean): void {
    this.#waiting.done(told, this.#parts.clock.monotonicMs(), isDelivered);
    for (const { transition } of told) this.#parts.acted(transition);
  }

  /** Until then, until there is more, or until `signal` aborts. */
  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    const wake = new AbortController();
    const woken = new Promise<void>((resolve) => {
      this.#wake = () => {
        wake.abort();
        resolve();
      };
    });
    const stop = (): void => this.#wake();
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    await (ms === Infinity ? woken : this.#parts.clock.sleep(ms, wake.signal));
    signal.removeEventListener('abort', stop);
    this.#wake = () => undefined;
  }
}
