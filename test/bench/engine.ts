// The pipeline alone, on one core: readings in, panes and transitions out, committed as the agent commits.

import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import type { Reading } from '@weir/shared/model/reading.ts';
import type { SeriesId } from '@weir/shared/model/series.ts';
import { median, type Bench } from './bench.ts';

const seriesCount = 1000;
const readingsPerRun = 6_000_000;
/** One reading a second from each series; the agent drains at every commit, here once a second of event time. */
const readingsPerDrain = seriesCount;

export const engine: Bench = {
  name: 'engine',
  about: `${seriesCount} series, tumbling 1m with mean, min, max and p95, one threshold rule each; limited by the sketch's logarithm`,
  async *run() {
    const runs: number[] = [];
    for (let i = 0; i < 5; i++) runs.push(measure());
    yield { bench: 'engine', case: 'tumbling-p95-rule', metric: 'readingsPerSecond', value: median(runs) };
  },
};

function measure(): number {
  const plan: Plan = {
    signals: new Map([
      [
        'temperature',
        {
          signal: 'temperature',
          range: [-20, 120],
          disorderMs: 2000,
          latenessMs: 60_000,
          windows: [{ id: '1m', sizeMs: 60_000, compute: ['mean', 'min', 'max', 'p95'] }],
          rules: [
            {
              id: 'too_hot',
              when: { signal: 'temperature', operator: '>', limit: 34 },
              clear: { signal: 'temperature', operator: '<', limit: 33 },
              forMs: 10_000,
              severity: 'critical',
              actions: ['log'],
            },
          ],
        },
      ],
    ]),
    maxAheadMs: 300_000,
    idleAfterMs: 30_000,
    maxSeries: 10_000,
  };
  const pipeline = new Pipeline(plan);
  for (let i = 0; i < seriesCount; i++) pipeline.series.intern(`device-${i}`, 'temperature');
  // Values are made beforehand: the bench measures the pipeline, not the making.
  const values = Float64Array.from(
    { length: 65_536 },
    (_, i) => 31 + 2.5 * Math.sin(i / 700) + ((i * 7919) % 997) / 997,
  );
  const start = Date.UTC(2026, 0, 1);
  const reading: { -readonly [Key in keyof Reading]: Reading[Key] } = {
    series: 0 as SeriesId,
    time: 0,
    value: 0,
    quality: 'good',
  };
  let panes = 0;
  const began = performance.now();
  for (let i = 0; i < readingsPerRun; i++) {
    const time = start + Math.floor(i / seriesCount) * 1000;
    reading.series = (i % seriesCount) as SeriesId;
    reading.time = time;
    reading.value = values[i & 65_535] ?? 0;
    pipeline.ingest(reading, time);
    if (i % readingsPerDrain === 0) panes += pipeline.drain().panes.length;
  }
  const seconds = (performance.now() - began) / 1000;
  if (panes < (readingsPerRun / seriesCount / 60 - 2) * seriesCount)
    throw new Error(`only ${panes} panes: the bench measures nothing`);
  return readingsPerRun / seconds;
}
