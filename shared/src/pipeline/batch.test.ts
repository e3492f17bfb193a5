// The promise "same readings, same answer": whatever order the readings come in, wherever it is committed, restarted or
// waited in between, the final panes are those of the plainest batch computation over the same readings.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statistics, type Pane, type Statistic, type WindowSpec } from '../model/pane.ts';
import { planOf, readingOf, signalOf, windowOf } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';
import { restore, snapshot } from './snapshot.ts';
import type { Plan } from './plan.ts';

interface Row {
  readonly device: string;
  readonly signal: string;
  readonly time: number;
  readonly value: number;
}

/** Between two readings: nothing, a commit, a commit after a long silence, or a commit with a restart behind it. */
const breaks = ['none', 'none', 'none', 'commit', 'idle', 'restart', 'idle and restart'] as const;
type Break = (typeof breaks)[number];

const windowsBySignal: Readonly<Record<string, readonly WindowSpec[]>> = {
  temperature: [windowOf(1000, statistics), windowOf(7000, ['mean', 'p95'])],
  pressure: [windowOf(60_000, ['mean', 'min', 'max', 'stddev'])],
};

// Eighths of a millisecond, so that event times have fractions and sums of them are exact.
const row = fc.record({
  device: fc.constantFrom('a', 'b'),
  signal: fc.constantFrom('temperature', 'pressure'),
  time: fc.integer({ min: 0, max: 30_000 * 8 }).map((eighths) => eighths / 8),
  value: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: 1e-3, max: 1e6, noNaN: true })),
});

const run = fc.record({
  rows: fc.array(row, { maxLength: 80 }),
  breaks: fc.array(fc.constantFrom(...breaks), { maxLength: 80 }),
  epoch: fc.constantFrom(0, -20_000, -1e12, 1.7e12),
  disorderShare: fc.constantFrom(0, 0.25, 1),
});

function batch(
  rows: readonly Row[],
  { sizeMs, compute }: WindowSpec,
): Map<number, { count: number; values: number[] }> {
  const groups = Map.groupBy(rows, ({ time }) => Math.floor(time / sizeMs) * sizeMs);
  return new Map(
    [...groups].map(([start, group]) => {
      const sorted = group.map(({ value }) => value).toSorted((a, b) => a - b);
      return [start, { count: sorted.length, values: compute.map((statistic) => exact(statistic, sorted)) }];
    }),
  );
}

function exact(statistic: Statistic, sorted: readonly number[]): number {
  const count = sorted.length;
  const atRank = (q: number): number => sorted[Math.floor(q * (count - 1))] ?? NaN;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / count;
  switch (statistic) {
    case 'mean':
      return mean;
    case 'min':
      return atRank(0);
    case 'max':
      return atRank(1);
    case 'stddev':
      return count < 2 ? NaN : Math.sqrt(sorted.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1));
    case 'p50':
    case 'p95':
    case 'p99':
      return atRank(Number(statistic.slice(1)) / 100);
  }
}

/** `scale` is the largest magnitude in the window: where values cancel, that is what a sum can be exact to. */
function expectStatistic(statistic: Statistic, actual: number, expected: number, scale: number): void {
  const tolerances = { mean: scale * 1e-9, min: 0, max: 0, stddev: scale * 1e-6 } as const;
  const tolerance = statistic.startsWith('p')
    ? Math.abs(expected) * 0.01 * (1 + 1e-9)
    : (tolerances[statistic as keyof typeof tolerances] ?? NaN);
  if (Number.isNaN(expected)) expect(actual).toBeNaN();
  else expect(Math.abs(actual - expected), statistic).toBeLessThanOrEqual(tolerance);
}

/** How far behind the newest of its series a reading comes, at most. */
function largestDelay(rows: readonly Row[]): number {
  const newest = new Map<string, number>();
  let delay = 0;
  for (const { device, signal, time } of rows) {
    const key = `${device}/${signal}`;
    const before = newest.get(key) ?? time;
    delay = Math.max(delay, before - time);
    newest.set(key, Math.max(before, time));
  }
  return delay;
}

function planFor(rows: readonly Row[], disorderShare: number, idles: boolean): Plan {
  const delay = largestDelay(rows);
  const disorderMs = Math.floor(delay * disorderShare);
  // The tightest that lets every reading in; the idle rule lifts the watermark to the end of the window of the newest one.
  const latenessMs = idles ? delay + 60_000 : delay - disorderMs;
  const signals = Object.entries(windowsBySignal);
  return planOf(signals.map(([signal, windows]) => signalOf({ signal, windows, disorderMs, latenessMs })));
}

/** Runs the readings, checks the ledger at every step, and returns every pane ever emitted, in order. */
function stream(rows: readonly Row[], between: readonly Break[], plan: Plan): Pane[] {
  let pipeline = new Pipeline(plan);
  const panes: Pane[] = [];
  let arrival = 1.8e12;
  let taken = 0;
  const check = (): void => {
    const reported = panes.reduce((sum, pane) => sum + pane.fresh, 0);
    expect(pipeline.ledger).toMatchObject({ taken, accepted: taken, lostTotal: 0 });
    expect(pipeline.reported).toBe(reported);
    expect(pipeline.open).toBe(taken - reported);
    expect(pipeline.countOpen()).toBe(taken - reported);
  };
  const commit = (): void => {
    pipeline.tick(arrival);
    panes.push(...pipeline.drain().panes);
    check();
  };
  for (const [index, { time, value, device, signal }] of rows.entries()) {
    arrival += 1;
    expect(pipeline.ingest(readingOf(pipeline, time, value, { device, signal }), arrival)).toBeUndefined();
    taken += 1;
    check();
    const next = between[index] ?? 'none';
    if (next === 'none') continue;
    if (next.startsWith('idle')) arrival += plan.idleAfterMs;
    commit();
    if (!next.endsWith('restart')) continue;
    const restored = restore(plan, snapshot(pipeline));
    expect(restored.dropped).toStrictEqual([]);
    ({ pipeline } = restored);
    check();
  }
  arrival += 1e9;
  commit();
  expect(pipeline.open).toBe(0);
  return panes;
}

test('the final panes are those of a batch computation, in any order, with any commits, silences and restarts', () => {
  fc.assert(
    fc.property(run, ({ rows: relative, breaks: between, epoch, disorderShare }) => {
      const rows = relative.map((one) => ({ ...one, time: epoch + one.time }));
      const idles = between.some((one) => one.startsWith('idle'));
      const panes = stream(rows, between, planFor(rows, disorderShare, idles));

      const final = new Map<string, Pane>();
      for (const pane of panes) {
        const key = `${pane.series.device}/${pane.series.signal}/${pane.window.id}/${pane.start}`;
        const before = final.get(key);
        expect(pane.revision).toBe(before === undefined ? 0 : before.revision + 1);
        expect(pane.count).toBeGreaterThan(before?.count ?? 0);
        final.set(key, pane);
      }
      let expectedPanes = 0;
      for (const [name, group] of Map.groupBy(rows, ({ device, signal }) => `${device}/${signal}`)) {
        for (const window of windowsBySignal[group[0]?.signal ?? ''] ?? []) {
          for (const [start, expected] of batch(group, window)) {
            expectedPanes += 1;
            const pane = final.get(`${name}/${window.id}/${start}`);
            expect(pane?.count).toBe(expected.count);
            const inWindow = group.filter(({ time }) => time >= start && time < start + window.sizeMs);
            const scale = Math.max(...inWindow.map(({ value }) => Math.abs(value)));
            for (const [index, statistic] of window.compute.entries()) {
              expectStatistic(statistic, pane?.values[index] ?? NaN, expected.values[index] ?? NaN, scale);
            }
          }
        }
      }
      expect(final.size).toBe(expectedPanes);
    }),
    { numRuns: 300 },
  );
});

test('a restart changes nothing at all: the same panes, bit for bit, in the same order', () => {
  fc.assert(
    fc.property(run, ({ rows, breaks: between, disorderShare }) => {
      const plan = planFor(rows, disorderShare, true);
      const commits = between.map((one): Break =>
        one === 'restart' ? 'commit' : one === 'idle and restart' ? 'idle' : one,
      );
      expect(stream(rows, between, plan)).toStrictEqual(stream(rows, commits, plan));
    }),
  );
});
