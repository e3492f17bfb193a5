// A pipeline stepped through the past as the agent steps it: a tick and a drain for every commit interval of arrival time. While
// nothing arrives, what alarms wait for falls due at its own time.

import type { Plan } from '@weir/shared/pipeline/plan.ts';
import { Pipeline, type Outputs } from '@weir/shared/pipeline/pipeline.ts';
import type { SeriesState } from '@weir/shared/pipeline/series-state.ts';
import type { BlockReading } from '../log/journal-block.ts';

/** A silence after which every window there is has ended. */
const ageMs = 1e14;

export class Run {
  readonly pipeline: Pipeline;
  readonly #commitMs: number;
  /** What readings may be of; what a formula gives is computed anew. */
  readonly #signals: ReadonlySet<string>;
  #now = -Infinity;
  #committed = -Infinity;

  /** @param commitMs arrival time between drains */
  constructor(plan: Plan, commitMs: number) {
    this.pipeline = new Pipeline(plan);
    this.#commitMs = commitMs;
    this.#signals = new Set(
      [...plan.signals.values()].filter(({ derived }) => derived === undefined).map(({ signal }) => signal),
    );
  }

  /** The agent begins to listen. @param arrival epoch milliseconds */
  awake(arrival: number): Outputs {
    const outputs = this.advance(arrival) ?? { panes: [], transitions: [] };
    this.pipeline.awake(arrival);
    return outputs;
  }

  /** Time comes to `arrival`. @returns what fell due, when a commit is due */
  advance(arrival: number): Outputs | undefined {
    this.#now = Math.max(this.#now, arrival);
    if (this.#now - this.#committed < this.#commitMs) return undefined;
    const { pipeline } = this;
    for (let due = pipeline.alerts.nextTick; due < this.#now;) {
      pipeline.tick(due);
      const next = pipeline.alerts.nextTick;
      due = next > due ? next : Infinity;
    }
    this.#committed = this.#now;
    pipeline.tick(this.#now);
    return pipeline.drain();
  }

  /** @returns the series, when the reading was taken */
  take({ device, signal, time, value, quality }: Omit<BlockReading, 'arrival'>): SeriesState | undefined {
    const { pipeline } = this;
    const isMapped = this.#signals.has(signal);
    const series = isMapped ? pipeline.series.intern(device, signal) : undefined;
    if (series === undefined) {
      pipeline.reject(isMapped ? 'too_many_series' : 'unmapped', 1);
      return undefined;
    }
    const refused = pipeline.ingest({ series: series.id, time, value, quality }, this.#now);
    return refused === undefined ? pipeline.states()[series.id] : undefined;
  }

  /** Rules whose detectors have seen too little to call anything strange: so much for them has gone by. */
  learning(): string[] {
    const alarms = this.pipeline.alerts.views();
    const known = Map.groupBy(alarms, ({ rule }) => rule);
    return [...known].filter(([, of]) => of.every(({ learning }) => learning)).map(([rule]) => rule);
  }

  /** Closes everything that is open, so that the last windows are seen. No alarm begins: nothing has happened any more. */
  *end(): Generator<Outputs> {
    const { pipeline } = this;
    yield pipeline.drain();
    // What is computed of series that have fallen silent is a series too, and has to fall silent in its turn.
    for (let isOver = false; !isOver;) {
      this.#now += ageMs;
      pipeline.tick(this.#now);
      isOver = !pipeline.hasWork;
      const { panes, transitions } = pipeline.drain();
      yield { panes, transitions: transitions.filter(({ state }) => state === 'cleared') };
    }
  }
}
