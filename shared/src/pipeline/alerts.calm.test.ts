// An alarm that is calm hears nothing of most readings (`AlertFeed.isCalm`). Here the same alarms hear of all of them, because they
// count samples, one of one: both have to say and be the same, whatever happens.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Rule } from '../alert/rule.ts';
import { operationKinds } from '../model/alert.ts';
import { inputOf, planOf, readingOf, ruleOf, signalOf } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';
import { restore, snapshot } from './snapshot.ts';

const start = 1_800_000_000_000;
const devices = ['oven', 'press'];

const settings = fc.record({
  forMs: fc.constantFrom(0, 3000),
  keepForMs: fc.constantFrom(0, 2000, 60_000),
  remindMs: fc.constantFrom(Infinity, 20_000),
  lateAfterMs: fc.constantFrom(Infinity, 5000),
  latch: fc.boolean(),
  clear: fc.constantFrom(undefined, 'temperature < 40'),
  when: fc.constantFrom(
    'temperature > 50',
    'temperature >= 50 or temperature < 10',
    'temperature < 20',
    'temperature == 50',
  ),
});

const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      device: fc.constantFrom(...devices),
      value: fc.oneof(fc.constantFrom(10, 20, 40, 50), fc.integer({ min: 0, max: 60 })),
      /** Event time against arrival. */
      behind: fc.oneof(fc.constant(0), fc.nat(9000)),
      passes: fc.nat(4000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ door: fc.nat(1), device: fc.constantFrom(...devices) }) },
  { weight: 3, arbitrary: fc.record({ tick: fc.nat(90_000) }) },
  { weight: 1, arbitrary: fc.record({ jump: fc.nat(90_000) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom(...operationKinds), lasts: fc.nat(30_000) }),
  },
  { weight: 2, arbitrary: fc.constant('look' as const) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
);

test('an alarm that hears only what may concern it says and is the same as one that hears everything', () => {
  fc.assert(
    fc.property(settings, fc.array(step, { maxLength: 60 }), (rule, steps) => {
      const pipelineOf = (samples: Rule['samples']): Pipeline => {
        const door = ruleOf({ id: 'door', when: 'door == 1', inputs: [inputOf('door')] });
        const hot = ruleOf({ ...rule, samples, suppressedBy: ['door'] });
        return new Pipeline(planOf([{}, { signal: 'door' }].map(signalOf), { rules: [hot, door] }));
      };
      let lazy = pipelineOf(undefined);
      const eager = pipelineOf({ atLeast: 1, of: 1 });
      let now = start;
      for (const todo of steps) {
        if (todo === 'restart') {
          const bytes = snapshot(lazy);
          lazy = restore(lazy.plan, bytes).pipeline;
          expect(snapshot(lazy)).toEqual(bytes);
        } else {
          if (todo !== 'look') now += 'passes' in todo ? todo.passes : 'tick' in todo ? todo.tick : 0;
          for (const pipeline of [lazy, eager]) {
            if (todo === 'look') continue;
            if ('value' in todo) pipeline.ingest(readingOf(pipeline, now - todo.behind, todo.value, todo), now);
            else if ('door' in todo)
              pipeline.ingest(readingOf(pipeline, now, todo.door, { device: todo.device, signal: 'door' }), now);
            else if ('tick' in todo) pipeline.tick(now);
            else if ('jump' in todo) pipeline.jump(todo.jump);
            else {
              const { kind, lasts } = todo;
              const whom = { rule: 'too_hot', series: undefined, since: undefined, by: 'Ada', comment: '' };
              pipeline.operate({ ...whom, kind, until: kind === 'shelve' ? now + lasts : NaN }, now);
            }
          }
          if (todo !== 'look' && 'jump' in todo) now += todo.jump;
        }
        if (todo === 'look') expect(lazy.alerts.views()).toEqual(eager.alerts.views());
        expect(lazy.drain().transitions).toEqual(eager.drain().transitions);
      }
      expect(lazy.alerts.views()).toEqual(eager.alerts.views());
      // How many there were of late is not kept over a restart.
      const late = { transitionsPerMinute: 0, alarmsPerTenMinutes: 0 };
      expect({ ...lazy.alerts.measures(now), ...late }).toEqual({ ...eager.alerts.measures(now), ...late });
    }),
    { numRuns: 2000 },
  );
});
