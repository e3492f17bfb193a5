// What the pipeline is to do, compiled from the gateway file: plain values, nothing to parse any more but expressions.

import type { WindowSpec } from '../model/pane.ts';
import type { Operator } from '../alert/comparison.ts';
import type { Rule } from '../alert/rule.ts';

export interface SignalPlan {
  readonly signal: string;
  /** What a source says, times `gain`, plus `offset`, is the value in the signal's unit: unit conversion and calibration. */
  readonly gain: number;
  readonly offset: number;
  /** Readings outside are refused; inclusive bounds, in the signal's unit. */
  readonly range: readonly [low: number, high: number];
  /** A reading further from the one before than this, per second between them, is uncertain; Infinity is no limit. */
  readonly maxStepPerSecond: number;
  /** Readings that have said exactly the same for so long are uncertain; Infinity is no limit. */
  readonly stuckAfterMs: number;
  /** A series that says nothing for so long, by arrival time, is missing; Infinity is no limit. */
  readonly missingAfterMs: number;
  /** How often a series is expected to say something; NaN when that is not known. */
  readonly expectMs: number;
  /** Whether uncertain readings enter statistics and rules; otherwise windows only count them. */
  readonly useUncertain: boolean;
  /** Whether a reading of the same event time and value as one before is a repetition, counted once. */
  readonly mayRepeat: boolean;
  /** When the signal counts as on: what the statistic `duty` is the share of. */
  readonly on: { readonly operator: Operator; readonly limit: number };
  /** For a signal that is computed of others. */
  readonly derived: DerivedPlan | undefined;
  /** How far event times may jump back and forth before the watermark passes them. */
  readonly disorderMs: number;
  /** How far behind the watermark a reading may come and still correct its window. */
  readonly latenessMs: number;
  /** One of them accounts for the signal's readings in the ledger. */
  readonly windows: readonly WindowSpec[];
  /** Devices that must be there: a rule about silence counts from the start. */
  readonly devices: readonly string[];
}

export interface DerivedPlan {
  readonly expression: string;
  readonly inputs: readonly DerivedInput[];
  /** Inputs whose event times fall into the same piece of this length belong together; 0 is the very same event time. */
  readonly alignMs: number;
  /** Device of the derived series; undefined when every device that has all the inputs gets its own. */
  readonly device: string | undefined;
}

export interface DerivedInput {
  /** Its name in the expression. */
  readonly variable: string;
  /** Undefined: the device of the derived series. */
  readonly device: string | undefined;
  readonly signal: string;
}

export interface Plan {
  readonly signals: ReadonlyMap<string, SignalPlan>;
  /** In the order of the gateway file. */
  readonly rules: readonly Rule[];
  /** A reading further ahead of its arrival is refused and moves no watermark. */
  readonly maxAheadMs: number;
  /** A series silent for so long has its open windows closed. */
  readonly idleAfterMs: number;
  readonly maxSeries: number;
  /** Bytes that closed windows within the lateness may take; beyond it the oldest of the largest series are forgotten. */
  readonly latenessBytes: number;
}

/**
 * What a window's state may be taken over by: the same shape. Other statistics are no other window: what is kept for those
 * it has goes on, and one that needs more is undefined in windows that began without it.
 */
export function windowKey({ id, shape }: WindowSpec): string {
  return [id, ...Object.values(shape).filter((part) => part !== undefined)].join(':');
}
