import { expect, test } from 'vitest';
import { planOf, ruleOf, signalOf, specOf, windowOf } from '../testing/plans.ts';
import { isSamePlan, planFromJson, planToJson } from './plan-json.ts';

test('a plan reads back as it was, bounds that are not there included', () => {
  const clear = 'temperature < 20';
  const plan = planOf([
    signalOf({
      windows: [windowOf(1000), windowOf(5000)],
      rules: [ruleOf({ clear }), ruleOf({ id: 'other', clear: undefined })],
    }),
    signalOf({ signal: 'pressure', range: [-Infinity, 16] }),
    signalOf({ signal: 'flow', range: [0, Infinity] }),
  ]);
  expect(planFromJson(planToJson(plan))).toStrictEqual(plan);
});

test('a plan with every kind of window, and with a signal computed of others, reads back as it was', () => {
  const every = {
    gain: 1.8,
    offset: 32,
    maxStepPerSecond: 5,
    stuckAfterMs: 60_000,
    missingAfterMs: 10_000,
    expectMs: 1000,
    useUncertain: true,
    mayRepeat: true,
    on: { operator: '>=', limit: 1 } as const,
    windows: [
      specOf({ kind: 'tumbling', sizeMs: 86_400_000, zone: 'Europe/Zurich' }, { earlyEveryMs: 1000 }),
      specOf({ kind: 'hopping', sizeMs: 3_600_000, slideMs: 60_000 }, { lateEveryMs: 1000 }),
      specOf({ kind: 'session', gapMs: 1000 }),
      specOf({ kind: 'count', size: 3 }),
    ],
  };
  const inputs = [
    { variable: 't', device: 'oven', signal: 'temperature' },
    { variable: 'pressure', device: undefined, signal: 'pressure' },
  ];
  const derived = { expression: 't - pressure', inputs, alignMs: 1000, device: 'line' };
  const plan = planOf([signalOf(every), signalOf({ signal: 'spread', derived })], { latenessBytes: 1e6 });
  expect(planFromJson(planToJson(plan))).toStrictEqual(plan);
});

test('what is no plan, or one of another version, is none', () => {
  for (const text of ['', '{}', 'null', planToJson(planOf()).replace('"version":3', '"version":1')]) {
    expect(planFromJson(text), text).toBeUndefined();
  }
});

test('plans are the same whatever the order of their fields, and not when anything differs', () => {
  const plan = planOf([signalOf({ rules: [ruleOf({})] })]);
  const { maxSeries, maxAheadMs, idleAfterMs, latenessBytes, signals, rules } = plan;
  const reordered = new Map([...signals].map(([name, { windows, ...rest }]) => [name, { windows, ...rest }]));
  expect(isSamePlan(plan, { latenessBytes, rules, signals: reordered, maxSeries, maxAheadMs, idleAfterMs })).toBe(true);
  expect(isSamePlan(plan, planFromJson(planToJson(plan)) ?? planOf([]))).toBe(true);
  expect(isSamePlan(plan, { ...plan, idleAfterMs: idleAfterMs + 1 })).toBe(false);
  expect(isSamePlan(plan, planOf([signalOf({ rules: [] })]))).toBe(false);
});
