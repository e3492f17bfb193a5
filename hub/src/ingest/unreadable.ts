// Batches that nobody here can read, until it shows what to do with them.
//
// Such a batch does not say which entries it holds, so it cannot be acknowledged by itself. The next batch of the lane on
// the same connection says where it starts: what lies between was in the unreadable ones, and goes into quarantine with
// them (take.ts). So a batch that was damaged, or that its sender made wrong, blocks nothing. When none can be read, the
// gateway speaks a newer protocol than this hub: then nothing moves, nothing is lost, and everything stays on the
// gateway's disk until the hub is updated. They wait in memory, bounded; nothing of them is acknowledged.

import type { LaneOnConnection, UnreadableBatch } from './batch-queue.ts';

/** An agent has fewer on the way at a time. */
const maxPerLane = 8;
const maxBytes = 32 * 1024 * 1024;

export class UnreadableBatches {
  #bytes = 0;

  /** Beyond the limits it is as if it had been turned away. */
  add(lane: LaneOnConnection, batch: UnreadableBatch): void {
    // The gateway sends again what is not acknowledged.
    if (lane.unreadable.some(({ payload }) => Buffer.compare(payload, batch.payload) === 0)) return;
    if (lane.unreadable.length >= maxPerLane || this.#bytes + batch.payload.length > maxBytes) {
      lane.turnedAway = true;
      return;
    }
    lane.unreadable.push(batch);
    this.#bytes += batch.payload.length;
  }

  /** Hands over those that came before a batch that can be read; none when something else is missing there as well. */
  behind(lane: LaneOnConnection): readonly UnreadableBatch[] {
    if (lane.turnedAway) return [];
    return this.forget(lane);
  }

  /** Lets go of what waits of a lane. */
  forget({ unreadable }: LaneOnConnection): readonly UnreadableBatch[] {
    for (const { payload } of unreadable) this.#bytes -= payload.length;
    return unreadable.splice(0);
  }
}
