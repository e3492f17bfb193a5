// One process, from its start until it ends or is killed. What a killed one waits for never comes, so nothing of it goes on.

import type { Clock } from '@weir/edge-agent/time/clock.ts';
import type { VirtualTime } from './virtual-time.ts';

export class Life {
  #alive = true;
  /** Lets go of everything that waits. */
  readonly #waiting = new Set<() => void>();
  readonly clock: Clock;

  /** @param wallAheadMs how far the machine's wall clock is from the true time */
  constructor(time: VirtualTime, wallAheadMs: () => number = () => 0) {
    this.clock = {
      now: () => time.now + wallAheadMs(),
      monotonicMs: () => time.elapsedMs,
      sleep: (ms, signal) => {
        if (!this.#alive) return never();
        if (signal.aborted) return Promise.resolve();
        return new Promise((resolve) => {
          const letGo = (): void => {
            cancel();
            signal.removeEventListener('abort', wake);
            this.#waiting.delete(letGo);
          };
          const wake = (): void => {
            letGo();
            resolve();
          };
          const cancel = time.after(ms, wake);
          signal.addEventListener('abort', wake);
          this.#waiting.add(letGo);
        });
      },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  kill(): void {
    this.#alive = false;
    for (const letGo of this.#waiting) letGo();
  }
}

/** For who waits whatever happens. */
export const noSignal = new AbortController().signal;

export function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
