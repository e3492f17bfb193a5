// Plans and readings for tests, with everything that a test does not speak about filled in.

import type { Rule, RuleInput } from '../alert/rule.ts';
import type { Statistic, WindowShape, WindowSpec } from '../model/pane.ts';
import type { Reading } from '../model/reading.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Plan, SignalPlan } from '../pipeline/plan.ts';

/** A tumbling window aligned to UTC. */
export function windowOf(sizeMs: number, compute: readonly Statistic[] = ['mean']): WindowSpec {
  return specOf({ kind: 'tumbling', sizeMs, zone: undefined }, { id: `${sizeMs}ms`, compute });
}

export function specOf(shape: WindowShape, spec: Partial<WindowSpec> = {}): WindowSpec {
  return { id: idOf(shape), shape, compute: ['mean'], earlyEveryMs: 0, lateEveryMs: 0, ...spec };
}

function idOf(shape: WindowShape): string {
  switch (shape.kind) {
    case 'tumbling':
      return `${shape.sizeMs}ms${shape.zone === undefined ? '' : `@${shape.zone}`}`;
    case 'hopping':
      return `${shape.sizeMs}ms/${shape.slideMs}ms`;
    case 'session':
      return `session-${shape.gapMs}ms`;
    case 'count':
      return `count-${shape.size}`;
  }
}

export function ruleOf(rule: Partial<Rule> = {}): Rule {
  return {
    id: 'too_hot',
    when: 'temperature > 34',
    clear: undefined,
    inputs: [{ variable: 'temperature', device: undefined, signal: 'temperature' }],
    perGateway: false,
    samples: undefined,
    detector: 'auto',
    alarmsPerWeek: 1,
    learnMs: 0,
    forMs: 0,
    keepForMs: 0,
    latch: false,
    remindMs: Infinity,
    onLate: 'record',
    lateAfterMs: Infinity,
    holdsChatter: true,
    suppressedBy: [],
    severity: 'warning',
    actions: ['log'],
    ...rule,
  };
}

/** An input of the same name as the signal, of whatever device. */
export function inputOf(signal: string, device?: string): RuleInput {
  return { variable: signal, device, signal };
}

/** A signal with rules of its own, which the plan gathers. */
export type TestSignal = SignalPlan & { readonly rules: readonly Rule[] };

export function signalOf(signal: Partial<TestSignal> = {}): TestSignal {
  return {
    signal: 'temperature',
    gain: 1,
    offset: 0,
    range: [-Infinity, Infinity],
    maxStepPerSecond: Infinity,
    stuckAfterMs: Infinity,
    missingAfterMs: Infinity,
    expectMs: NaN,
    useUncertain: false,
    mayRepeat: false,
    on: { operator: '!=', limit: 0 },
    derived: undefined,
    disorderMs: 0,
    latenessMs: 0,
    windows: [windowOf(1000)],
    devices: [],
    rules: [],
    ...signal,
  };
}

export function planOf(signals: readonly TestSignal[] = [signalOf()], plan: Partial<Plan> = {}): Plan {
  return {
    signals: new Map(
      signals.map((signal) => {
        const { rules: _, ...plain } = signal;
        return [signal.signal, plain];
      }),
    ),
    rules: signals.flatMap(({ rules }) => rules),
    maxAheadMs: 300_000,
    idleAfterMs: 30_000,
    maxSeries: 100,
    latenessBytes: Infinity,
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
