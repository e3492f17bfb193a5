// What the core lets in, when it closes windows, and that its ledger knows every reading.

import { expect, test } from 'vitest';
import type { LossReason, Reading } from '../model/reading.ts';
import { planOf, readingOf, ruleOf, signalOf, windowOf, type TestSignal } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';

const now = 1.8e12;

function pipelineOf(signal: Partial<TestSignal> = {}): Pipeline {
  return new Pipeline(planOf([signalOf(signal)]));
}

function ingestAll(pipeline: Pipeline, times: readonly number[], device = 'oven'): (LossReason | undefined)[] {
  return times.map((time) => pipeline.ingest(readingOf(pipeline, time, 20, { device }), now));
}

/** What was emitted, as `device start revision count fresh`. */
function drained(pipeline: Pipeline): string[] {
  return pipeline.drain().panes.map((p) => `${p.series.device} ${p.start} r${p.revision} n${p.count} fresh${p.fresh}`);
}

function expectBalanced(pipeline: Pipeline): void {
  const { ledger } = pipeline;
  expect(ledger.taken).toBe(pipeline.reported + pipeline.countOpen() + ledger.lostTotal);
  expect(pipeline.open).toBe(pipeline.countOpen());
}

test.each<[LossReason, string, Partial<Reading>]>([
  ['not_a_number', 'NaN', { value: NaN }],
  ['not_a_number', 'an infinite value', { value: -Infinity }],
  ['bad_time', 'a time that is NaN', { time: NaN }],
  ['bad_time', 'an infinite time', { time: Infinity }],
  ['bad_time', 'a time after the year 9999', { time: 1e15 }],
  ['bad_time', 'a time before all history', { time: -1e15 }],
  ['bad_quality', 'a reading its sensor calls bad', { quality: 'bad' }],
  ['out_of_range', 'a value below the range', { value: -20.001 }],
  ['out_of_range', 'a value above the range', { value: 120.001 }],
  ['future', 'a time further ahead than allowed', { time: now + 300_001 }],
])('%s: %s is refused, counted, and moves nothing', (reason, _, wrong) => {
  const rule = ruleOf({ when: 'temperature != 20' });
  const pipeline = pipelineOf({ range: [-20, 120], rules: [rule] });
  ingestAll(pipeline, [1000]);
  const watermark = pipeline.states()[0]?.watermark.time;
  expect(pipeline.ingest({ ...readingOf(pipeline, 1500), ...wrong }, now)).toBe(reason);
  expect(pipeline.ledger.losses()).toStrictEqual({ [reason]: 1 });
  expect(pipeline.states()[0]?.watermark.time).toBe(watermark);
  expect(pipeline.drain()).toStrictEqual({ panes: [], transitions: [] });
  expect([pipeline.ledger.taken, pipeline.open]).toStrictEqual([2, 1]);
  expectBalanced(pipeline);
});

test('the bounds of the range, an uncertain quality and a time just within the future are let in', () => {
  const pipeline = pipelineOf({ range: [-20, 120] });
  const good = readingOf(pipeline, 1000);
  for (const right of [{ value: -20 }, { value: 120 }, { quality: 'uncertain' as const }, { time: now + 300_000 }]) {
    expect(pipeline.ingest({ ...good, ...right }, now)).toBeUndefined();
  }
  expect(pipeline.ledger).toMatchObject({ taken: 4, accepted: 4 });
});

test('a reading is too late when it is older than watermark minus lateness, and only then', () => {
  const pipeline = pipelineOf({ disorderMs: 500, latenessMs: 2000 });
  ingestAll(pipeline, [10_000]);
  expect(ingestAll(pipeline, [7500, 7499.999, 7500])).toStrictEqual([undefined, 'too_late', undefined]);
  expect(pipeline.ledger.losses()).toStrictEqual({ too_late: 1 });
  expectBalanced(pipeline);
});

test('a reading within the disorder corrects no pane, because none was emitted yet', () => {
  const pipeline = pipelineOf({ disorderMs: 500 });
  ingestAll(pipeline, [900, 1499]);
  expect(drained(pipeline)).toStrictEqual([]);
  ingestAll(pipeline, [999]);
  ingestAll(pipeline, [1500]);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r0 n2 fresh2']);
});

test('a late reading within the lateness makes a revision at the next drain', () => {
  const pipeline = pipelineOf({ latenessMs: 5000 });
  ingestAll(pipeline, [500, 1000]);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r0 n1 fresh1']);
  ingestAll(pipeline, [600, 700]);
  expectBalanced(pipeline);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r1 n3 fresh2']);
  expect(drained(pipeline)).toStrictEqual([]);
  expectBalanced(pipeline);
});

test('a late reading of a window that had none makes its first pane', () => {
  const pipeline = pipelineOf({ latenessMs: 5000 });
  ingestAll(pipeline, [500, 5000]);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r0 n1 fresh1']);
  ingestAll(pipeline, [2500]);
  expect(drained(pipeline)).toStrictEqual(['oven 2000 r0 n1 fresh1']);
});

test('a clock ahead in one series, as far as is allowed, closes nothing of another and makes none of it late', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [now], 'good');
  ingestAll(pipeline, [now + 300_000, now + 299_000], 'ahead');
  expect(drained(pipeline)).toStrictEqual([]);
  expect(ingestAll(pipeline, [now + 1], 'good')).toStrictEqual([undefined]);
  expect(ingestAll(pipeline, [now + 1000], 'good')).toStrictEqual([undefined]);
  expect(drained(pipeline)).toStrictEqual([`good ${now} r0 n2 fresh2`]);
  expect(pipeline.ledger.losses()).toStrictEqual({ too_late: 1 });
});

test('a silent series keeps its window open and holds back no other', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [500], 'silent');
  ingestAll(pipeline, [500, 1500, 2500], 'busy');
  expect(drained(pipeline)).toStrictEqual(['busy 0 r0 n1 fresh1', 'busy 1000 r0 n1 fresh1']);
});

test('a silent series has its windows closed when they are over by the arrival clock, whatever its event times say', () => {
  const pipeline = pipelineOf({ windows: [windowOf(1000), windowOf(60_000)], disorderMs: 5000 });
  ingestAll(pipeline, [500, 61_500]);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r0 n1 fresh1']);
  pipeline.tick(now + 29_999);
  expect(drained(pipeline)).toStrictEqual([]);
  pipeline.tick(now + 30_000);
  expect(drained(pipeline)).toStrictEqual(['oven 61000 r0 n1 fresh1', 'oven 0 r0 n1 fresh0']);
  // The last window ends 58.5 s after the newest reading, and readings may come 5 s out of order.
  pipeline.tick(now + 63_499);
  expect(drained(pipeline)).toStrictEqual([]);
  pipeline.tick(now + 63_500);
  expect(drained(pipeline)).toStrictEqual(['oven 60000 r0 n1 fresh0']);
  pipeline.tick(now + 90_000);
  expect(drained(pipeline)).toStrictEqual([]);
});

test('a pause shorter than its window makes nothing late', () => {
  const pipeline = pipelineOf({ windows: [windowOf(3_600_000)] });
  ingestAll(pipeline, [1000]);
  for (const minute of [1, 10, 30, 59]) {
    pipeline.tick(now + minute * 60_000 - 1000);
    expect(pipeline.ingest(readingOf(pipeline, minute * 60_000), now + minute * 60_000)).toBeUndefined();
  }
  expect(drained(pipeline)).toStrictEqual([]);
  expect(pipeline.ledger.lostTotal).toBe(0);
});

test('what a device held back while it was silent is not late, as far as nothing was open', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [500]);
  pipeline.tick(now + 8 * 3_600_000);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r0 n1 fresh1']);
  pipeline.ingest(readingOf(pipeline, 1000), now + 8 * 3_600_000);
  pipeline.ingest(readingOf(pipeline, 2000), now + 8 * 3_600_000);
  expect(drained(pipeline)).toStrictEqual(['oven 1000 r0 n1 fresh1']);
  expect(pipeline.ledger.lostTotal).toBe(0);
});

test('a tick long after closes only the series that are silent', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [500], 'silent');
  pipeline.ingest(readingOf(pipeline, 500, 20, { device: 'busy' }), now + 20_000);
  pipeline.tick(now + 30_000);
  expect(drained(pipeline)).toStrictEqual(['silent 0 r0 n1 fresh1']);
});

test('a refused reading is no sign of life: the silence goes on', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [500]);
  pipeline.ingest(readingOf(pipeline, 600, NaN), now + 29_000);
  pipeline.tick(now + 30_000);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r0 n1 fresh1']);
});

test('a reading that comes after the silence closed its window makes a revision', () => {
  const pipeline = pipelineOf({ latenessMs: 10_000 });
  ingestAll(pipeline, [500]);
  pipeline.tick(now + 30_000);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r0 n1 fresh1']);
  pipeline.ingest(readingOf(pipeline, 700), now + 31_000);
  expect(drained(pipeline)).toStrictEqual(['oven 0 r1 n2 fresh1']);
  expectBalanced(pipeline);
});

test('a clock that steps back closes nothing early', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [500]);
  pipeline.tick(now - 3_600_000);
  expect(drained(pipeline)).toStrictEqual([]);
});

test('fractional and negative event times fall into the window they belong to', () => {
  const pipeline = pipelineOf({ latenessMs: 10_000 });
  ingestAll(pipeline, [-1500.5, -1000, -999.5, -0.25, 0, 999.75, 1000]);
  expect(drained(pipeline)).toStrictEqual([
    'oven -2000 r0 n1 fresh1',
    'oven -1000 r0 n3 fresh3',
    'oven 0 r0 n2 fresh2',
  ]);
});

test('a signal without a window is counted as such and still feeds its rules', () => {
  const pipeline = pipelineOf({ windows: [], rules: [ruleOf()] });
  expect(pipeline.ingest(readingOf(pipeline, 1000, 40), now)).toBeUndefined();
  expect(pipeline.ledger.losses()).toStrictEqual({ no_window: 1 });
  expect(pipeline.transitions).toMatchObject([{ rule: 'too_hot', state: 'firing', time: 1000, value: 40 }]);
  expectBalanced(pipeline);
});

test('transitions are there at once, in order, and go with the next drain', () => {
  const pipeline = pipelineOf({ rules: [ruleOf(), ruleOf({ id: 'warm', severity: 'critical' })] });
  pipeline.ingest(readingOf(pipeline, 1000, 40), now);
  pipeline.ingest(readingOf(pipeline, 1001, 20), now);
  const expected = ['too_hot firing', 'warm firing', 'too_hot cleared', 'warm cleared'];
  expect(pipeline.transitions.map((t) => `${t.rule} ${t.state}`)).toStrictEqual(expected);
  expect(pipeline.drain().transitions.map((t) => `${t.rule} ${t.state}`)).toStrictEqual(expected);
  expect(pipeline.transitions).toStrictEqual([]);
  expect(pipeline.drain().transitions).toStrictEqual([]);
});

test('each series has its own state of a rule', () => {
  const pipeline = pipelineOf({ rules: [ruleOf({ forMs: 1000 })] });
  pipeline.ingest(readingOf(pipeline, 0, 40, { device: 'a' }), now);
  pipeline.ingest(readingOf(pipeline, 1000, 40, { device: 'b' }), now);
  expect(pipeline.transitions).toStrictEqual([]);
  pipeline.ingest(readingOf(pipeline, 1000, 40, { device: 'a' }), now);
  expect(pipeline.transitions.map(({ series }) => series.device)).toStrictEqual(['a']);
});

test('what a source could not read is taken and lost, so that the sums balance', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [500]);
  pipeline.reject('malformed', 3);
  expect(pipeline.ledger).toMatchObject({ taken: 4, accepted: 1, lostTotal: 3 });
  expectBalanced(pipeline);
});

test('evicted panes take their readings from the reported to the lost, and what is open stays as it was', () => {
  const pipeline = pipelineOf();
  ingestAll(pipeline, [500, 600, 1000]);
  drained(pipeline);
  expect([pipeline.reported, pipeline.open]).toStrictEqual([2, 1]);
  pipeline.evict(2);
  expect([pipeline.reported, pipeline.open]).toStrictEqual([0, 1]);
  expect(pipeline.ledger.losses()).toStrictEqual({ evicted: 2 });
  expectBalanced(pipeline);
});

test('a closed window is kept while a reading may still come for it, and then forgotten', () => {
  const pipeline = pipelineOf({ latenessMs: 10_000 });
  const held: number[] = [];
  for (let second = 0; second < 200; second++) {
    ingestAll(pipeline, [second * 1000]);
    pipeline.drain();
    held.push(pipeline.heldBytes);
  }
  const each = held[1] ?? NaN;
  expect(each).toBeGreaterThan(0);
  expect(held).toStrictEqual(held.map((_, second) => Math.min(second, 10) * each));
  expect(ingestAll(pipeline, [189_000, 188_999])).toStrictEqual([undefined, 'too_late']);
});

test('at the limit of memory the oldest closed windows are given up, and what comes for them is too late, by series', () => {
  const unlimited = new Pipeline(planOf([signalOf({ latenessMs: 1e6 })]));
  const limited = new Pipeline(planOf([signalOf({ latenessMs: 1e6 })], { latenessBytes: 2000 }));
  for (const pipeline of [unlimited, limited]) {
    ingestAll(pipeline, [0, 1000], 'small');
    for (let second = 0; second < 200; second++) ingestAll(pipeline, [second * 1000], 'large');
    drained(pipeline);
  }
  expect(unlimited.heldBytes).toBeGreaterThan(4000);
  expect(limited.heldBytes).toBeLessThanOrEqual(2000);
  expect(limited.heldBytes).toBeGreaterThan(1000);
  expect(limited.heldBytes).toBe(limited.states().reduce((sum, state) => sum + state.heldBytes, 0));
  expect(ingestAll(unlimited, [5000], 'large')).toStrictEqual([undefined]);
  expect(ingestAll(limited, [5000, 198_000], 'large')).toStrictEqual(['too_late', undefined]);
  // The series that holds little keeps it.
  expect(ingestAll(limited, [500], 'small')).toStrictEqual([undefined]);
  expect(drained(limited).toSorted()).toStrictEqual(['large 198000 r1 n2 fresh1', 'small 0 r1 n2 fresh1']);
  const losses = limited.states().map(({ series, losses }) => [series.device, Object.fromEntries(losses)]);
  expect(losses).toStrictEqual([['small', {}], ['large', { too_late: 1 }]]); // prettier-ignore
  expectBalanced(limited);
});

test('a hundred thousand names in an hour are as many series as allowed, and no more memory than that', () => {
  const pipeline = new Pipeline(planOf([signalOf()], { maxSeries: 1000 }));
  let refused = 0;
  for (let i = 0; i < 100_000; i++) {
    const series = pipeline.series.intern(`device-${i}`, 'temperature');
    if (series === undefined) {
      pipeline.reject('too_many_series', 1);
      refused += 1;
    } else pipeline.ingest({ series: series.id, time: i * 36, value: 20, quality: 'good' }, now);
  }
  expect([pipeline.series.size, pipeline.states().length, refused]).toStrictEqual([1000, 1000, 99_000]);
  expect(pipeline.ledger.losses()).toStrictEqual({ too_many_series: 99_000 });
  expectBalanced(pipeline);
});

test('a series that was never interned, or whose signal is not in the plan, is a bug and says so', () => {
  const pipeline = pipelineOf();
  const reading = readingOf(pipelineOf(), 1000);
  expect(() => pipeline.ingest(reading, now)).toThrow(/never interned/);
  expect(() => pipeline.ingest(readingOf(pipeline, 1000, 20, { signal: 'pressure' }), now)).toThrow(
    /no signal "pressure"/,
  );
});

test('the newest reading of a series is known, whether or not an alarm looks at it, and by its event time', () => {
  for (const rules of [[], [ruleOf({ when: 'temperature > 100' })]]) {
    const pipeline = pipelineOf({ rules });
    const newest = () => pipeline.states().map(({ newestTime, newestValue }) => [newestTime, newestValue]);
    for (const [time, value] of [
      [1000, 20],
      [3000, 22],
      [2000, 21],
    ] as const)
      pipeline.ingest(readingOf(pipeline, time, value), now);
    expect(newest()).toStrictEqual([[3000, 22]]);
  }
});
