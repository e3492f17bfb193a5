// What happens to a reading between the gate and the windows: conversion, judgement, repetitions, and what is computed of it.

import { expect, test } from 'vitest';
import type { Quality } from '../model/quality.ts';
import { inputOf, planOf, readingOf, ruleOf, signalOf, specOf, type TestSignal } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';
import type { DerivedPlan } from './plan.ts';
import { restore, snapshot } from './snapshot.ts';

const now = 1.8e12;
const tenSeconds = specOf({ kind: 'tumbling', sizeMs: 10_000, zone: undefined }, { compute: ['mean', 'uncertain'] });

function pipelineOf(signal: Partial<TestSignal>): Pipeline {
  return new Pipeline(planOf([signalOf({ windows: [tenSeconds], ...signal })]));
}

/** Values, one a second. */
function feed(pipeline: Pipeline, values: readonly number[], fromS = 0, quality: Quality = 'good'): void {
  for (const [index, value] of values.entries()) {
    const reading = { ...readingOf(pipeline, (fromS + index) * 1000, value), quality };
    expect(pipeline.ingest(reading, now)).toBeUndefined();
  }
}

function panes(pipeline: Pipeline): { start: number; count: number; accounted: number; values: readonly number[] }[] {
  return pipeline.drain().panes.map(({ start, count, accounted, values }) => ({ start, count, accounted, values }));
}

function flagged(pipeline: Pipeline): Record<string, number> {
  return Object.fromEntries(pipeline.flagged);
}

test('what a source says is converted before anything looks at it', () => {
  const rules = [ruleOf({ when: 'temperature > 99' })];
  const pipeline = pipelineOf({ gain: 5 / 9, offset: -160 / 9, range: [0, 100], rules });
  feed(pipeline, [212, 32]);
  expect(pipeline.transitions).toMatchObject([{ state: 'firing', value: 100 }, { state: 'cleared' }]);
  expect(pipeline.ingest(readingOf(pipeline, 2000, 213), now)).toBe('out_of_range');
  feed(pipeline, [68], 10);
  expect(panes(pipeline)).toStrictEqual([{ start: 0, count: 2, accounted: 2, values: [50, 0] }]);
});

test('a spike is uncertain: counted in its window, out of the mean, and no alert', () => {
  const pipeline = pipelineOf({ maxStepPerSecond: 5, rules: [ruleOf()] });
  feed(pipeline, [20, 22, 900, 24, 26]);
  expect(pipeline.transitions).toStrictEqual([]);
  feed(pipeline, [26], 10);
  expect(panes(pipeline)).toStrictEqual([{ start: 0, count: 4, accounted: 5, values: [23, 1] }]);
  expect(flagged(pipeline)).toStrictEqual({ step: 1 });
  expect(pipeline.ledger.lostTotal).toBe(0);
  expect(pipeline.open).toBe(pipeline.countOpen());
});

test('a true new level is believed when enough time has passed for it', () => {
  const pipeline = pipelineOf({ maxStepPerSecond: 5 });
  feed(pipeline, [20, 40, 40, 40, 40, 40]);
  expect(flagged(pipeline)).toStrictEqual({ step: 3 });
});

test('a value that has been the same for too long is uncertain until it moves', () => {
  const pipeline = pipelineOf({ stuckAfterMs: 3000 });
  feed(pipeline, [20, 20, 20, 20, 20, 21, 21]);
  expect(flagged(pipeline)).toStrictEqual({ stuck: 2 });
});

test('a reading older than the newest is taken as it is', () => {
  const pipeline = pipelineOf({ maxStepPerSecond: 5, latenessMs: 60_000 });
  feed(pipeline, [20, 21, 22]);
  feed(pipeline, [900], 1);
  expect(flagged(pipeline)).toStrictEqual({});
});

test('what the source itself calls uncertain is counted only, or used where the signal says so', () => {
  for (const useUncertain of [false, true]) {
    const pipeline = pipelineOf({ useUncertain, rules: [ruleOf()] });
    feed(pipeline, [20]);
    feed(pipeline, [40], 1, 'uncertain');
    feed(pipeline, [20], 10);
    expect(pipeline.transitions.length).toBe(useUncertain ? 2 : 0);
    expect(panes(pipeline)).toStrictEqual([
      { start: 0, count: useUncertain ? 2 : 1, accounted: 2, values: useUncertain ? [30, 0] : [20, 1] },
    ]);
    expect(flagged(pipeline)).toStrictEqual({ source: 1 });
  }
});

test('judgement and flags survive a restart', () => {
  const before = pipelineOf({ maxStepPerSecond: 5, stuckAfterMs: 3000 });
  feed(before, [20, 900, 20, 20]);
  const { pipeline } = restore(before.plan, snapshot(before));
  feed(pipeline, [20, 20, 900], 4);
  expect(flagged(pipeline)).toStrictEqual({ step: 2, stuck: 1 });
});

test('a reading said twice counts once where the source may repeat itself, also after a restart, and is in the ledger', () => {
  const before = pipelineOf({ mayRepeat: true, latenessMs: 60_000 });
  feed(before, [20, 21]);
  const { pipeline } = restore(before.plan, snapshot(before));
  expect(pipeline.ingest(readingOf(pipeline, 0, 20), now)).toBe('repeated');
  expect(pipeline.ingest(readingOf(pipeline, 0, 20.5), now)).toBeUndefined();
  feed(pipeline, [20], 10);
  expect(panes(pipeline)).toStrictEqual([{ start: 0, count: 3, accounted: 3, values: [20.5, 0] }]);
  expect(pipeline.ledger).toMatchObject({ taken: 5, accepted: 4 });
  expect(pipeline.ledger.losses()).toStrictEqual({ repeated: 1 });
});

test('where a source may not repeat itself, the same reading twice is two', () => {
  const pipeline = pipelineOf({});
  feed(pipeline, [20, 20]);
  expect(pipeline.ingest(readingOf(pipeline, 1000, 20), now)).toBeUndefined();
  expect(pipeline.ledger.accepted).toBe(3);
});

test('a series that says nothing for too long is missing until it speaks again', () => {
  const pipeline = pipelineOf({ missingAfterMs: 60_000 });
  pipeline.ingest(readingOf(pipeline, 0, 20, { device: 'a' }), now);
  pipeline.ingest(readingOf(pipeline, 0, 20, { device: 'b' }), now + 30_000);
  const missing = (at: number): string[] => pipeline.missing(at).map(({ series }) => series.device);
  expect(missing(now + 60_000)).toStrictEqual([]);
  expect(missing(now + 60_001)).toStrictEqual(['a']);
  pipeline.ingest(readingOf(pipeline, 1000, 20, { device: 'a' }), now + 70_000);
  expect(missing(now + 90_001)).toStrictEqual(['b']);
});

const inputs = (hot?: string, cold?: string): DerivedPlan['inputs'] => [
  { variable: 'hot', device: hot, signal: 'temperature' },
  { variable: 'cold', device: cold, signal: 'ambient' },
];

function derivedPipeline(derived: DerivedPlan, spread: Partial<TestSignal> = {}): Pipeline {
  const windows = [tenSeconds];
  return new Pipeline(
    planOf([
      signalOf({ windows, latenessMs: 60_000 }),
      signalOf({ signal: 'ambient', windows, latenessMs: 60_000 }),
      signalOf({ signal: 'spread', derived, windows, latenessMs: 60_000, ...spread }),
    ]),
  );
}

function say(pipeline: Pipeline, device: string, signal: string, timeS: number, value: number): void {
  expect(pipeline.ingest(readingOf(pipeline, timeS * 1000, value, { device, signal }), now)).toBeUndefined();
}

test('a derived signal has a reading where all its inputs have one of the same event time, device by device', () => {
  const derived = { expression: 'hot - cold', inputs: inputs(), alignMs: 0, device: undefined };
  const rules = [ruleOf({ when: 'spread > 14', inputs: [inputOf('spread')] })];
  const pipeline = derivedPipeline(derived, { rules });
  say(pipeline, 'a', 'temperature', 1, 30);
  say(pipeline, 'b', 'ambient', 1, 10);
  say(pipeline, 'a', 'ambient', 2, 20);
  expect(pipeline.transitions).toStrictEqual([]);
  say(pipeline, 'a', 'ambient', 1, 15);
  expect(pipeline.transitions).toMatchObject([{ series: { device: 'a', signal: 'spread' }, value: 15, time: 1000 }]);
  for (const signal of ['temperature', 'ambient']) say(pipeline, 'a', signal, 20, 50);
  const spread = pipeline.drain().panes.filter(({ series }) => series.signal === 'spread');
  expect(spread).toMatchObject([{ series: { device: 'a' }, start: 0, count: 1, values: [15, 0] }]);
  // It never came in: the ledger knows the others only.
  expect(spread).toMatchObject([{ accounted: 0, fresh: 0 }]);
  expect(pipeline.ledger.taken).toBe(6);
  expect(pipeline.open).toBe(pipeline.countOpen());
});

test('inputs of two devices meet in pieces of event time, when the slower one has passed them', () => {
  const derived = { expression: 'hot - cold', inputs: inputs('oven', 'store'), alignMs: 1000, device: 'line' };
  const before = derivedPipeline(derived);
  say(before, 'oven', 'temperature', 1.2, 30);
  say(before, 'oven', 'temperature', 1.8, 31);
  say(before, 'store', 'ambient', 1.4, 11);
  const { pipeline } = restore(before.plan, snapshot(before));
  say(pipeline, 'oven', 'temperature', 2.2, 32);
  expect(pipeline.series.all().filter(({ signal }) => signal === 'spread')).toStrictEqual([]);
  say(pipeline, 'store', 'ambient', 2.1, 12);
  say(pipeline, 'oven', 'temperature', 13, 32);
  say(pipeline, 'store', 'ambient', 13, 12);
  const spread = pipeline.drain().panes.filter(({ series }) => series.signal === 'spread');
  expect(spread).toStrictEqual([]);
  const state = pipeline.states().find(({ series }) => series.signal === 'spread');
  expect(state?.series.device).toBe('line');
  // The pieces at 1 s (31 - 11) and at 2 s (32 - 12), and at last that at 13 s.
  pipeline.tick(Infinity);
  expect(pipeline.drain().panes.filter(({ series }) => series.signal === 'spread')).toMatchObject([
    { start: 0, count: 2, values: [20, 0] },
    { start: 10_000, count: 1, values: [20, 0] },
  ]);
});

test('a silent input is waited for no longer than a silent series, and one that never spoke for ever', () => {
  const derived = { expression: 'hot - cold', inputs: inputs('oven', 'store'), alignMs: 1000, device: 'line' };
  const before = derivedPipeline(derived);
  say(before, 'oven', 'temperature', 1.2, 30);
  say(before, 'store', 'ambient', 1.4, 11);
  // The inputs are known again after a restart, before any of them speaks.
  const { pipeline } = restore(before.plan, snapshot(before));
  const names = (): string[] => pipeline.series.all().map(({ signal }) => signal);
  pipeline.tick(now + 29_999);
  expect(names()).not.toContain('spread');
  pipeline.tick(now + 30_000);
  expect(names()).toContain('spread');
});

test('a derived value that is no number, or outside its range, is counted at its series and nowhere else', () => {
  const derived = { expression: 'hot / cold', inputs: inputs(), alignMs: 0, device: undefined };
  const pipeline = derivedPipeline(derived, { range: [0, 10] });
  say(pipeline, 'a', 'temperature', 1, 30);
  say(pipeline, 'a', 'ambient', 1, 0);
  say(pipeline, 'a', 'temperature', 2, 30);
  say(pipeline, 'a', 'ambient', 2, 1);
  const state = pipeline.states().find(({ series }) => series.signal === 'spread');
  expect(Object.fromEntries(state?.losses ?? [])).toStrictEqual({ not_a_number: 1, out_of_range: 1 });
  expect(pipeline.ledger.losses()).toStrictEqual({});
});
