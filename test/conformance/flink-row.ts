// One definition of Apache Flink's as a row: what comes in, and what has to come out of Weir's pipeline at once because of it.

import type { Losses } from '@weir/shared/model/ledger.ts';
import type { Pane, WindowShape } from '@weir/shared/model/pane.ts';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { SignalPlan } from '@weir/shared/pipeline/plan.ts';
import { planOf, readingOf, signalOf, specOf } from '@weir/shared/testing/plans.ts';
import { expect } from 'vitest';

export interface Row {
  /** A sentence. */
  readonly name: string;
  /** Of Flink's documentation. */
  readonly page: string;
  readonly shape: WindowShape;
  readonly signal?: Partial<SignalPlan>;
  /** Milliseconds that the times of the row are counted in; 1 when it does not say. */
  readonly unitMs?: number;
  readonly steps: readonly Step[];
  readonly lost?: Losses;
}

/** What comes in, and all panes that come out because of it, as `[start, end) timing revision: sum`. */
interface Step {
  readonly at: number;
  readonly value: number;
  /** Undefined: no reading, a tick at this arrival time. */
  readonly device: string | undefined;
  readonly panes: readonly string[];
}

export const at = (at: number, ...panes: string[]): Step => ({ at, value: 1, device: 'oven', panes });
export const of = (device: string, at: number, value: number, ...panes: string[]): Step => ({
  at,
  value,
  device,
  panes,
});
export const tick = (at: number, ...panes: string[]): Step => ({ at, value: NaN, device: undefined, panes });

export const tumbling = (sizeMs: number): WindowShape => ({ kind: 'tumbling', sizeMs, zone: undefined });
export const hopping = (sizeMs: number, slideMs: number): WindowShape => ({ kind: 'hopping', sizeMs, slideMs });
export const session = (gapMs: number): WindowShape => ({ kind: 'session', gapMs });

export const minute = 60_000;

export function pipelineOf({ shape, signal }: Pick<Row, 'shape' | 'signal'>): Pipeline {
  const window = specOf(shape, { compute: ['sum'] });
  return new Pipeline(planOf([signalOf({ windows: [window], ...signal })], { maxAheadMs: Infinity }));
}

function said({ series, start, end, timing, revision, retracted, values }: Pane, unitMs: number): string {
  const device = series.device === 'oven' ? '' : `${series.device} `;
  const what = retracted ? 'retracted' : `${timing} ${revision}: ${values[0]}`;
  return `${device}[${start / unitMs}, ${end / unitMs}) ${what}`;
}

export function expectAsWritten(row: Row): void {
  const { unitMs = 1, steps, lost = {} } = row;
  const pipeline = pipelineOf(row);
  let now = 0;
  for (const [index, { at, value, device, panes }] of steps.entries()) {
    if (device === undefined) pipeline.tick((now = at));
    else pipeline.ingest(readingOf(pipeline, at * unitMs, value, { device }), now);
    const out = pipeline.drain().panes.map((pane) => said(pane, unitMs));
    expect(out, `step ${index + 1}, at ${at}`).toStrictEqual(panes);
  }
  expect(pipeline.ledger.losses()).toStrictEqual(lost);
}

/** As text of its own: of a field, the name of a test shows the beginning only. */
export function titled(rows: readonly Row[]): [string, Row][] {
  return rows.map((row) => [`${row.name} (${row.page})`, row]);
}
