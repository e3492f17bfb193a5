// Takes a recording as the agent takes it, and says how many bytes a reading needs: in the journal and in the black box, as they
// are on the disk, with every header.

import { BlackBox } from '@weir/edge-agent/log/black-box.ts';
import { BlockBuilder } from '@weir/edge-agent/log/journal-block.ts';
import { Log } from '@weir/edge-agent/log/log.ts';
import { MemoryDisk } from '@weir/edge-agent/testing/memory-disk.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import type { Recording } from './recordings.ts';

const newIncarnation = (): string => '00000000000000aa';

/** How long a reading is under way at most, where it is stamped by its sensor. */
const latencyMs = 60;

export type Stamps =
  /** The gateway has read the sensor: the event time is the arrival time. */
  | 'gateway'
  /** The sensor has a clock: arrivals are later by what the network takes. */
  | 'sensor';

/** @returns blocks of so many readings each */
export function blocksOf({ name, readings }: Recording, perCommit: number, stamps: Stamps): Uint8Array[] {
  const random = randomFrom(1);
  const series = new SeriesTable(1);
  const { id } = series.intern('line-3', name) ?? {};
  if (id === undefined) throw new Error('the table is full');
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < readings.length; at += perCommit) {
    const builder = new BlockBuilder(series);
    let arrival = 0;
    for (const { time, value } of readings.slice(at, at + perCommit)) {
      arrival = stamps === 'gateway' ? time : time + 5 + Math.floor(random() * latencyMs);
      builder.add({ series: id, time, value, quality: 'good' }, arrival);
    }
    blocks.push(builder.finish(arrival));
  }
  return blocks;
}

/** Bytes of the files of a journal that holds the blocks. */
export async function journalBytes(blocks: readonly Uint8Array[]): Promise<number> {
  const disk = new MemoryDisk();
  const log = await Log.open(disk, { folder: '/journal', segmentBytes: 16e6, newIncarnation });
  for (const block of blocks) log.append(block);
  await log.sync();
  return disk.usedBytes;
}

/** Bytes of the files of a black box into which the blocks are packed. */
export async function blackBoxBytes(blocks: readonly Uint8Array[]): Promise<number> {
  const disk = new MemoryDisk();
  // A segment for each block: all but the newest can be packed, and that one is empty.
  const journal = await Log.open(disk, { folder: '/journal', segmentBytes: 1, newIncarnation });
  const box = await BlackBox.open(disk, { folder: '/blackbox', maxBytes: 256e6, newIncarnation, journal });
  for (const block of [...blocks, new BlockBuilder(new SeriesTable(1)).finish(0)]) journal.append(block);
  await journal.sync();
  await box.pack(journal.synced);
  if (box.packed < blocks.length) throw new Error('not everything was packed');
  return box.bytes;
}
