// The clock that is handed in: real time, and waiting.

import { setTimeout } from 'node:timers/promises';

export interface Clock {
  /** Wall clock, epoch ms. */
  epochMs(): number;
  /** Never steps back. */
  monotonicMs(): number;
  /** Ends early, without an error, when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  epochMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await setTimeout(ms, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};
