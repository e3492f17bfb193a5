// Plans and readings for tests, with everything that a test does not speak about filled in.

import type { Rule } from '../alert/rule.ts';
import type { Statistic, WindowSpec } from '../model/pane.ts';
import type { Reading } from '../model/reading.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Plan, SignalPlan } from '../pipeline/plan.ts';

export function windowOf(sizeMs: number, compute: readonly Statistic[] = ['mean']): WindowSpec {
  return { id: `${sizeMs}ms`, sizeMs, compute };
}

export function ruleOf(rule: Partial<Rule> = {}): Rule {
  return {
    id: 'too_hot',
    when: { signal: 'temperature', operator: '>', limit: 34 },
    clear: undefined,
    forMs: 0,
    severity: 'warning',
    actions: ['log'],
    ...rule,
  };
}

export function signalOf(signal: Partial<SignalPlan> = {}): SignalPlan {
  return {
    signal: 'temperature',
    range: [-Infinity, Infinity],
    disorderMs: 0,
    latenessMs: 0,
    windows: [windowOf(1000)],
    rules: [],
    ...signal,
  };
}

export function planOf(signals: readonly SignalPlan[] = [signalOf()], plan: Partial<Plan> = {}): Plan {
  return {
    signals: new Map(signals.map((signal) => [signal.signal, signal])),
    maxAheadMs: 300_000,
    idleAfterMs: 30_000,
    maxSeries: 100,
    ...plan,
  };
}

/** A reading of `oven/temperature`, or of another series of the pipeline. */
export function readingOf(
  pipeline: Pipeline,
  time: number,
  value = 20,
  { device = 'oven', signal = 'temperature' } = {},
): Reading {
  const series = pipeline.series.intern(device, signal);
  if (series === undefined) throw new RangeError('the series table is full');
  return { series: series.id, time, value, quality: 'good' };
}
