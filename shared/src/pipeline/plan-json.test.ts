import { expect, test } from 'vitest';
import { planOf, ruleOf, signalOf, windowOf } from '../testing/plans.ts';
import { planFromJson, planToJson } from './plan-json.ts';

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
