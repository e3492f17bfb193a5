// The promise "same readings, same answer": whatever order the readings come in, however often they are repeated, wherever
// it is committed, restarted or waited in between, the final panes are the same to the last bit, and those of the plainest
// batch computation over the same readings.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { statistics, type Pane, type Statistic, type WindowSpec } from '../model/pane.ts';
import { batchStatistic, batchWindows, type Row } from '../testing/batch.ts';
import { planOf, readingOf, signalOf, specOf } from '../testing/plans.ts';
import type { Plan } from './plan.ts';
import { Pipeline } from './pipeline.ts';
import { restore, snapshot } from './snapshot.ts';

/** 300 in `npm test`; `WEIR_SEEDS=10000 npm test -- batch` in the night. */
const numRuns = Number(process.env['WEIR_SEEDS'] ?? 300);
const timeout = 30_000 + numRuns * 60;

interface SeriesRow extends Row {
  readonly device: string;
  readonly signal: string;
}

/** Between two readings: nothing, a commit, a commit after a long silence, or a commit with a restart behind it. */
const breaks = ['none', 'none', 'none', 'commit', 'idle', 'restart', 'idle and restart'] as const;
type Break = (typeof breaks)[number];

const some: readonly Statistic[] = ['mean', 'stddev', 'time_mean', 'p95'];

const windowsBySignal: Readonly<Record<string, readonly WindowSpec[]>> = {
  temperature: [
    specOf({ kind: 'tumbling', sizeMs: 1000, zone: undefined }, { compute: statistics }),
    specOf({ kind: 'tumbling', sizeMs: 7000, zone: undefined }, { compute: some, earlyEveryMs: 5, lateEveryMs: 20 }),
    specOf({ kind: 'hopping', sizeMs: 10_000, slideMs: 4000 }, { compute: statistics, lateEveryMs: 20 }),
  ],
  pressure: [
    specOf({ kind: 'session', gapMs: 1500 }, { compute: statistics, earlyEveryMs: 3 }),
    specOf({ kind: 'hopping', sizeMs: 6000, slideMs: 2000 }, { compute: some }),
  ],
  vibration: [specOf({ kind: 'hopping', sizeMs: 4000, slideMs: 1000 }, { compute: statistics })],
};
const countWindows = [specOf({ kind: 'count', size: 3 }, { compute: statistics })];

const isOn = (value: number): boolean => value > 2;
const expectMs = 500;

// Eighths of a millisecond, so that event times have fractions.
const row = fc.record({
  device: fc.constantFrom('a', 'b'),
  signal: fc.constantFrom('temperature', 'pressure', 'vibration'),
  time: fc
    .oneof(fc.integer({ min: 0, max: 30_000 * 8 }), fc.integer({ min: 0, max: 6000 * 8 }))
    .map((eighths) => eighths / 8),
  value: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(-0), fc.double({ min: 1e-3, max: 1e6, noNaN: true })),
});

const run = fc.record({
  rows: fc.array(row, { maxLength: 80 }),
  breaks: fc.array(fc.constantFrom(...breaks), { maxLength: 80 }),
  epoch: fc.constantFrom(0, -20_000, -1e12, 1.7e12),
  disorderShare: fc.constantFrom(0, 0.25, 1),
});

/** How far behind the newest of its series a reading comes, at most. */
function largestDelay(rows: readonly SeriesRow[]): number {
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

interface Bounds {
  readonly delay: number;
  readonly disorderShare: number;
  /** Whether a silence lifts the watermark: to the end of what is open. */
  readonly idles: boolean;
}

/** The tightest that lets every reading in. */
function planFor({ delay, disorderShare, idles }: Bounds, windows = windowsBySignal): Plan {
  const disorderMs = Math.floor(delay * disorderShare);
  const latenessMs = delay - disorderMs + (idles ? 60_000 : 0);
  const on = { operator: '>', limit: 2 } as const;
  return planOf(
    Object.entries(windows).map(([signal, own]) =>
      signalOf({ signal, windows: own, disorderMs, latenessMs, on, expectMs, mayRepeat: true }),
    ),
  );
}

function hasIdle(between: readonly Break[]): boolean {
  return between.some((one) => one.startsWith('idle'));
}

/** Runs the readings, checks the ledger at every step, and returns every pane ever emitted, in order. */
function stream(rows: readonly SeriesRow[], between: readonly Break[], plan: Plan): Pane[] {
  let pipeline = new Pipeline(plan);
  const panes: Pane[] = [];
  let arrival = 1.8e12;
  const check = (): void => {
    const reported = panes.reduce((sum, pane) => sum + pane.fresh, 0);
    expect(pipeline.reported).toBe(reported);
    expect(pipeline.open).toBe(pipeline.ledger.accepted - reported);
    expect(pipeline.countOpen()).toBe(pipeline.open);
  };
  const commit = (): void => {
    pipeline.tick(arrival);
    panes.push(...pipeline.drain().panes);
    check();
  };
  for (const [index, { time, value, device, signal }] of rows.entries()) {
    arrival += 1;
    const refused = pipeline.ingest(readingOf(pipeline, time, value, { device, signal }), arrival);
    expect([undefined, 'repeated']).toContain(refused);
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
  arrival = Infinity;
  commit();
  return panes;
}

/** The last pane under each key, without what was retracted; checks what every sequence of panes must keep to. */
function finalPanes(panes: readonly Pane[]): Map<string, Pane> {
  const last = new Map<string, Pane>();
  for (const pane of panes) {
    const key = `${pane.series.device}/${pane.series.signal}/${pane.window.id}/${pane.start}`;
    const before = last.get(key);
    if (before === undefined) expect(pane.retracted).toBe(false);
    else expect(pane.revision).toBeGreaterThan(before.revision);
    expect(before?.retracted).not.toBe(true);
    last.set(key, pane);
  }
  for (const [key, pane] of last) if (pane.retracted) last.delete(key);
  return last;
}

/** What of a pane may not depend on how it came to be. */
function essence(panes: ReadonlyMap<string, Pane>): [string, unknown][] {
  return [...panes]
    .map(([key, { end, count, accounted, values }]): [string, unknown] => [key, { end, count, accounted, values }])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function isClose(statistic: Statistic, actual: number, expected: number, rows: readonly Row[]): boolean {
  if (Number.isNaN(expected) || Number.isNaN(actual)) return Number.isNaN(expected) && Number.isNaN(actual);
  if (/^p\d/.test(statistic)) return Math.abs(actual - expected) <= Math.abs(expected) * 0.01 * (1 + 1e-9);
  if (['min', 'max', 'first', 'last', 'changes', 'uncertain', 'duration'].includes(statistic))
    return actual === expected;
  // Where values cancel, this is what the oracle's plain sums can be exact to.
  const scale = Math.max(...rows.map(({ value }) => Math.abs(value)), 1e-3);
  const power = statistic === 'variance' ? scale * scale : scale;
  return Math.abs(actual - expected) <= power * (statistic === 'stddev' ? 1e-5 : 1e-6);
}

function expectBatch(
  final: ReadonlyMap<string, Pane>,
  rows: readonly SeriesRow[],
  windows: typeof windowsBySignal,
): void {
  let expectedPanes = 0;
  for (const [name, group] of Map.groupBy(rows, ({ device, signal }) => `${device}/${signal}`)) {
    for (const window of windows[group[0]?.signal ?? ''] ?? []) {
      for (const batch of batchWindows(group, window.shape)) {
        expectedPanes += 1;
        const pane = final.get(`${name}/${window.id}/${batch.start}`);
        expect(pane).toMatchObject({ end: batch.end, count: batch.rows.length });
        for (const [index, statistic] of window.compute.entries()) {
          const expected = batchStatistic(statistic, batch, { shape: window.shape, isOn, expectMs });
          const actual = pane?.values[index] ?? NaN;
          if (!isClose(statistic, actual, expected, batch.rows))
            expect(actual, `${window.id} ${statistic}`).toBe(expected);
        }
      }
    }
  }
  expect(final.size).toBe(expectedPanes);
}

/** One reading of each series, event time and value: what is left when repetitions are not counted. */
function distinct(rows: readonly SeriesRow[]): SeriesRow[] {
  return [...new Map(rows.map((one) => [`${one.device}/${one.signal}/${one.time}/${one.value}`, one])).values()];
}

test(
  'the final panes are those of a batch computation, in any order, with any commits, silences and restarts',
  { timeout },
  () => {
    fc.assert(
      fc.property(run, ({ rows: relative, breaks: between, epoch, disorderShare }) => {
        const rows = relative.map((one) => ({ ...one, time: epoch + one.time }));
        const plan = planFor({ delay: largestDelay(rows), disorderShare, idles: hasIdle(between) });
        const panes = stream(rows, between, plan);
        const final = finalPanes(panes);
        expectBatch(final, distinct(rows), windowsBySignal);
        const accounted = [...final.values()].reduce((sum, pane) => sum + pane.accounted, 0);
        expect(accounted).toBe(distinct(rows).length);
        expect(panes.reduce((sum, pane) => sum + pane.fresh, 0)).toBe(accounted);
      }),
      { numRuns },
    );
  },
);

test('any permutation and repetition of the readings gives the same final panes, bit for bit', { timeout }, () => {
  const permuted = run.chain((one) =>
    fc.record({
      run: fc.constant(one),
      again: fc.shuffledSubarray([...one.rows, ...one.rows.slice(0, 20)], { minLength: one.rows.length }),
      otherBreaks: fc.array(fc.constantFrom(...breaks), { maxLength: 100 }),
    }),
  );
  fc.assert(
    fc.property(permuted, ({ run: { rows, breaks: between, disorderShare }, again, otherBreaks }) => {
      // The same readings, in another order and with some of them twice.
      const other = [...again, ...rows];
      const delay = Math.max(largestDelay(rows), largestDelay(other));
      const plan = planFor({ delay, disorderShare, idles: hasIdle(between) || hasIdle(otherBreaks) });
      expect(essence(finalPanes(stream(other, otherBreaks, plan)))).toStrictEqual(
        essence(finalPanes(stream(rows, between, plan))),
      );
    }),
    { numRuns },
  );
});

test('count windows are those of a batch computation, in any order within the disorder', { timeout }, () => {
  fc.assert(
    fc.property(run, ({ rows: relative, breaks: between, epoch }) => {
      const rows = relative.map((one) => ({ ...one, signal: 'steps', time: epoch + one.time }));
      const windows = { steps: countWindows };
      // A silence settles what is there; what comes later than that is late, and moves no boundary.
      const awake = between.map((one): Break => (one.startsWith('idle') ? 'commit' : one));
      const final = finalPanes(
        stream(rows, awake, planFor({ delay: largestDelay(rows) + 1, disorderShare: 1, idles: true }, windows)),
      );
      const full = [...final.values()].filter(({ count }) => count >= 3);
      const expected = distinct(rows);
      const complete = new Map(full.map((pane) => [keyOf(pane), pane]));
      expectBatchOfFull(complete, expected);
    }),
    { numRuns },
  );
});

function keyOf({ series, window, start }: Pane): string {
  return `${series.device}/${series.signal}/${window.id}/${start}`;
}

/** A window that is not full has no pane yet. */
function expectBatchOfFull(final: ReadonlyMap<string, Pane>, rows: readonly SeriesRow[]): void {
  const full = [...Map.groupBy(rows, ({ device }) => device).values()].flatMap((group) =>
    batchWindows(group, { kind: 'count', size: 3 })
      .filter(({ rows }) => rows.length >= 3)
      .flatMap(({ rows }) => rows),
  );
  const kept = new Set<Row>(full);
  expectBatch(
    final,
    rows.filter((one) => kept.has(one)),
    { steps: countWindows },
  );
}

test('a restart changes nothing at all: the same panes, bit for bit, in the same order', { timeout }, () => {
  fc.assert(
    fc.property(run, ({ rows, breaks: between, disorderShare }) => {
      const plan = planFor({ delay: largestDelay(rows), disorderShare, idles: hasIdle(between) });
      const commits = between.map((one): Break =>
        one === 'restart' ? 'commit' : one === 'idle and restart' ? 'idle' : one,
      );
      expect(stream(rows, between, plan)).toStrictEqual(stream(rows, commits, plan));
    }),
    { numRuns },
  );
});
