// Time that stands still until the test moves it.

import type { Clock } from '../time/clock.ts';

interface Sleeper {
  readonly until: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  /** Every duration somebody asked to sleep for, in order. */
  readonly slept: number[] = [];
  #now: number;
  /** How far the wall clock is from the monotonic one, of which it starts as a copy. */
  #stepped = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  /** Those who sleep at this moment. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  now(): number {
    return this.#now + this.#stepped;
  }

  monotonicMs(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.slept.push(ms);
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        until: this.#now + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      signal.addEventListener('abort', sleeper.wake);
      this.#sleepers.add(sleeper);
    });
  }

  /** Somebody sets the wall clock: it goes on from `ms` further. */
  step(ms: number): void {
    this.#stepped += ms;
  }

  /** Moves time on and wakes whose time has come. */
  advance(ms: number): void {
    this.#now += ms;
    for (const sleeper of [...this.#sleepers].filter(({ until }) => until <= this.#now)) sleeper.wake();
  }
}
