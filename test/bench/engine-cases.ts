// What `npm run bench engine` measures.

import type { Rule } from '@weir/shared/alert/rule.ts';
import type { Statistic, WindowSpec } from '@weir/shared/model/pane.ts';

export interface EngineCase {
  readonly name: string;
  readonly series: number;
  readonly readings: number;
  readonly windows: readonly WindowSpec[];
  readonly rules?: readonly Rule[];
  /** Of the readings, the share that comes up to `disorderMs` late. */
  readonly outOfOrder?: number;
  readonly disorderMs: number;
  /** A series says nothing for the second part of each such period. */
  readonly silence?: { readonly everyS: number; readonly forS: number };
}

const plain: readonly Statistic[] = ['mean', 'min', 'max'];
const withP95: readonly Statistic[] = [...plain, 'p95'];
const ordered: readonly Statistic[] = [...plain, 'time_mean', 'duty'];

const common = { earlyEveryMs: 0, lateEveryMs: 0 };

function tumbling(compute: readonly Statistic[]): WindowSpec {
  return { id: '1m', shape: { kind: 'tumbling', sizeMs: 60_000, zone: undefined }, compute, ...common };
}

function hopping(compute: readonly Statistic[]): WindowSpec {
  return { id: '1h/1m', shape: { kind: 'hopping', sizeMs: 3_600_000, slideMs: 60_000 }, compute, ...common };
}

const session: WindowSpec = { id: 'session-10s', shape: { kind: 'session', gapMs: 10_000 }, compute: plain, ...common };
const count: WindowSpec = { id: 'count-60', shape: { kind: 'count', size: 60 }, compute: plain, ...common };

const tooHot: Rule = {
  id: 'too_hot',
  when: 'temperature > 34',
  clear: 'temperature < 33',
  inputs: [{ variable: 'temperature', device: undefined, signal: 'temperature' }],
  perGateway: false,
  samples: undefined,
  detector: 'auto',
  alarmsPerWeek: 1,
  learnMs: 0,
  forMs: 10_000,
  keepForMs: 0,
  latch: false,
  remindMs: Infinity,
  onLate: 'record',
  lateAfterMs: 300_000,
  holdsChatter: true,
  suppressedBy: [],
  severity: 'critical',
  actions: ['log'],
};

const usual = { series: 1000, readings: 6_000_000, disorderMs: 5000 };

export const engineCases: readonly EngineCase[] = [
  { name: 'tumbling', ...usual, windows: [tumbling(plain)] },
  { name: 'tumbling-p95', ...usual, windows: [tumbling(withP95)] },
  { name: 'tumbling-p95-rule', ...usual, windows: [tumbling(withP95)], rules: [tooHot] },
  { name: 'tumbling-ordered', ...usual, windows: [tumbling(ordered)] },
  { name: 'hopping-1h-1m', ...usual, windows: [hopping(plain)] },
  { name: 'hopping-1h-1m-p95', ...usual, windows: [hopping(withP95)] },
  { name: 'tumbling+hopping', ...usual, windows: [tumbling(plain), hopping(plain)] },
  { name: 'session', ...usual, windows: [session], silence: { everyS: 70, forS: 20 } },
  { name: 'count', ...usual, windows: [count] },
  { name: 'out-of-order-20pct', ...usual, windows: [tumbling(plain)], outOfOrder: 0.2 },
  { name: 'out-of-order-20pct-p95', ...usual, windows: [tumbling(withP95)], outOfOrder: 0.2 },
  { name: 'series-100k', ...usual, series: 100_000, windows: [tumbling(plain)] },
  { name: 'series-100k-p95', ...usual, series: 100_000, windows: [tumbling(withP95)] },
];
