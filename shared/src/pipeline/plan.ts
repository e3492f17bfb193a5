// What the pipeline is to do, compiled from the gateway file: plain values, nothing to parse any more.

import type { WindowSpec } from '../model/pane.ts';
import type { Rule } from '../alert/rule.ts';

export interface SignalPlan {
  readonly signal: string;
  /** Readings outside are refused; inclusive bounds, in the signal's unit. */
  readonly range: readonly [low: number, high: number];
  /** How far event times may jump back and forth before the watermark passes them. */
  readonly disorderMs: number;
  /** How far behind the watermark a reading may come and still correct its window. */
  readonly latenessMs: number;
  /** The first one accounts for the signal's readings in the ledger. */
  readonly windows: readonly WindowSpec[];
  readonly rules: readonly Rule[];
}

export interface Plan {
  readonly signals: ReadonlyMap<string, SignalPlan>;
  /** A reading further ahead of its arrival is refused and moves no watermark. */
  readonly maxAheadMs: number;
  /** A series silent for so long has its open windows closed. */
  readonly idleAfterMs: number;
  readonly maxSeries: number;
}

/**
 * What a window's state may be taken over by: the same size. Other statistics are no other window: count, mean, min, max and
 * standard deviation are always kept, and a percentile asked for anew is undefined in windows that began without it.
 */
export function windowKey(spec: WindowSpec): string {
  return `${spec.id}:${spec.sizeMs}`;
}

/** What a rule's state may be taken over by: the same name and conditions. */
export function ruleKey(rule: Rule): string {
  return `${rule.id}:${JSON.stringify([rule.when, rule.clear ?? null, rule.forMs])}`;
}
