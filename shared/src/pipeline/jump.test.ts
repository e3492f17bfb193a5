// An arrival clock that is put ahead, and a pipeline that goes on with the state of its twin.

import { expect, test } from 'vitest';
import { planOf, readingOf, ruleOf, signalOf, windowOf } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';
import { restore, snapshot } from './snapshot.ts';

const now = 1.8e12;
const hour = 3_600_000;

const plan = planOf(
  [
    signalOf({
      windows: [windowOf(1000)],
      rules: [ruleOf({ forMs: 10_000 })],
      missingAfterMs: 60_000,
      stuckAfterMs: 60_000,
      maxStepPerSecond: 100,
      useUncertain: true,
    }),
  ],
  { idleAfterMs: 30_000, maxAheadMs: 300_000 },
);

/** Readings without a clock of their own: event time is arrival time. */
function take(pipeline: Pipeline, arrival: number, value: number, time = arrival): void {
  expect(pipeline.ingest(readingOf(pipeline, time, value), arrival)).toBeUndefined();
}

test('nobody was silent for as long as the clock jumped, and no window closes for it', () => {
  const pipeline = new Pipeline(plan);
  take(pipeline, now, 20);
  pipeline.jump(hour);
  expect(pipeline.missing(now + hour + 60_000)).toHaveLength(0);
  pipeline.tick(now + hour + 29_999);
  expect(pipeline.drain().panes).toHaveLength(0);
  pipeline.tick(now + hour + 30_000);
  expect(pipeline.drain().panes).toHaveLength(1);
  expect(pipeline.missing(now + hour + 60_001)).toHaveLength(1);
});

test('no condition has held longer, no value stood still, where event times come from the arrival clock', () => {
  const pipeline = new Pipeline(plan);
  take(pipeline, now, 40);
  take(pipeline, now + 1000, 40);
  pipeline.jump(hour);
  take(pipeline, now + hour + 2000, 40);
  take(pipeline, now + hour + 9999, 40);
  expect(pipeline.transitions).toHaveLength(0);
  expect([...pipeline.flagged]).toStrictEqual([]);
  take(pipeline, now + hour + 10_000, 40);
  expect(pipeline.transitions).toMatchObject([{ state: 'firing', since: now + hour, time: now + hour + 10_000 }]);
  take(pipeline, now + hour + 60_000, 40);
  expect([...pipeline.flagged]).toStrictEqual([['stuck', 1]]);
});

test('a step is measured over the time that passed, and not over the jump', () => {
  const pipeline = new Pipeline(plan);
  take(pipeline, now, 20);
  pipeline.jump(hour);
  take(pipeline, now + hour + 1000, 500);
  expect([...pipeline.flagged]).toStrictEqual([['step', 1]]);
});

test('event times of sensors with a clock of their own do not jump', () => {
  const pipeline = new Pipeline(plan);
  take(pipeline, now + 100, 40, now);
  pipeline.jump(hour);
  take(pipeline, now + hour + 100, 40, now + 10_000);
  expect(pipeline.transitions).toMatchObject([{ since: now, time: now + 10_000 }]);
});

test('an alert that fires keeps the time since when it does', () => {
  const pipeline = new Pipeline(plan);
  take(pipeline, now, 40);
  take(pipeline, now + 10_000, 40);
  pipeline.jump(hour);
  take(pipeline, now + hour + 11_000, 20);
  expect(pipeline.transitions.map(({ since }) => since)).toStrictEqual([now, now]);
});

test('a pipeline goes on with the state of its twin, under the same numbers', () => {
  const pipeline = new Pipeline(plan);
  take(pipeline, now, 20);
  const base = snapshot(pipeline);
  take(pipeline, now + 5, 99);
  pipeline.maxAheadMs = Infinity;
  const twin = restore(plan, base, pipeline.series).pipeline;
  take(twin, now + 1000, 30);
  twin.reject('malformed', 1);
  twin.drain();
  const expected = [...snapshot(twin)];
  pipeline.drain();
  pipeline.takeOver(twin);
  expect([...snapshot(pipeline)]).toStrictEqual(expected);
  expect(pipeline.maxAheadMs).toBe(300_000);
  expect(pipeline.series.size).toBe(1);
  take(pipeline, now + 2500, 31);
  expect(pipeline.drain().panes.map(({ values }) => values[0])).toStrictEqual([30]);
  expect(pipeline.open).toBe(pipeline.countOpen());
});

test('a pipeline takes over no other plan and no other numbers', () => {
  const pipeline = new Pipeline(plan);
  expect(() => pipeline.takeOver(new Pipeline(plan))).toThrow('no twin');
  expect(() => pipeline.takeOver(new Pipeline({ ...plan }, pipeline.series))).toThrow('no twin');
});
