// Time, handed in: what waits or stamps takes a Clock, so that a test can hold it still.

import { setTimeout as timeout } from 'node:timers/promises';

export interface Clock {
  /** Epoch milliseconds; may jump. */
  now(): number;
  /** Never jumps; for measuring and throttling. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    try {
      await timeout(ms, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};
