// Delivers what is due to one notifier, oldest first, until it is taken: with backoff, and given up after a day.
//
// What is due stands in the state (alert-book.ts) and was put there by the transaction that recorded the transition. A
// receiver that is down delays its own notifications only.

import { fullJitterMs, type BackoffLimits } from '../backoff.ts';
import type { Clock } from '../clock.ts';
import { Counter } from '../counter.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { DueNotification } from '../state/alert-book.ts';
import { diskTrouble } from '../state/database.ts';
import type { State } from '../state/state.ts';
import type { Notifier } from './notifier.ts';

export interface DispatcherParts {
  readonly state: State;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

const retry: BackoffLimits = { baseMs: 500, capMs: 60_000 };
const giveUpAfterMs = 24 * 3_600_000;

export class Dispatcher {
  readonly counts = new Counter<'taken' | 'failed' | 'given_up'>();
  readonly #notifier: Notifier;
  readonly #parts: DispatcherParts;
  #wake = Promise.withResolvers<void>();

  constructor(notifier: Notifier, parts: DispatcherParts) {
    this.#notifier = notifier;
    this.#parts = parts;
  }

  get target(): string {
    return this.#notifier.name;
  }

  /** Something may be due. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Runs until the signal aborts. Rejects on a bug of ours only. */
  async run(signal: AbortSignal): Promise<void> {
    const wake = (): void => this.wake();
    signal.addEventListener('abort', wake);
    for (let attempt = 0; !signal.aborted;) {
      this.#wake = Promise.withResolvers<void>();
      const due = this.#parts.state.alerts.nextDue(this.#notifier.name);
      if (due === undefined) await this.#wake.promise;
      else if (await this.#deliver(due, signal)) attempt = 0;
      else await this.#parts.clock.sleep(fullJitterMs(attempt++, retry, this.#parts.random), signal);
    }
    signal.removeEventListener('abort', wake);
  }

  /** @returns true when this one is done with, one way or the other */
  async #deliver({ id, addedMs, ...notification }: DueNotification, signal: AbortSignal): Promise<boolean> {
    const { clock, log } = this.#parts;
    const target = this.#notifier.name;
    try {
      await this.#notifier.send(notification, signal);
      this.counts.add('taken');
      return this.#done(id);
    } catch (error) {
      if (signal.aborted) return false;
      this.counts.add('failed');
      if (clock.now() - addedMs < giveUpAfterMs) return false;
      this.counts.add('given_up');
      log.error('a notification is given up', { target, rule: notification.rule, trouble: messageOf(error) });
      return this.#done(id);
    }
  }

  #done(id: number): boolean {
    try {
      this.#parts.state.alerts.notified(id);
      return true;
    } catch (error) {
      // It will be sent once more: a repetition is better than a lost alarm.
      if (diskTrouble(error) === undefined) throw error;
      return false;
    }
  }
}
