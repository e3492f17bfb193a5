// How long to wait before trying again: exponential with full jitter, so that many waiters do not come back together.
// (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015: "full jitter".)

export interface BackoffLimits {
  readonly baseMs: number;
  readonly capMs: number;
}

/** @param attempt 0 for the first wait @param random in [0, 1) */
export function fullJitterMs(attempt: number, { baseMs, capMs }: BackoffLimits, random: () => number): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
}
