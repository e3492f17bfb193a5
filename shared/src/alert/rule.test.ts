// The rule's states: by example, and against a model that looks back over all it has seen.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { SeriesTable, type Series } from '../model/series.ts';
import { ruleOf } from '../testing/plans.ts';
import { holds } from './comparison.ts';
import { compileRule, RuleAlarm, type Rule } from './rule.ts';

const series = new SeriesTable(1).intern('oven', 'temperature') as Series;
const below33 = 'temperature < 33';

interface Step {
  readonly time: number;
  readonly value: number;
}

function alarmOf(rule: Rule = ruleOf()): RuleAlarm {
  return new RuleAlarm(compileRule(rule), series, -Infinity);
}

/** What the rule says, as `state time since`. */
function run(alarm: RuleAlarm, steps: readonly Step[]): string[] {
  const said: string[] = [];
  for (const { time, value } of steps)
    alarm.observe(0, time, value, time, (state, at, since) => said.push(`${state} ${at} ${since}`));
  return said;
}

function steps(...pairs: [time: number, value: number][]): Step[] {
  return pairs.map(([time, value]) => ({ time, value }));
}

test('without an on-delay the alert starts with the breach and ends where it ends', () => {
  expect(run(alarmOf(ruleOf()), steps([1, 34], [2, 35], [3, 36], [4, 34], [5, 35]))).toStrictEqual([
    'firing 2 2',
    'cleared 4 2',
    'firing 5 5',
  ]);
});

test('the on-delay is event time: the alert starts when the breach has lasted so long, not a moment before', () => {
  expect(run(alarmOf(ruleOf({ forMs: 10 })), steps([0, 35], [9, 35], [10, 35], [11, 35]))).toStrictEqual([
    'firing 10 0',
  ]);
});

test('one value within the limit starts the on-delay again', () => {
  expect(run(alarmOf(ruleOf({ forMs: 10 })), steps([0, 35], [9, 34], [10, 35], [19, 35], [20, 35]))).toStrictEqual([
    'firing 20 10',
  ]);
});

test('the deadband keeps the alert until the clear condition holds', () => {
  expect(
    run(alarmOf(ruleOf({ clear: below33 })), steps([1, 35], [2, 33.5], [3, 33], [4, 32.9], [5, 33.5])),
  ).toStrictEqual(['firing 1 1', 'cleared 4 1']);
});

test('a signal that trembles on the limit within the deadband makes one alert', () => {
  const noise = fc.array(fc.double({ min: 33, max: 35, noNaN: true }), { minLength: 1, maxLength: 200 });
  fc.assert(
    fc.property(noise, (values) => {
      const trembling = [35, ...values].map((value, time) => ({ time, value }));
      expect(run(alarmOf(ruleOf({ clear: below33 })), trembling)).toStrictEqual(['firing 0 0']);
    }),
  );
});

test('a reading older than the newest changes nothing, one of the same time does', () => {
  const state = alarmOf(ruleOf());
  expect(run(state, steps([10, 30], [9, 99], [10, 35]))).toStrictEqual(['firing 10 10']);
  expect(run(state, steps([9, 0], [9.999, 0], [10, 0]))).toStrictEqual(['cleared 10 10']);
});

test('whether the alert is on can be asked', () => {
  const state = alarmOf(ruleOf());
  expect(state.alarm.firing).toBe(false);
  run(state, steps([1, 35]));
  expect(state.alarm.firing).toBe(true);
  run(state, steps([2, 30]));
  expect(state.alarm.firing).toBe(false);
});

/** What `ruleOf` asks. */
const isHot = (value: number): boolean => holds({ operator: '>', limit: 34 }, value);

// The model keeps every in-order reading and asks: on for how long without a break?
function model(rule: Rule, all: readonly Step[]): string[] {
  const said: string[] = [];
  let since: number | undefined;
  let isOn = false;
  let newest = -Infinity;
  for (const { time, value } of all) {
    if (time < newest) continue;
    newest = time;
    if (isOn) {
      const over = rule.clear === undefined ? !isHot(value) : value < 33;
      if (!over) continue;
      said.push(`cleared ${time} ${since}`);
      [isOn, since] = [false, undefined];
      continue;
    }
    since = isHot(value) ? (since ?? time) : undefined;
    if (since === undefined || time - since < rule.forMs) continue;
    said.push(`firing ${time} ${since}`);
    isOn = true;
  }
  return said;
}

test('the states agree with the model for any readings, in any order, restored at any point', () => {
  const step = fc.record({ time: fc.nat({ max: 60 }), value: fc.integer({ min: 30, max: 37 }) });
  const rising = fc.array(step, { maxLength: 60 }).map((all) => all.toSorted((a, b) => a.time - b.time));
  const clear = fc.constantFrom(undefined, below33);
  fc.assert(
    fc.property(
      fc.oneof(rising, fc.array(step, { maxLength: 60 })),
      fc.constantFrom(0, 1, 5, 20),
      clear,
      fc.nat({ max: 60 }),
      (all, forMs, clear, cut) => {
        const rule = ruleOf({ forMs, clear });
        const before = alarmOf(rule);
        const said = run(before, all.slice(0, cut));
        const to = new ByteWriter();
        before.write(to);
        const after = alarmOf(rule);
        after.read(new ByteReader(to.take()));
        expect(after.alarm.firing).toBe(before.alarm.firing);
        expect([...said, ...run(after, all.slice(cut))]).toStrictEqual(model(rule, all));
      },
    ),
    { numRuns: 500 },
  );
});
