// Which readings feed which derived series. A derived series belongs to one device; its inputs come from the same device or
// from one named in the gateway file.

import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Derivation } from './derivation.ts';
import { compileExpression } from '../expression/expression.ts';
import type { DerivedPlan, Plan } from './plan.ts';
import type { SeriesState } from './series-state.ts';

/** Takes a derived reading. */
export type Derived = (device: string, signal: string, time: number, value: number) => void;

interface DerivedSeries {
  readonly device: string;
  readonly signal: string;
  readonly plan: DerivedPlan;
  readonly derivation: Derivation;
  /** Of every input, as far as it has said something: the slowest one says how far event time has come. */
  readonly inputs: (SeriesState | undefined)[];
  /** How late a reading of any of them may come. */
  readonly latenessMs: number;
}

interface Feed {
  readonly to: DerivedSeries;
  readonly input: number;
}

export class Derivations {
  /** Whether the plan has derived signals at all. */
  readonly any: boolean;
  /** Derived signals by a signal they need. */
  readonly #needing = new Map<string, { signal: string; plan: DerivedPlan; input: number }[]>();
  readonly #signals: Plan['signals'];
  readonly #series = new Map<string, DerivedSeries>();
  /** Where the readings of a series go, once it has said something. */
  readonly #feeds = new Map<SeriesState, readonly Feed[]>();

  constructor(plan: Plan) {
    this.#signals = plan.signals;
    for (const { signal, derived } of plan.signals.values()) {
      for (const [input, { signal: needed }] of (derived?.inputs ?? []).entries()) {
        if (derived === undefined) continue;
        this.#needing.set(needed, [...(this.#needing.get(needed) ?? []), { signal, plan: derived, input }]);
      }
    }
    this.any = this.#needing.size > 0;
  }

  /** Hands a reading on to what is computed of it. */
  offer(state: SeriesState, { time, value }: { time: number; value: number }, emit: Derived): void {
    for (const { to, input } of this.connect(state)) {
      to.derivation.offer(input, time, value);
      advance(to, emit);
    }
  }

  /** A reading that nothing is computed of has moved the watermark. */
  pass(state: SeriesState, emit: Derived): void {
    for (const { to } of this.connect(state)) advance(to, emit);
  }

  /** Of a silent input it is assumed that its time goes on with the arrival clock: nobody waits for it any longer. */
  tick(now: number, idleAfterMs: number, emit: Derived): void {
    for (const series of this.#series.values()) {
      if (series.derivation.nextDue() === Infinity) continue;
      const reached = slowest(series.inputs, (one) => Math.max(one.watermark.time, one.silentTime(now, idleAfterMs)));
      complete(series, reached, emit);
    }
  }

  /** Where the readings of a series go. */
  connect(state: SeriesState): readonly Feed[] {
    let feeds = this.#feeds.get(state);
    if (feeds === undefined) this.#feeds.set(state, (feeds = this.#feedsOf(state)));
    return feeds;
  }

  write(to: ByteWriter): void {
    to.varint(this.#series.size);
    for (const { device, signal, plan, derivation } of this.#series.values()) {
      to.text(device);
      to.text(signal);
      to.text(derivationKey(plan));
      const inner = new ByteWriter();
      derivation.write(inner);
      to.blob(inner.take());
    }
  }

  /** @returns what had state and is not in the plan any more */
  read(from: ByteReader, plan: Plan): string[] {
    const dropped: string[] = [];
    for (let left = from.varint(); left > 0; left--) {
      const [device, signal, key, state] = [from.text(), from.text(), from.text(), from.blob()];
      const derived = plan.signals.get(signal)?.derived;
      if (derived === undefined || derivationKey(derived) !== key) dropped.push(`${device}/${signal} ${key}`);
      else this.#of(device, signal, derived).derivation.read(new ByteReader(state));
    }
    return dropped;
  }

  #feedsOf(state: SeriesState): Feed[] {
    const { device, signal } = state.series;
    return (this.#needing.get(signal) ?? []).flatMap(({ signal: derived, plan, input }) => {
      const wanted = plan.inputs[input]?.device;
      const owner = plan.device ?? device;
      // An input without a device is of the device that the result belongs to.
      if (device !== (wanted ?? owner)) return [];
      const to = this.#of(owner, derived, plan);
      to.inputs[input] = state;
      return [{ to, input }];
    });
  }

  #of(device: string, signal: string, plan: DerivedPlan): DerivedSeries {
    const key = `${device}/${signal}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const variables = plan.inputs.map(({ variable }) => variable);
      const expression = compileExpression(plan.expression, variables);
      if ('message' in expression) throw new Error(`${signal}: ${expression.message}`);
      const derivation = new Derivation(variables.length, plan.alignMs, expression);
      const latenessMs = Math.max(...plan.inputs.map((input) => this.#signals.get(input.signal)?.latenessMs ?? 0));
      series = { device, signal, plan, derivation, inputs: variables.map(() => undefined), latenessMs };
      this.#series.set(key, series);
    }
    return series;
  }
}

function derivationKey({ expression, inputs, alignMs, device }: DerivedPlan): string {
  return JSON.stringify([expression, inputs, alignMs, device]);
}

function complete({ device, signal, derivation }: DerivedSeries, watermark: number, emit: Derived): void {
  if (watermark < derivation.nextDue()) return;
  derivation.ready(watermark, (time, value) => emit(device, signal, time, value));
}

function advance(to: DerivedSeries, emit: Derived): void {
  complete(to, slowest(to.inputs, timeOf), emit);
  // An input that has never said anything keeps nothing waiting for it.
  to.derivation.forget(slowest(to.inputs.filter(Boolean), timeOf) - to.latenessMs);
}

function timeOf({ watermark }: SeriesState): number {
  return watermark.time;
}

/** -Infinity while an input has said nothing. */
function slowest(inputs: readonly (SeriesState | undefined)[], timeOf: (input: SeriesState) => number): number {
  let slowest = Infinity;
  for (const input of inputs) slowest = Math.min(slowest, input === undefined ? -Infinity : timeOf(input));
  return slowest;
}
