// Keeps one source open: when it fails, its health says why, and it is opened again, for ever. One source failing or hanging
// touches no other.
//
// A circuit breaker. Closed, a source that fails is opened again soon, then later and later (backoff with jitter, up to 30 s).
// After eight failures in a row the circuit is open: one attempt every 30 s or so, and health says that it is so. An attempt that
// stays open for 10 s closes the circuit.

import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import type { Delivery, Source } from './source.ts';

/** A device that stayed open so long was well: the next failure starts the backoff anew. */
const wellAfterMs = 10_000;
const longestMs = 30_000;
const opensAfter = 8;

export interface Supervision {
  readonly id: string;
  readonly source: Source;
  readonly health: Health;
  readonly clock: Clock;
  readonly random: () => number;
  /** Takes a delivery; the next is pulled when it resolves. */
  readonly take: (delivery: Delivery) => Promise<void>;
}

/** Resolves when `signal` aborts and the source is closed. */
export async function supervise(
  { id, source, health, clock, random, take }: Supervision,
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff(500, longestMs, random);
  let failures = 0;
  while (!signal.aborted) {
    const opened = clock.monotonicMs();
    let failure: string | undefined;
    try {
      for await (const delivery of source.open(signal)) await take(delivery);
    } catch (error) {
      if (signal.aborted) return;
      failure = messageOf(error);
    }
    if (clock.monotonicMs() - opened > wellAfterMs) {
      backoff.reset();
      failures = 0;
    }
    failures += 1;
    const isOpen = failures >= opensAfter;
    if (failure !== undefined)
      health.down(`source ${id}`, isOpen ? `${failure} (tried every ${longestMs / 1000} s by now)` : failure);
    // Half of them at random, so that what shares a bus or a server does not come back in the same instant.
    const pauseMs = isOpen ? longestMs * (0.5 + 0.5 * random()) : backoff.next();
    await clock.sleep(pauseMs, signal);
  }
}
