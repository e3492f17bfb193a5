// All alarms of a gateway together: which readings they look at, what explains what, what operators do, what is counted.

import { describe, expect, test } from 'vitest';
import type { Rule } from '../alert/rule.ts';
import type { Operation, Transition } from '../model/alert.ts';
import { inputOf, planOf, readingOf, ruleOf, signalOf, type TestSignal } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';
import { reconfigure } from './reconfigure.ts';
import { restore, snapshot } from './snapshot.ts';

const start = 1_800_000_000_000;
const minute = 60_000;

function pipelineOf(rules: readonly Rule[], signals: readonly Partial<TestSignal>[] = [{}]): Pipeline {
  return new Pipeline(planOf(signals.map(signalOf), { rules }));
}

function say(pipeline: Pipeline, at: number, value: number, device = 'oven', signal = 'temperature'): void {
  expect(pipeline.ingest(readingOf(pipeline, at, value, { device, signal }), at)).toBeUndefined();
}

/** What was said since the last time, as `rule device state`, with why nobody is told. */
function told(pipeline: Pipeline): string[] {
  return pipeline
    .drain()
    .transitions.map(({ rule, series, state, quiet }) => [rule, series.device, state, quiet].join(' ').trim());
}

function operation(kind: Operation['kind'], rule: string, more: Partial<Operation> = {}): Operation {
  return { kind, rule, series: undefined, since: undefined, until: NaN, by: 'Ada', comment: '', ...more };
}

function silence(id: string, more: Partial<Rule> = {}): Rule {
  return ruleOf({ id, when: 'silent(temperature for 5m)', ...more });
}

test('every device has its own alarm of a rule', () => {
  const pipeline = pipelineOf([ruleOf()]);
  say(pipeline, start, 40, 'a');
  say(pipeline, start, 20, 'b');
  say(pipeline, start + 1, 40, 'b');
  say(pipeline, start + 2, 20, 'a');
  expect(told(pipeline)).toEqual(['too_hot a firing', 'too_hot b firing', 'too_hot a cleared']);
});

describe('a condition of several signals', () => {
  const signals = [{}, { signal: 'door' }];

  test('looks at the newest of each, of the same device, once all have said something', () => {
    const inputs = [inputOf('temperature'), inputOf('door')];
    const pipeline = pipelineOf([ruleOf({ when: 'temperature > 34 and door == 1', inputs })], signals);
    say(pipeline, start, 40, 'a');
    say(pipeline, start + 1, 1, 'b', 'door');
    expect(told(pipeline)).toEqual([]);
    say(pipeline, start + 2, 1, 'a', 'door');
    say(pipeline, start + 3, 0, 'a', 'door');
    expect(told(pipeline)).toEqual(['too_hot a firing', 'too_hot a cleared']);
  });

  test('may name the device of one: then it is in the alarms of all devices, whoever speaks first', () => {
    const inputs = [inputOf('temperature'), { variable: 'lid', device: 'hall', signal: 'door' }];
    for (const isFirst of [true, false]) {
      const pipeline = pipelineOf([ruleOf({ when: 'temperature > 34 and lid == 1', inputs })], signals);
      if (isFirst) say(pipeline, start, 1, 'hall', 'door');
      say(pipeline, start, 40, 'a');
      say(pipeline, start, 40, 'b');
      if (!isFirst) say(pipeline, start, 1, 'hall', 'door');
      expect(told(pipeline)).toEqual(['too_hot a firing', 'too_hot b firing']);
    }
  });

  test('has one alarm where the devices of all are named', () => {
    const inputs = [inputOf('temperature', 'oven'), inputOf('door', 'hall')];
    const pipeline = pipelineOf([ruleOf({ when: 'temperature > 34 and door == 1', inputs })], signals);
    say(pipeline, start, 40, 'fridge');
    say(pipeline, start, 1, 'hall', 'door');
    expect(told(pipeline)).toEqual([]);
    say(pipeline, start, 40, 'oven');
    expect(told(pipeline)).toEqual(['too_hot oven firing']);
  });
});

describe('silence', () => {
  test('is told by the clock, and ends with the next reading, also one that comes late', () => {
    const pipeline = pipelineOf([silence('lost')], [{ latenessMs: 60 * minute }]);
    say(pipeline, start, 20);
    pipeline.tick(start + 5 * minute - 1);
    expect(pipeline.transitions).toEqual([]);
    pipeline.tick(start + 5 * minute);
    expect(told(pipeline)).toEqual(['lost oven firing']);
    pipeline.ingest(readingOf(pipeline, start - minute, 20), start + 6 * minute);
    expect(pipeline.alerts.views()).toMatchObject([{ phase: 'normal' }]);
  });

  test('of a device that must be there counts from the start, though it never said a thing', () => {
    const pipeline = pipelineOf([silence('lost')], [{ devices: ['oven'] }]);
    pipeline.awake(start);
    pipeline.tick(start + 5 * minute);
    expect(told(pipeline)).toEqual(['lost oven firing']);
  });

  test('does not count while the agent was away', () => {
    const first = pipelineOf([silence('lost')]);
    say(first, start, 20);
    first.drain();
    const { pipeline } = restore(first.plan, snapshot(first));
    pipeline.awake(start + 60 * minute);
    pipeline.tick(start + 64 * minute);
    expect(told(pipeline)).toEqual([]);
    pipeline.tick(start + 65 * minute);
    expect(told(pipeline)).toEqual(['lost oven firing']);
  });

  test('gateway down: one alarm, not 51; and when all come back one by one, none', () => {
    const deaf = silence('deaf', { perGateway: true });
    const pipeline = pipelineOf([silence('lost', { suppressedBy: ['deaf'] }), deaf]);
    for (let device = 0; device < 50; device++) say(pipeline, start, 20, `d${device}`);
    pipeline.tick(start + 10 * minute);
    const { transitions } = pipeline.drain();
    expect(transitions.filter(({ quiet }) => quiet === '').map(({ rule }) => rule)).toEqual(['deaf']);
    expect(transitions.filter(({ quiet }) => quiet === 'suppressed')).toHaveLength(50);
    for (let device = 0; device < 50; device++) {
      say(pipeline, start + 10 * minute + device * 100, 20, `d${device}`);
      pipeline.tick(start + 10 * minute + device * 100 + 50);
    }
    pipeline.tick(start + 11 * minute);
    expect(pipeline.drain().transitions.filter(({ quiet }) => quiet === '')).toMatchObject([
      { rule: 'deaf', state: 'cleared' },
    ]);
  });
});

describe('operators', () => {
  test('acknowledge one alarm, and only the episode they have seen', () => {
    const pipeline = pipelineOf([ruleOf()]);
    say(pipeline, start, 40, 'a');
    say(pipeline, start, 40, 'b');
    pipeline.drain();
    const series = { device: 'a', signal: 'temperature' };
    expect(pipeline.operate(operation('acknowledge', 'too_hot', { series, since: start - 1 }), start + 1)).toBe(0);
    expect(pipeline.operate(operation('acknowledge', 'too_hot', { series, since: start }), start + 1)).toBe(1);
    expect(pipeline.drain().transitions).toMatchObject([
      { state: 'acknowledged', series, by: 'Ada', since: start, time: start + 1 },
    ]);
    expect(pipeline.alerts.views().map(({ acknowledged }) => acknowledged)).toEqual([true, false]);
    expect(pipeline.operate(operation('acknowledge', 'too_cold'), start + 1), 'no such rule').toBeUndefined();
  });

  test('shelve a whole rule: alarms that come later are shelved, too, until it is over', () => {
    const pipeline = pipelineOf([ruleOf()]);
    say(pipeline, start, 20, 'a');
    pipeline.operate(operation('shelve', 'too_hot', { until: start + minute }), start);
    say(pipeline, start + 1, 40, 'b');
    expect(told(pipeline)).toEqual(['too_hot a shelved', 'too_hot b firing shelved']);
    pipeline.tick(start + minute);
    expect(told(pipeline)).toEqual(['too_hot a unshelved', 'too_hot b unshelved', 'too_hot b firing']);
  });

  test('take a rule out of service; that outlives a restart and a change of the rule', () => {
    const pipeline = pipelineOf([ruleOf()]);
    say(pipeline, start, 40);
    pipeline.operate(operation('disable', 'too_hot'), start);
    expect(told(pipeline)).toEqual(['too_hot oven firing', 'too_hot oven disabled']);
    const changed = planOf([signalOf()], { rules: [ruleOf({ when: 'temperature > 30' })] });
    const { pipeline: next, cleared } = reconfigure(pipeline, changed);
    expect(cleared.map(({ state, series }) => [state, series.device])).toEqual([['cleared', 'oven']]);
    say(next, start + 1, 40);
    say(next, start + 1, 40, 'fridge');
    expect(told(next)).toEqual(['too_hot oven firing disabled', 'too_hot fridge firing disabled']);
    next.operate(operation('enable', 'too_hot'), start + 2);
    expect(told(next)).toEqual([
      'too_hot oven enabled',
      'too_hot oven firing',
      'too_hot fridge enabled',
      'too_hot fridge firing',
    ]);
  });
});

test('who speaks for the first time when a shelf is over is not born into it, also after a restart', () => {
  const { plan } = pipelineOf([ruleOf()]);
  for (const isRestarted of [false, true]) {
    let one = new Pipeline(plan);
    say(one, start, 20, 'a');
    one.operate(operation('shelve', 'too_hot', { until: start + minute }), start + 1);
    expect(told(one)).toEqual(['too_hot a shelved']);
    if (isRestarted) one = restore(plan, snapshot(one)).pipeline;
    say(one, start + 30_000, 40, 'b');
    expect(told(one)).toEqual(['too_hot b firing shelved']);
    say(one, start + 2 * minute, 40, 'c');
    expect(told(one)).toEqual(['too_hot c firing']);
  }
});

test('a rule that explains others comes before them, wherever it stands in the file', () => {
  const power = ruleOf({ id: 'power', when: 'temperature > 30' });
  for (const rules of [
    [power, ruleOf({ suppressedBy: ['power'] })],
    [ruleOf({ suppressedBy: ['power'] }), power],
  ]) {
    const pipeline = pipelineOf(rules);
    say(pipeline, start, 20);
    say(pipeline, start + 1, 40);
    expect(told(pipeline)).toEqual(['power oven firing', 'too_hot oven firing suppressed']);
  }
});

test('what is on when its explanation has gone is told, though nothing more is heard', () => {
  const rules = [silence('lost', { suppressedBy: ['deaf'] }), silence('deaf', { perGateway: true })];
  const pipeline = pipelineOf(rules);
  for (const device of ['a', 'b']) say(pipeline, start, 60, device);
  pipeline.tick(start + 5 * minute);
  say(pipeline, start + 6 * minute, 60, 'a');
  told(pipeline);
  pipeline.tick(start + 6 * minute + 9_999);
  expect(told(pipeline)).toEqual([]);
  pipeline.tick(start + 6 * minute + 10_000);
  expect(told(pipeline)).toEqual(['lost b unsuppressed suppressed', 'lost b firing']);
});

test('explains only alarms of its own device', () => {
  const pipeline = pipelineOf([ruleOf({ id: 'power', when: 'temperature > 90' }), ruleOf({ suppressedBy: ['power'] })]);
  say(pipeline, start, 95, 'a');
  say(pipeline, start, 40, 'b');
  expect(told(pipeline)).toEqual(['power a firing', 'too_hot a firing suppressed', 'too_hot b firing']);
});

test('three of the last five readings is not one', () => {
  const pipeline = pipelineOf([ruleOf({ samples: { atLeast: 3, of: 5 } })]);
  const values = [40, 20, 40, 20, 20, 40, 20, 40, 40, 20, 20, 20];
  for (const [index, value] of values.entries()) say(pipeline, start + index, value);
  expect(pipeline.drain().transitions.map(({ state, time }) => [state, time - start])).toEqual([
    ['firing', 8],
    ['cleared', 10],
  ]);
});

test('an anomaly is told with its reason, once an episode, and no more often than it may', () => {
  const pipeline = pipelineOf([ruleOf({ id: 'odd', when: 'anomaly(temperature)', keepForMs: 600_000 })]);
  let at = start;
  for (let index = 0; index < 3000; index++) say(pipeline, (at += 1000), 20 + Math.sin(index / 7));
  expect(told(pipeline)).toEqual([]);
  for (let index = 0; index < 20; index++) say(pipeline, (at += 1000), 40);
  const found: readonly Transition[] = pipeline.drain().transitions;
  expect(found).toMatchObject([{ rule: 'odd', state: 'firing', value: 40 }]);
  expect(found[0]?.reason).toMatch(/^temperature: 40 /);
});

test('what is wild for good costs a few alarms, and not one an hour', () => {
  const pipeline = pipelineOf([ruleOf({ id: 'odd', when: 'anomaly(temperature)', keepForMs: 600_000 })]);
  let at = start;
  let alarms = 0;
  for (let index = 0; index < 7 * 1440; index++) {
    // Every two hours somewhere it has never been.
    say(pipeline, (at += minute), index % 120 === 119 ? 100 + ((index * 7919) % 1009) * 3 : 20 + (index % 5));
    alarms += pipeline.drain().transitions.filter(({ state, quiet }) => state === 'firing' && quiet === '').length;
  }
  expect(alarms).toBeGreaterThanOrEqual(1);
  expect(alarms).toBeLessThanOrEqual(12);
});

test('how the alarm system does is measured: what is on, what nobody was told of, and how often', () => {
  const late = ruleOf({ id: 'late', lateAfterMs: minute });
  const pipeline = pipelineOf([ruleOf(), late]);
  pipeline.ingest(readingOf(pipeline, start, 40), start + 2 * minute);
  expect(told(pipeline)).toEqual(['too_hot oven firing', 'late oven firing late']);
  pipeline.operate(operation('acknowledge', 'too_hot'), start + 2 * minute);
  expect(pipeline.alerts.measures(start + 2 * minute)).toEqual({
    firing: 2,
    unacknowledged: 1,
    shelved: 0,
    suppressed: 0,
    disabled: 0,
    stale: 0,
    chattering: 0,
    transitionsPerMinute: 3,
    alarmsPerTenMinutes: 2,
    quiet: new Map([['late', 1]]),
  });
  expect(pipeline.alerts.measures(start + 25 * 60 * minute)).toMatchObject({ stale: 2, alarmsPerTenMinutes: 0 });
});
