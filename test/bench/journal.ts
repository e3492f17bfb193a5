// What readings cost on the disk and in time: recordings of real sensors in journal and black box, in bytes with every header, and
// how fast blocks of a live plant are written, read, replayed and packed.

import { BlackBox } from '@weir/edge-agent/log/black-box.ts';
import { BlockBuilder, decodeBlock, decodePackedBlock } from '@weir/edge-agent/log/journal-block.ts';
import { Log } from '@weir/edge-agent/log/log.ts';
import { replayBlock } from '@weir/edge-agent/recovery.ts';
import { MemoryDisk } from '@weir/edge-agent/testing/memory-disk.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import type { Reading } from '@weir/shared/model/reading.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import { planOf, signalOf, windowOf } from '@weir/shared/testing/plans.ts';
import { blackBoxBytes, blocksOf, journalBytes, type Stamps } from '../support/packed-recordings.ts';
import { allRecordings, haveRecordings, type Recording } from '../support/recordings.ts';
import { median, type Bench, type BenchResult } from './bench.ts';

const commitSizes = [1, 10, 100, 1000];
const runs = 5;
const devices = 25;
const signals = ['temperature', 'humidity', 'pressure', 'vibration'];
const blocks = 1000;
/** Of each series in each block, 500 ms long. */
const readingsEach = 5;

export const journal: Bench = {
  name: 'journal',
  group: 'delivery',
  about: `bytes a reading on the disk, of recordings; speed with ${devices * signals.length} series at 10 Hz, median of ${runs} runs`,
  async *run() {
    if (haveRecordings) yield* sizes(allRecordings());
    else yield { skipped: 'sizes: the recordings are not here' };
    yield* await speeds();
  },
};

async function* sizes(recordings: readonly Recording[]): AsyncGenerator<BenchResult> {
  for (const one of recordings) yield await blackBoxOf(one.name, [one], 'gateway');
  yield await blackBoxOf('all', recordings, 'gateway');
  yield await blackBoxOf('all, sensors with clocks', recordings, 'sensor');
  for (const perCommit of commitSizes) {
    let bytes = 0;
    for (const one of recordings) bytes += await journalBytes(blocksOf(one, perCommit, 'gateway'));
    yield result(`journal, commits of ${perCommit}`, 'bytesPerReading', bytes / countOf(recordings));
  }
}

async function blackBoxOf(name: string, recordings: readonly Recording[], stamps: Stamps): Promise<BenchResult> {
  let bytes = 0;
  for (const one of recordings) bytes += await blackBoxBytes(blocksOf(one, 1000, stamps));
  return result(name, 'bytesPerReading', bytes / countOf(recordings));
}

function countOf(recordings: readonly Recording[]): number {
  return recordings.reduce((sum, { readings }) => sum + readings.length, 0);
}

async function speeds(): Promise<BenchResult[]> {
  const measured: Record<string, number>[] = [];
  for (let run = 0; run < runs; run++) measured.push(await speed());
  return Object.keys(measured[0] ?? {}).map((metric) =>
    result('live', metric, median(measured.map((one) => one[metric] ?? NaN))),
  );
}

async function speed(): Promise<Record<string, number>> {
  const plant = livePlant();
  const count = plant.length * (plant[0]?.length ?? 0);
  const series = new SeriesTable(devices * signals.length);
  for (let i = 0; i < devices * signals.length; i++) series.intern(nameOf(i).device, nameOf(i).signal);
  const builders = plant.map(() => new BlockBuilder(series));
  const adding = timed(() => plant.forEach((readings, index) => fill(builders[index], readings)));
  let payloads: Uint8Array[] = [];
  const finishing = timed(() => (payloads = builders.map((builder, index) => builder.finish(index * 500))));
  const decoding = timed(() => payloads.forEach((payload) => decodePackedBlock(payload)));
  const pipeline = new Pipeline(planOf(signals.map((signal) => signalOf({ signal, windows: [windowOf(60_000)] }))));
  const replaying = timed(() =>
    payloads.forEach((payload) => {
      replayBlock(pipeline, decodeBlock(payload));
      pipeline.drain();
    }),
  );
  const packing = await packingMs(payloads);
  const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
  return {
    addNs: (adding * 1e6) / count,
    finishNs: (finishing * 1e6) / count,
    decodeNs: (decoding * 1e6) / count,
    replayedPerSecond: (count / replaying) * 1000,
    packedPerSecond: (count / packing) * 1000,
    blockBytesPerReading: bytes / count,
  };
}

function fill(builder: BlockBuilder | undefined, readings: readonly Reading[]): void {
  for (const reading of readings) builder?.add(reading, reading.time);
}

async function packingMs(payloads: readonly Uint8Array[]): Promise<number> {
  const disk = new MemoryDisk();
  const newIncarnation = (): string => '00000000000000aa';
  const log = await Log.open(disk, { folder: '/journal', segmentBytes: 1e6, newIncarnation });
  const box = await BlackBox.open(disk, { folder: '/blackbox', maxBytes: 256e6, newIncarnation, journal: log });
  for (const payload of payloads) log.append(payload);
  await log.sync();
  const began = performance.now();
  await box.pack(log.synced);
  // The newest segment stays in the journal.
  return ((performance.now() - began) * payloads.length) / box.packed;
}

/** Readings of each block. */
function livePlant(): Reading[][] {
  const random = randomFrom(1);
  const table = new SeriesTable(devices * signals.length);
  const all = Array.from({ length: devices * signals.length }, (_, index) => {
    const { device, signal } = nameOf(index);
    return table.intern(device, signal)?.id ?? fail();
  });
  return Array.from({ length: blocks }, (_, block) =>
    Array.from({ length: readingsEach * all.length }, (_unused, index): Reading => {
      const time = Date.UTC(2026, 0, 1) + block * 500 + Math.floor(index / all.length) * 100;
      const value = Math.round((20 + index + 5 * Math.sin(time / 60_000) + random()) * 100) / 100;
      return { series: all[index % all.length] ?? fail(), time, value, quality: 'good' };
    }),
  );
}

function nameOf(index: number): { device: string; signal: string } {
  const signal = signals[index % signals.length] ?? '';
  return { device: `press-${Math.floor(index / signals.length)}`, signal };
}

function timed(act: () => void): number {
  const began = performance.now();
  act();
  return performance.now() - began;
}

function result(name: string, metric: string, value: number): BenchResult {
  return { bench: 'journal', case: name, metric, value };
}

function fail(): never {
  throw new Error('the table is full');
}
