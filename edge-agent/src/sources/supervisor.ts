// Keeps one source open: when it fails, its health says why, and after a backoff it is opened again, for ever. One source
// failing or hanging touches no other.

import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import type { Delivery, Source } from './source.ts';

/** A device that stayed open so long was well: the next failure starts the backoff anew. */
const wellAfterMs = 10_000;

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
  const backoff = new Backoff(500, 30_000, random);
  while (!signal.aborted) {
    const opened = clock.monotonicMs();
    try {
      for await (const delivery of source.open(signal)) await take(delivery);
    } catch (error) {
      if (signal.aborted) return;
      health.down(`source ${id}`, messageOf(error));
    }
    if (clock.monotonicMs() - opened > wellAfterMs) backoff.reset();
    await clock.sleep(backoff.next(), signal);
  }
}
