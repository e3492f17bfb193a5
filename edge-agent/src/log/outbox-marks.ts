// What the outbox remembers beside its logs: how far the hub has each lane, where the numbers stood at the last checkpoint, which
// coarse windows were made, and its counters. One small file, written with each checkpoint and before panes are thinned.
//
//   magic "WEIROBX1" | CRC-32 u32 of what follows | JSON
//
// It may be behind, and it may be missing: the hub is then asked again, and knows what it has.

import { crc32 } from 'node:zlib';
import { keptLanes } from '@weir/shared/wire/topics.ts';
import * as z from 'zod';
import { replaceFile, type Disk } from './disk.ts';

const count = z.number().int().nonnegative();

const laneMarks = z.object({
  incarnation: z.string(),
  /** The hub has everything up to here, and so many readings were reported by then. */
  acked: count,
  ackedThrough: count,
  /** What the checkpoint contains is in records up to here, and so many readings were reported by then. */
  last: count,
  lastThrough: count,
  /** Readings in records that damage has hit, and that the hub will never see. */
  damaged: count,
});

const counters = z.object({
  /** Panes of which a later revision took the place. */
  revisionsCoalesced: count,
  /** Panes merged into those of coarser windows, how many these are, and the readings of those merged for the first time. */
  panesThinned: count,
  panesThinnedInto: count,
  readingsThinned: count,
  /** Readings asked for by the hub that had to go before it had them; the black box may still have them. */
  rawEvicted: count,
  /** Readings in panes that had to go. */
  readingsEvicted: count,
});

const marks = z.object({
  lanes: z.partialRecord(z.enum(keptLanes), laneMarks),
  /** By size of the coarse window: none that starts before this is made again. */
  thinnedUntil: z.record(z.string(), z.number()),
  counters,
});

export type LaneMarks = z.infer<typeof laneMarks>;
export type OutboxCounters = z.infer<typeof counters>;
export type OutboxMarks = z.infer<typeof marks>;

export const noMarks: OutboxMarks = {
  lanes: {},
  thinnedUntil: {},
  counters: {
    revisionsCoalesced: 0,
    panesThinned: 0,
    panesThinnedInto: 0,
    readingsThinned: 0,
    rawEvicted: 0,
    readingsEvicted: 0,
  },
};

const magic = new TextEncoder().encode('WEIROBX1');

export async function writeMarks(disk: Disk, path: string, value: OutboxMarks): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify(value));
  const bytes = new Uint8Array(magic.length + 4 + body.length);
  bytes.set(magic);
  new DataView(bytes.buffer).setUint32(magic.length, crc32(body), true);
  bytes.set(body, magic.length + 4);
  await replaceFile(disk, path, bytes);
}

/** Always succeeds: what cannot be read is as good as missing. */
export async function readMarks(disk: Disk, path: string): Promise<OutboxMarks> {
  const bytes = await disk.readAll(path).catch(() => new Uint8Array(0));
  const body = bytes.subarray(magic.length + 4);
  const isIntact =
    bytes.length > magic.length + 4 &&
    magic.every((byte, index) => bytes[index] === byte) &&
    crc32(body) === new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true);
  if (!isIntact) return noMarks;
  const parsed = marks.safeParse(JSON.parse(new TextDecoder().decode(body)));
  return parsed.success ? parsed.data : noMarks;
}
