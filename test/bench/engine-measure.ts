// The measurements of the engine bench: speed, memory, and what is allocated.

import { Session } from 'node:inspector/promises';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import type { Reading } from '@weir/shared/model/reading.ts';
import type { SeriesId } from '@weir/shared/model/series.ts';
import * as z from 'zod';
import type { EngineCase } from './engine-cases.ts';

const start = Date.UTC(2026, 0, 1);
/** Power of two: values and delays are made beforehand, the bench measures the pipeline and not the making. */
const tableSize = 65_536;

function planOf({ windows, rules = [], series, disorderMs }: EngineCase, latenessMs = 60_000): Plan {
  return {
    signals: new Map([
      [
        'temperature',
        {
          signal: 'temperature',
          gain: 1,
          offset: 0,
          range: [-20, 120],
          maxStepPerSecond: Infinity,
          stuckAfterMs: Infinity,
          missingAfterMs: Infinity,
          expectMs: NaN,
          useUncertain: false,
          mayRepeat: false,
          on: { operator: '>', limit: 32 },
          derived: undefined,
          disorderMs,
          latenessMs,
          windows,
          devices: [],
        },
      ],
    ]),
    rules,
    maxAheadMs: 300_000,
    idleAfterMs: 30_000,
    maxSeries: series,
    latenessBytes: Infinity,
  };
}

function pipelineOf(one: EngineCase): Pipeline {
  const pipeline = new Pipeline(planOf(one));
  for (let i = 0; i < one.series; i++) pipeline.series.intern(`device-${i}`, 'temperature');
  return pipeline;
}

/** @returns readings per second */
export function speed(one: EngineCase): number {
  const { series, readings, outOfOrder = 0, disorderMs, silence } = one;
  const pipeline = pipelineOf(one);
  // As a sensor says it: two digits behind the point.
  const values = Float64Array.from(
    { length: tableSize },
    (_, i) => Math.round((31 + 2.5 * Math.sin(i / 700) + ((i * 7919) % 997) / 997) * 100) / 100,
  );
  const delays = Float64Array.from({ length: tableSize }, (_, i) =>
    (i * 7919) % 1000 < outOfOrder * 1000 ? 1 + ((i * 104_729) % Math.floor(disorderMs - 1)) : 0,
  );
  const reading: { -readonly [Key in keyof Reading]: Reading[Key] } = {
    series: 0 as SeriesId,
    time: 0,
    value: 0,
    quality: 'good',
  };
  let panes = 0;
  let taken = 0;
  const began = performance.now();
  for (let second = 0; taken < readings; second++) {
    const now = start + second * 1000;
    if (silence === undefined || second % silence.everyS < silence.everyS - silence.forS) {
      for (let index = 0; index < series; index++) {
        const at = (taken * 31) & (tableSize - 1);
        reading.series = index as SeriesId;
        reading.time = now - (delays[at] ?? 0);
        reading.value = values[at] ?? 0;
        if (pipeline.ingest(reading, now) !== undefined) throw new Error('a reading was refused: the bench is wrong');
        taken += 1;
      }
    }
    pipeline.tick(now);
    panes += pipeline.drain().panes.length;
  }
  const seconds = (performance.now() - began) / 1000;
  const leastPanes = (taken / series / 60 - 2) * series;
  if (panes < leastPanes) throw new Error(`only ${panes} panes of ${leastPanes}: the bench measures nothing`);
  return taken / seconds;
}

function memory(): number {
  for (let i = 0; i < 4; i++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Enough for what the process does besides not to show. */
const footprintSeries = 20_000;

interface SampledNode {
  readonly callFrame: { readonly url: string };
  readonly selfSize: number;
  readonly children: readonly SampledNode[];
}

const sampledSchema = z.object({ profile: z.object({ head: z.custom<SampledNode>() }) });

/** What the pipeline allocates for a reading that falls into an open window, garbage included, as V8's sampling heap profiler sees it. */
export async function allocatedPerReading(one: EngineCase): Promise<number> {
  const series = 100;
  const pipeline = pipelineOf({ ...one, series });
  const readings = Array.from({ length: 10_000 }, (_, at): Reading => {
    const value = ((at * 31) % 1000) / 20 + 0.01;
    return { series: (at % series) as SeriesId, time: start + at / 1000, value, quality: 'good' };
  });
  const rounds = 200;
  const feed = (): void => {
    for (let round = 0; round < rounds; round++) {
      for (let at = 0; at < readings.length; at++) {
        const reading = readings[at];
        if (reading !== undefined) pipeline.ingest(reading, start + 1000);
      }
    }
  };
  feed();
  const session = new Session();
  session.connect();
  const garbageToo = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  await session.post('HeapProfiler.startSampling', { samplingInterval: 512, ...garbageToo });
  feed();
  const { profile } = sampledSchema.parse(await session.post('HeapProfiler.stopSampling'));
  session.disconnect();
  return allocatedIn(profile.head) / (rounds * readings.length);
}

/** In Weir's own code, and not the bench's. */
function allocatedIn(node: SampledNode): number {
  const own = node.callFrame.url.includes('/shared/src/') ? node.selfSize : 0;
  return node.children.reduce((sum, child) => sum + allocatedIn(child), own);
}

/** What a series costs that has said something and is silent, with one closed window kept for late readings; and what each open one adds. */
export function footprint(one: EngineCase): { bytesPerSeries: number; bytesPerOpenWindow: number } {
  const before = memory();
  const pipeline = pipelineOf({ ...one, series: footprintSeries });
  const feed = (fromS: number, readings: number): void => {
    for (let second = 0; second < readings; second++) {
      const now = start + (fromS + second) * 1000;
      for (let index = 0; index < footprintSeries; index++) {
        const value = 30 + ((index * 31 + second * 7) % 100) / 20;
        pipeline.ingest({ series: index as SeriesId, time: now, value, quality: 'good' }, now);
      }
    }
  };
  feed(0, 60);
  // Long enough for every window to be over, and for the closed ones to be forgotten but for the last.
  pipeline.tick(start + 40_000_000);
  pipeline.drain();
  const idle = memory();
  feed(40_000, 50);
  pipeline.drain();
  const open = memory();
  const windows = pipeline.states().reduce((sum, state) => sum + Math.min(1, state.openWindows), 0);
  if (windows < footprintSeries) throw new Error('not every series has an open window');
  return { bytesPerSeries: (idle - before) / footprintSeries, bytesPerOpenWindow: (open - idle) / windows };
}

/** What a closed window costs that still waits for late readings, besides its series. */
export function closedWindow(one: EngineCase): number {
  const [series, windows] = [500, 100];
  const pipeline = new Pipeline(planOf({ ...one, series }, 1e9));
  for (let i = 0; i < series; i++) pipeline.series.intern(`device-${i}`, 'temperature');
  const fill = (from: number, to: number): void => {
    for (let minute = from; minute < to; minute++) {
      for (let second = 0; second < 60; second += 5) {
        const time = start + minute * 60_000 + second * 1000;
        for (let index = 0; index < series; index++) {
          const value = 30 + ((index * 31 + second * 7 + minute) % 100) / 20;
          pipeline.ingest({ series: index as SeriesId, time, value, quality: 'good' }, time);
        }
      }
      pipeline.drain();
    }
  };
  fill(0, 10);
  const before = memory();
  fill(10, 10 + windows);
  return (memory() - before) / (series * windows);
}
