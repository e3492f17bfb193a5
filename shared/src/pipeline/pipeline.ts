// The core: readings in, panes and alert transitions out.
//
// It has three inputs only: a reading (with its arrival time), a refusal by a source, and a tick. No clock, no I/O, no
// randomness: the same inputs in the same order give the same outputs, which is what recovery by replay, `weir-agent
// replay` and every test stand on. Transitions are there at once; panes wait for `drain`, which the shell calls at each
// commit, so that any number of late readings between two commits cost one revision.

import type { Transition } from '../model/alert.ts';
import { Ledger } from '../model/ledger.ts';
import type { Pane } from '../model/pane.ts';
import type { Flag } from '../model/quality.ts';
import type { LossReason, Reading } from '../model/reading.ts';
import { SeriesTable, type SeriesId } from '../model/series.ts';
import type { Operation } from '../model/alert.ts';
import { Alerts } from './alerts.ts';
import { Derivations, type Derived } from './derivations.ts';
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
  derivations: Derivations;
  alerts: Alerts;
  /** A reading further ahead of its arrival is refused; Infinity while nobody knows what time it is. */
  maxAheadMs: number;
  /** Panes' `fresh` counts summed over everything ever drained. */
  reported = 0;
  /** Bytes held for late readings, of all series. */
  heldBytes = 0;
  #states: SeriesState[] = [];
  /** Series with a window due, each once. */
  #due: SeriesState[] = [];
  #flagged = new Map<Flag, number>();
  /** Whether a tick has made a derived reading since the last drain. */
  #hasDerived = false;
  // Of the reading being taken in, in the signal's unit. Handed on as an argument, each would be allocated.
  #value = NaN;
  #arrival = NaN;
  /** Arrival time before which no series can be silent and no timer due: until then a tick need not look at any. */
  #nextLook = -Infinity;
  /** Arrival time of the last tick. */
  #now = -Infinity;

  /** @param series numbers that somebody uses already */
  constructor(plan: Plan, series: SeriesTable = new SeriesTable(plan.maxSeries)) {
    this.plan = plan;
    this.series = series;
    this.maxAheadMs = plan.maxAheadMs;
    this.derivations = new Derivations(plan);
    this.alerts = new Alerts(plan);
    for (const { signal, devices } of plan.signals.values())
      for (const device of devices) this.alerts.expect(device, signal);
  }

  /** Transitions since the last drain, in order: the shell acts on them before anything else happens. */
  get transitions(): readonly Transition[] {
    return this.alerts.transitions;
  }

  /** Readings that were uncertain, by why; they are in windows, counted. */
  get flagged(): ReadonlyMap<Flag, number> {
    return this.#flagged;
  }

  /** Whether the next drain changes anything. A tick and a drain that do not may be forgotten: a replay needs them not. */
  get hasWork(): boolean {
    return this.#due.length > 0 || this.alerts.transitions.length > 0 || this.#hasDerived;
  }

  /** @returns why the reading was refused; it is in the ledger already */
  ingest(reading: Reading, arrival: number): LossReason | undefined {
    this.ledger.take();
    const state = this.#states[reading.series] ?? this.#state(reading.series, arrival);
    const { gain, offset } = state.plan;
    // Adding 0 makes 0 of -0: of the two, the smaller would be the one that came first.
    const value = (gain === 1 && offset === 0 ? reading.value : reading.value * gain + offset) + 0;
    const latest = arrival + this.maxAheadMs;
    this.#value = value;
    this.#arrival = arrival;
    const reason = refusal(reading, value, latest, state) ?? this.#enter(state, reading);
    if (reason === undefined) return undefined;
    state.lose(reason);
    this.ledger.lose(reason);
    // No window covers the series: that is how it is wanted, and rules have seen the reading.
    return reason === 'no_window' ? undefined : reason;
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

  /** Brings time in. @param now arrival time, epoch milliseconds: the idle rule, early and late panes go by it */
  tick(now: number): void {
    this.#now = now;
    const { idleAfterMs } = this.plan;
    if (this.derivations.any) this.derivations.tick(now, idleAfterMs, this.#takeDerived(now));
    this.alerts.tick(now);
    if (now < this.#nextLook) return;
    this.#nextLook = Infinity;
    for (const state of this.#states) {
      if (state.nextDue === Infinity && state.nextTimer === Infinity) continue;
      this.#lookAt(state);
      const silentTime = state.silentTime(now, idleAfterMs);
      const isDue = silentTime > -Infinity && state.liftTo(silentTime);
      if (isDue || now >= state.nextTimer) this.#enlist(state);
    }
  }

  /** What an operator does to alarms. @param now arrival time @returns how many it changed; undefined when there is no such rule */
  operate(operation: Operation, now: number): number | undefined {
    return this.alerts.operate(operation, now);
  }

  /** The agent has just started: while it was away nothing was silent. @param now arrival time */
  awake(now: number): void {
    this.alerts.awake(now);
  }

  /** Everything due since the last drain, panes in the order their series became due. */
  drain(): Outputs {
    const panes: Pane[] = [];
    for (const state of this.#due) {
      state.listed = false;
      const before = state.heldBytes;
      state.close(this.#now, (pane) => {
        this.reported += pane.fresh;
        panes.push(pane);
      });
      this.heldBytes += state.heldBytes - before;
      this.#lookAt(state);
    }
    this.#due.length = 0;
    this.#hasDerived = false;
    this.#keepWithinMemory();
    return { panes, transitions: this.alerts.take() };
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

  /** Series that have said nothing for longer than their signal allows. @param now arrival time */
  missing(now: number): SeriesState[] {
    return this.#states.filter(({ lastArrival, plan }) => now - lastArrival > plan.missingAfterMs);
  }

  /**
   * The arrival clock is put ahead, and no time has passed: nobody was silent for so long, and no condition has held for so long.
   */
  jump(ms: number): void {
    for (const state of this.#states) state.jump(ms);
    this.alerts.jump(ms);
    this.#nextLook = -Infinity;
  }

  /**
   * Goes on with the state of another pipeline of the same plan that shares its series table: the same readings, better stamped.
   * Both are drained.
   */
  takeOver(other: Pipeline): void {
    if (other.series !== this.series || other.plan !== this.plan) throw new Error('the other pipeline is no twin');
    this.#states = other.#states;
    this.#due = other.#due;
    this.#flagged = other.#flagged;
    this.alerts = other.alerts;
    this.#hasDerived = other.#hasDerived;
    this.#nextLook = other.#nextLook;
    this.#now = other.#now;
    this.derivations = other.derivations;
    this.reported = other.reported;
    this.heldBytes = other.heldBytes;
    this.maxAheadMs = other.maxAheadMs;
    this.ledger.restore(other.ledger.taken, other.ledger.losses());
  }

  /** Creates the states of every series interned so far; used when a snapshot is put back. */
  materialize(arrival = -Infinity): void {
    for (const series of this.series.all()) this.#states[series.id] ??= this.#newState(series.id, arrival);
  }

  /** Puts the counts of a snapshot back, when all series have theirs. */
  restore(reported: number, flagged: Iterable<readonly [Flag, number]>): void {
    this.reported = reported;
    if (this.derivations.any) for (const state of this.#states) this.derivations.connect(state);
    for (const [flag, count] of flagged) this.#flagged.set(flag, count);
    this.heldBytes = this.#states.reduce((sum, state) => sum + state.heldBytes, 0);
  }

  /** A reading the gate has let in. @returns why it ends here all the same */
  #enter(state: SeriesState, { time, quality }: Reading): LossReason | undefined {
    const value = this.#value;
    const arrival = this.#arrival;
    if (state.repeats?.isRepeat(time, value) === true) return 'repeated';
    state.lastArrival = arrival;
    const reached = state.watermark.time;
    state.watermark.observe(time);
    const flag = quality === 'uncertain' ? 'source' : state.judge?.judge(time, value);
    const counts = flag === undefined || state.plan.useUncertain;
    if (flag !== undefined) this.#flagged.set(flag, (this.#flagged.get(flag) ?? 0) + 1);
    if (this.alerts.any) {
      const { sample } = this.alerts;
      sample[0] = time;
      sample[1] = value;
      sample[2] = arrival;
      if (counts) this.alerts.observe(state);
      else this.alerts.alive(state, arrival);
    } else if (counts && time >= state.newestTime) {
      state.newestTime = time;
      state.newestValue = value;
      state.newestArrival = arrival;
    }
    for (const window of state.windows) {
      const due = counts ? window.add(time, value, reached) : window.flag(time, reached);
      if (due < state.nextDue) state.nextDue = due;
    }
    if (state.watermark.time >= state.nextDue) this.#enlist(state);
    if (state.hasEarlyPanes) state.arm();
    const look = state.nextTimer < arrival + this.plan.idleAfterMs ? state.nextTimer : arrival + this.plan.idleAfterMs;
    if (look < this.#nextLook) this.#nextLook = look;
    if (this.derivations.any) {
      const emit = this.#takeDerived(arrival);
      if (counts) this.derivations.offer(state, { time, value }, emit);
      else this.derivations.pass(state, emit);
    }
    if (state.windows.length > 0) return undefined;
    // Nothing ever falls due here, and what is remembered of repetitions has to be forgotten all the same.
    if (state.repeats !== undefined) this.#enlist(state);
    return 'no_window';
  }

  /** What is computed of readings goes their way; it never came in, so the ledger does not know it. */
  #takeDerived(arrival: number): Derived {
    return (device, signal, time, result) => {
      this.#hasDerived = true;
      const series = this.series.intern(device, signal);
      if (series === undefined) return;
      const state = this.#states[series.id] ?? this.#state(series.id, arrival);
      const reading: Reading = { series: series.id, time, value: result + 0, quality: 'good' };
      const latest = arrival + this.maxAheadMs;
      this.#value = reading.value;
      this.#arrival = arrival;
      const reason = refusal(reading, reading.value, latest, state) ?? this.#enter(state, reading);
      if (reason !== undefined) state.lose(reason);
    };
  }

  /** At the limit the series that hold more than their share forget their oldest, and take nothing that old any more. */
  #keepWithinMemory(): void {
    const { latenessBytes } = this.plan;
    if (this.heldBytes <= latenessBytes) return;
    // Some room, so that this does not come back at once.
    const target = latenessBytes * 0.9;
    const holding = this.#states.filter((state) => state.heldBytes > 0).toSorted((a, b) => b.heldBytes - a.heldBytes);
    const share = target / holding.length;
    for (const state of holding) {
      while (this.heldBytes > target && state.heldBytes > share) {
        const freed = state.forgetOldest();
        if (freed <= 0) break;
        this.heldBytes -= freed;
      }
    }
  }

  #lookAt({ nextTimer, lastArrival }: SeriesState): void {
    this.#nextLook = Math.min(this.#nextLook, nextTimer, lastArrival + this.plan.idleAfterMs);
  }

  #enlist(state: SeriesState): void {
    if (state.listed) return;
    state.listed = true;
    this.#due.push(state);
  }

  #state(id: SeriesId, arrival: number): SeriesState {
    this.materialize(arrival);
    const state = this.#states[id];
    if (state === undefined) throw new RangeError(`series ${id} was never interned`);
    return state;
  }

  #newState(id: SeriesId, arrival: number): SeriesState {
    const series = this.series.at(id);
    const plan = this.plan.signals.get(series.signal);
    if (plan === undefined) throw new Error(`the gateway file has no signal "${series.signal}"`);
    const state = new SeriesState(series, plan);
    if (this.alerts.any) this.alerts.connect(state, arrival);
    return state;
  }
}
