// Wakes a loop that has nothing to do. A bell that rings while the loop is at work is heard at the next wait.

import type { Clock } from './time/clock.ts';

export class Bell {
  readonly #clock: Clock;
  #rung = false;
  #sleep: AbortController | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#rung = true;
    this.#sleep?.abort();
  }

  /** Resolves when it has rung since the last wait, or after `ms`. For one loop. */
  async wait(ms: number): Promise<void> {
    if (!this.#rung && ms > 0) {
      this.#sleep = new AbortController();
      await this.#clock.sleep(ms, this.#sleep.signal);
      this.#sleep = undefined;
    }
    this.#rung = false;
  }
}
