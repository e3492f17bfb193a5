// The core: readings in, panes and alert transitions out.
//
// It has three inputs only: a reading (with its arrival time), a refusal by a source, and a tick. No clock, no I/O, no
// randomness: the same inputs in the same order give the same outputs, which is what recovery by replay, `weir-agent
// replay` and every test stand on. Transitions are there at once; panes wait for `drain`, which the shell calls at each
// commit, so that any number of late readings between two commits cost one revision.

import type { Transition } from '../model/alert.ts';
import { Ledger } from '../model/ledger.ts';
import type { Pane } from '../model/pane.ts';
import type { LossReason, Reading } from '../model/reading.ts';
import { SeriesTable } from '../model/series.ts';
import { refusal } from './gate.ts';
import type { Plan } from './plan.ts';
import { SeriesState } from './series-state.ts';

export interface Outputs {
  readonly panes: Pane[];
  readonly transitions: Transition[];
}

export class Pipeline {
  readonly plan: Plan;
  readonly series: SeriesTable;
  readonly ledger = new Ledger();
  /** Panes' `fresh` counts summed over everything ever drained. */
  reported = 0;
  readonly #states: SeriesState[] = [];
  /** Series with a window due, each once. */
  readonly #due: SeriesState[] = [];
  #transitions: Transition[] = [];

  constructor(plan: Plan) {
    this.plan = plan;
    this.series = new SeriesTable(plan.maxSeries);
  }

  /** Transitions since the last drain, in order: the shell acts on them before anything else happens. */
  get transitions(): readonly Transition[] {
    return this.#transitions;
  }

  /** @returns why the reading was refused; it is in the ledger already */
  ingest(reading: Reading, arrival: number): LossReason | undefined {
    this.ledger.take();
    const state = this.#states[reading.series] ?? this.#state(reading);
    const { time, value } = reading;
    const reason = refusal(reading, arrival, state, this.plan);
    if (reason !== undefined) {
      this.ledger.lose(reason);
      return reason;
    }
    state.lastArrival = arrival;
    state.watermark.observe(time);
    for (const rule of state.rules) {
      const transition = rule.evaluate(time, value, state.series);
      if (transition !== undefined) this.#transitions.push(transition);
    }
    if (state.windows.length === 0) {
      this.ledger.lose('no_window');
      return undefined;
    }
    for (const window of state.windows) {
      const end = window.add(time, value);
      if (end < state.nextEnd) state.nextEnd = end;
    }
    if (state.watermark.time >= state.nextEnd) this.#enlist(state);
    return undefined;
  }

  /** Something came in that is no reading; `count` of them. */
  reject(reason: LossReason, count: number): void {
    for (let i = 0; i < count; i++) this.ledger.take();
    this.ledger.lose(reason, count);
  }

  /** Panes that reported so many readings had to go before the hub had them. */
  evict(readings: number): void {
    if (readings === 0) return;
    this.reported -= readings;
    this.ledger.lose('evicted', readings);
  }

  /** Brings time in. @param now arrival time, epoch milliseconds; the idle rule reads it */
  tick(now: number): void {
    for (const state of this.#states) {
      if (now - state.lastArrival < this.plan.idleAfterMs || state.openWindows === 0) continue;
      if (state.liftToEndOfOpen()) this.#enlist(state);
    }
  }

  /** Everything due since the last drain, panes in the order their series became due. */
  drain(): Outputs {
    const panes: Pane[] = [];
    for (const state of this.#due) {
      state.listed = false;
      state.close((pane) => {
        this.reported += pane.fresh;
        panes.push(pane);
      });
    }
    this.#due.length = 0;
    const transitions = this.#transitions;
    this.#transitions = [];
    return { panes, transitions };
  }

  /** Readings in windows that no pane has reported yet. */
  get open(): number {
    return this.ledger.accepted - this.reported;
  }

  /** The same number, counted window by window: the ledger's other side. */
  countOpen(): number {
    return this.#states.reduce((sum, state) => sum + state.unreported(), 0);
  }

  states(): readonly SeriesState[] {
    return this.#states;
  }

  /** Creates the states of every series interned so far; used when a snapshot is put back. */
  materialize(): void {
    for (const series of this.series.all()) this.#states[series.id] ??= this.#newState(series.id);
  }

  #enlist(state: SeriesState): void {
    if (state.listed) return;
    state.listed = true;
    this.#due.push(state);
  }

  #state(reading: Reading): SeriesState {
    this.materialize();
    const state = this.#states[reading.series];
    if (state === undefined) throw new RangeError(`series ${reading.series} was never interned`);
    return state;
  }

  #newState(id: Reading['series']): SeriesState {
    const series = this.series.at(id);
    const plan = this.plan.signals.get(series.signal);
    if (plan === undefined) throw new Error(`the gateway file has no signal "${series.signal}"`);
    return new SeriesState(series, plan);
  }
}
