import { expect, test } from 'vitest';
import { planOf, ruleOf, signalOf, windowOf } from '../testing/plans.ts';
import { isSamePlan, planFromJson, planToJson } from './plan-json.ts';

test('a plan reads back as it was, bounds that are not there included', () => {
  const clear = { signal: 'temperature', operator: '<', limit: 20 } as const;
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

test('what is no plan, or one of another version, is none', () => {
  for (const text of ['', '{}', 'null', planToJson(planOf()).replace('"version":1', '"version":2')]) {
    expect(planFromJson(text), text).toBeUndefined();
  }
});

test('plans are the same whatever the order of their fields, and not when anything differs', () => {
  const plan = planOf([signalOf({ rules: [ruleOf({})] })]);
  const { maxSeries, maxAheadMs, idleAfterMs, signals } = plan;
  const reordered = new Map(
    [...signals].map(([name, { rules, windows, ...rest }]) => [name, { rules, windows, ...rest }]),
  );
  expect(isSamePlan(plan, { signals: reordered, maxSeries, maxAheadMs, idleAfterMs })).toBe(true);
  expect(isSamePlan(plan, planFromJson(planToJson(plan)) ?? planOf([]))).toBe(true);
  expect(isSamePlan(plan, { ...plan, idleAfterMs: idleAfterMs + 1 })).toBe(false);
  expect(isSamePlan(plan, planOf([signalOf({ rules: [] })]))).toBe(false);
});
