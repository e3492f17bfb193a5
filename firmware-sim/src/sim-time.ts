// Simulated time: event time that runs `speed` times as fast as the wall clock.
//
// Readings from the future would be refused by every agent, so a simulation that starts in the past and runs faster than
// real time slows down to real time once it has caught up with the wall clock.

import type { Clock } from './clock.ts';
import { dayMs } from './signals/signal.ts';

/** Where a simulation starts when nobody says: so that its whole span lies in the past. */
export function defaultStartMs(nowMs: number, speed: number, forMs: number | undefined): number {
  if (speed === 1) return nowMs;
  return forMs === undefined ? nowMs - dayMs : nowMs - Math.ceil(forMs * speed);
}

export class SimTime {
  readonly #clock: Clock;
  readonly #speed: number;
  readonly #startMs: number;
  readonly #startedAtMs: number;
  readonly #mayCatchUp: boolean;
  #frozenMs: number | undefined;

  constructor(clock: Clock, startMs: number, speed: number) {
    this.#clock = clock;
    this.#speed = speed;
    this.#startMs = startMs;
    this.#startedAtMs = clock.monotonicMs();
    this.#mayCatchUp = speed > 1 && startMs < clock.epochMs();
  }

  nowMs(): number {
    return this.#frozenMs ?? (this.#hasCaughtUp() ? this.#clock.epochMs() : this.#simulatedMs());
  }

  /** Nothing happens after this moment. */
  freeze(): void {
    this.#frozenMs ??= this.nowMs();
  }

  /** Waits until simulated time has come to `untilMs`, or the signal aborts. */
  async reach(untilMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const aheadMs = untilMs - this.nowMs();
      if (aheadMs <= 0) return;
      const waitMs = this.#hasCaughtUp() ? aheadMs : aheadMs / this.#speed;
      // A timer takes at least a millisecond, and at most some 24 days.
      await this.#clock.sleep(Math.min(Math.max(waitMs, 1), dayMs), signal);
    }
  }

  #simulatedMs(): number {
    return this.#startMs + (this.#clock.monotonicMs() - this.#startedAtMs) * this.#speed;
  }

  #hasCaughtUp(): boolean {
    return this.#mayCatchUp && this.#simulatedMs() >= this.#clock.epochMs();
  }
}
