// What survives a restart with the same plan, and what a changed plan keeps, drops and says about it.

import type { Rule } from '../alert/rule.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pane } from '../model/pane.ts';
import { planOf, readingOf, ruleOf, signalOf, windowOf, type TestSignal } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';
import type { Plan } from './plan.ts';
import { restore, snapshot } from './snapshot.ts';

const now = 1.8e12;
const short = windowOf(1000);
const long = windowOf(10_000);

function ingest(pipeline: Pipeline, times: readonly number[], value = 20): void {
  for (const time of times) expect(pipeline.ingest(readingOf(pipeline, time, value), now)).toBeUndefined();
}

function brief(panes: readonly Pane[]): string[] {
  return panes.map((p) => `${p.window.id} ${p.start} r${p.revision} n${p.count} fresh${p.fresh}`);
}

/** A pipeline of one plan, fed and drained, restored under another. */
function restarted(from: TestSignal, to: Plan, times: readonly number[], value = 20): ReturnType<typeof restore> {
  const pipeline = new Pipeline(planOf([from]));
  ingest(pipeline, times, value);
  pipeline.drain();
  return restore(to, snapshot(pipeline));
}

function expectBalanced(pipeline: Pipeline): void {
  expect(pipeline.open).toBe(pipeline.countOpen());
}

test('a snapshot of a restored pipeline is the same snapshot', () => {
  const pipeline = new Pipeline(planOf([signalOf({ windows: [short, long], latenessMs: 5000, rules: [ruleOf()] })]));
  ingest(pipeline, [500, 1500, 2500], 40);
  pipeline.reject('malformed', 2);
  pipeline.drain();
  const bytes = snapshot(pipeline);
  const { pipeline: restored, dropped } = restore(pipeline.plan, bytes);
  expect(dropped).toStrictEqual([]);
  expect(restored.ledger.losses()).toStrictEqual({ malformed: 2 });
  expect(restored.reported).toBe(2);
  expect([...snapshot(restored)]).toStrictEqual([...bytes]);
});

test('a series that was interned and said nothing yet is in the snapshot too', () => {
  const pipeline = new Pipeline(planOf());
  pipeline.series.intern('oven', 'temperature');
  expect(restore(pipeline.plan, snapshot(pipeline)).pipeline.series.all()).toMatchObject([{ device: 'oven' }]);
});

test('an unknown version is refused, and the message names both', () => {
  const bytes = snapshot(new Pipeline(planOf()));
  bytes[0] = 99;
  expect(() => restore(planOf(), bytes)).toThrow(new RangeError('snapshot version 99, this agent reads 4'));
});

test('a snapshot that ends too early is refused, wherever it was cut', () => {
  const pipeline = new Pipeline(planOf([signalOf({ latenessMs: 5000, rules: [ruleOf()] })]));
  ingest(pipeline, [500, 1500]);
  pipeline.drain();
  const bytes = snapshot(pipeline);
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), (length) => {
      expect(() => restore(pipeline.plan, bytes.subarray(0, length))).toThrow(RangeError);
    }),
  );
});

test('an alert that was on stays on: it does not start again, and it ends', () => {
  const signal = signalOf({ rules: [ruleOf({ forMs: 1000 })] });
  const { pipeline } = restarted(signal, planOf([signal]), [0, 1000], 40);
  ingest(pipeline, [1500], 41);
  expect(pipeline.transitions).toStrictEqual([]);
  ingest(pipeline, [2000], 20);
  expect(pipeline.transitions).toMatchObject([{ state: 'cleared', since: 0, time: 2000 }]);
});

test('an on-delay goes on over the restart', () => {
  const signal = signalOf({ rules: [ruleOf({ forMs: 1000 })] });
  const { pipeline } = restarted(signal, planOf([signal]), [0, 500], 40);
  ingest(pipeline, [1000], 40);
  expect(pipeline.transitions).toMatchObject([{ state: 'firing', since: 0, time: 1000 }]);
});

test('a rule keeps its state when only its severity or actions change, and starts anew when its conditions do', () => {
  const signal = signalOf({ rules: [ruleOf()] });
  const same = signalOf({ rules: [ruleOf({ severity: 'critical', actions: ['horn'] })] });
  const kept = restarted(signal, planOf([same]), [0], 40);
  expect(kept.dropped).toStrictEqual([]);
  expect(kept.pipeline.alerts.views()).toMatchObject([{ phase: 'firing' }]);
  const changes: Partial<Rule>[] = [
    { forMs: 1 },
    { id: 'hot' },
    { when: 'temperature > 35' },
    { clear: 'temperature < 33' },
  ];
  for (const change of changes) {
    const other = restarted(signal, planOf([signalOf({ rules: [ruleOf(change)] })]), [0], 40);
    expect(other.dropped).toStrictEqual(['rule too_hot']);
    expect(other.pipeline.alerts.views()).toMatchObject([{ phase: 'normal' }]);
  }
});

test('a window keeps its state beside another that is taken out, and what is dropped is named', () => {
  const { pipeline, dropped } = restarted(
    signalOf({ windows: [short, long], latenessMs: 5000 }),
    planOf([signalOf({ windows: [short], latenessMs: 5000 })]),
    [500, 1500],
  );
  expect(dropped).toStrictEqual(['oven/temperature 10000ms:tumbling:10000']);
  expect(pipeline.ledger.losses()).toStrictEqual({});
  ingest(pipeline, [600, 2000]);
  expect(brief(pipeline.drain().panes)).toStrictEqual(['1000ms 0 r1 n2 fresh1', '1000ms 1000 r0 n1 fresh1']);
  expectBalanced(pipeline);
});

test('a window that is to compute something else keeps its readings; a percentile asked for anew is undefined in it', () => {
  const before = { ...short, compute: ['mean'] as const };
  const after = { ...short, compute: ['mean', 'max', 'p95'] as const };
  const { pipeline, dropped } = restarted(
    signalOf({ windows: [before], latenessMs: 5000 }),
    planOf([signalOf({ windows: [after], latenessMs: 5000 })]),
    [500, 1500, 2500],
  );
  expect(dropped).toStrictEqual([]);
  // A late reading corrects the whole window, it does not replace it by itself.
  ingest(pipeline, [600], 30);
  const [corrected] = pipeline.drain().panes;
  expect(corrected).toMatchObject({ start: 0, revision: 1, count: 2, values: [25, 30, NaN] });
  expectBalanced(pipeline);
});

test('readings that only a window taken out would have reported are counted as reconfigured', () => {
  const { pipeline, dropped } = restarted(signalOf(), planOf([signalOf({ windows: [long] })]), [500, 1500, 1600]);
  expect(dropped).toStrictEqual(['oven/temperature 1000ms:tumbling:1000']);
  expect(pipeline.ledger.losses()).toStrictEqual({ reconfigured: 2 });
  expect([pipeline.reported, pipeline.open]).toStrictEqual([1, 0]);
  expectBalanced(pipeline);
});

test('where the window that accounts is taken out, the next takes over and reports no reading twice', () => {
  const both = signalOf({ windows: [short, long] });
  const { pipeline } = restarted(both, planOf([signalOf({ windows: [long] })]), [500, 1500, 2500]);
  expect(pipeline.reported).toBe(2);
  expect(pipeline.ledger.losses()).toStrictEqual({ reconfigured: 1 });
  expectBalanced(pipeline);
  ingest(pipeline, [3500, 10_000]);
  expect(brief(pipeline.drain().panes)).toStrictEqual(['10000ms 0 r0 n4 fresh1']);
  expectBalanced(pipeline);
});

test('a window put in front of the one that accounts takes no readings from it', () => {
  const first = restarted(signalOf({ windows: [long] }), planOf([signalOf({ windows: [short, long] })]), [500, 1500]);
  // Once more, under the same plan: who accounts is part of the snapshot.
  const { pipeline } = restore(first.pipeline.plan, snapshot(first.pipeline));
  expect(pipeline.ledger.losses()).toStrictEqual({});
  expectBalanced(pipeline);
  ingest(pipeline, [2500, 10_000]);
  expect(brief(pipeline.drain().panes)).toStrictEqual(['1000ms 2000 r0 n1 fresh0', '10000ms 0 r0 n3 fresh3']);
  expectBalanced(pipeline);
});

test('a signal taken out takes its open readings with it, counted', () => {
  const { pipeline, dropped } = restarted(signalOf(), planOf([signalOf({ signal: 'pressure' })]), [500, 1500]);
  expect(dropped).toStrictEqual(['oven/temperature']);
  expect(pipeline.ledger).toMatchObject({ taken: 2, accepted: 1 });
  expect(pipeline.ledger.losses()).toStrictEqual({ reconfigured: 1 });
  expect(pipeline.series.size).toBe(0);
  expectBalanced(pipeline);
});

test('fewer series than before: those beyond the limit are dropped and counted', () => {
  const pipeline = new Pipeline(planOf());
  for (const device of ['a', 'b', 'c']) pipeline.ingest(readingOf(pipeline, 500, 20, { device }), now);
  const { pipeline: restored, dropped } = restore(planOf([signalOf()], { maxSeries: 2 }), snapshot(pipeline));
  expect(dropped).toStrictEqual(['c/temperature']);
  expect(restored.ledger.losses()).toStrictEqual({ reconfigured: 1 });
  expectBalanced(restored);
});

test('a longer lateness reaches no further back than what is still known, so that no full pane is replaced by a part', () => {
  const { pipeline } = restarted(
    signalOf({ latenessMs: 2000 }),
    planOf([signalOf({ latenessMs: 60_000 })]),
    [500, 1500, 2500, 3500, 4500],
  );
  const again = restore(pipeline.plan, snapshot(pipeline)).pipeline;
  expect(again.ingest(readingOf(again, 2499), now)).toBe('too_late');
  expect(again.ingest(readingOf(again, 2500), now)).toBeUndefined();
  expect(brief(again.drain().panes)).toStrictEqual(['1000ms 2000 r1 n2 fresh1']);
});

test('windows that were due when the snapshot was taken come with the next reading or after the silence', () => {
  const pipeline = new Pipeline(planOf());
  ingest(pipeline, [500, 1500]);
  const bytes = snapshot(pipeline);
  const live = restore(pipeline.plan, bytes).pipeline;
  ingest(live, [1600]);
  expect(brief(live.drain().panes)).toStrictEqual(['1000ms 0 r0 n1 fresh1']);
  const silent = restore(pipeline.plan, bytes).pipeline;
  silent.tick(now + 30_000);
  expect(brief(silent.drain().panes)).toStrictEqual(['1000ms 0 r0 n1 fresh1', '1000ms 1000 r0 n1 fresh1']);
});
