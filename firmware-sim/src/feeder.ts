// Drives one device through simulated time: takes its snapshots when they are due and sends them on.
//
// Whatever holds the sending up (nobody reads, the broker is away) holds the device up; it catches up afterwards, with
// the original times. A wearable with a sync interval is simply looked at less often.

import type { Device, Snapshot } from './device.ts';
import type { SimTime } from './sim-time.ts';

/** How many snapshots are made before they must be sent. */
const batchSize = 256;

export interface Feed {
  readonly device: Device;
  readonly startMs: number;
  /** Exclusive; Infinity for a run without an end. */
  readonly endMs: number;
  /** Readings are kept and sent at multiples of this; undefined for a device that sends at once. */
  readonly syncMs: number | undefined;
  readonly send: (snapshots: readonly Snapshot[]) => Promise<void>;
}

/** Ends when the device is at its end, or when `stopping` aborts (with the time frozen) and all it has measured is sent. */
export async function feed(
  time: SimTime,
  { device, startMs, endMs, syncMs, send }: Feed,
  stopping: AbortSignal,
): Promise<void> {
  while (device.nextMs !== Infinity) {
    const dueMs = syncMs === undefined ? device.nextMs : Math.min(nextSyncMs(device.nextMs, startMs, syncMs), endMs);
    await time.reach(dueMs, stopping);
    const untilMs = time.nowMs();
    while (device.nextMs <= untilMs) await send(device.step(untilMs, batchSize));
    if (stopping.aborted) break;
  }
  await send(device.close(device.nextMs === Infinity ? endMs : time.nowMs()));
}

function nextSyncMs(afterMs: number, startMs: number, syncMs: number): number {
  return startMs + (Math.floor((afterMs - startMs) / syncMs) + 1) * syncMs;
}
