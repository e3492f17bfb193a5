// A threshold rule and its state for one series.
//
//            breach                    breach held for `forMs`
//   normal ----------> pending ------------------------------> firing
//     ^                   |                                       |
//     +---- no breach ----+                                       |
//     +------------------ the clear condition holds --------------+
//
// Rules read values in event time: a reading older than the newest one seen changes no alert (windows still take it). The
// on-delay is measured between event times, so that a recording replayed in a second fires where the night it recorded did.
// `clear` is the deadband: a firing alert ends at another level than the one that started it.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import { unremarkable, type AlertState, type Severity, type Transition } from '../model/alert.ts';
import type { Series } from '../model/series.ts';
import { holds, type Condition } from './condition.ts';

export interface Rule {
  readonly id: string;
  readonly when: Condition;
  /** Ends the alert; without it, the alert ends when `when` no longer holds. */
  readonly clear: Condition | undefined;
  /** On-delay. */
  readonly forMs: number;
  readonly severity: Severity;
  /** Ids of the actions to take. */
  readonly actions: readonly string[];
}

type State = 'normal' | 'pending' | 'firing';
const states = ['normal', 'pending', 'firing'] as const;

export class RuleState {
  readonly rule: Rule;
  #state: State = 'normal';
  #since = NaN;
  #newest = -Infinity;

  constructor(rule: Rule) {
    this.rule = rule;
  }

  get firing(): boolean {
    return this.#state === 'firing';
  }

  /** @returns the transition this reading causes, or undefined */
  evaluate(time: number, value: number, series: Series): Transition | undefined {
    if (time < this.#newest) return undefined;
    this.#newest = time;
    if (this.#state === 'firing') return this.#whileFiring(time, value, series);
    if (!holds(this.rule.when, value)) {
      this.#state = 'normal';
      return undefined;
    }
    if (this.#state === 'normal') this.#since = time;
    if (time - this.#since < this.rule.forMs) {
      this.#state = 'pending';
      return undefined;
    }
    this.#state = 'firing';
    return this.#transition('firing', time, value, series);
  }

  /** The rule is no more. @returns the transition that ends a firing alert, without a value: no reading caused it */
  abandon(series: Series): Transition | undefined {
    return this.#state === 'firing' ? this.#transition('cleared', this.#newest, NaN, series) : undefined;
  }

  /** Event times go on from `ms` later, though no time has passed: a condition has held no longer for it. */
  jump(ms: number): void {
    if (this.#state === 'pending') this.#since += ms;
  }

  #whileFiring(time: number, value: number, series: Series): Transition | undefined {
    const ended = this.rule.clear === undefined ? !holds(this.rule.when, value) : holds(this.rule.clear, value);
    if (!ended) return undefined;
    this.#state = 'normal';
    return this.#transition('cleared', time, value, series);
  }

  #transition(state: AlertState, time: number, value: number, series: Series): Transition {
    const { id: rule, severity } = this.rule;
    return { rule, series, state, severity, time, since: this.#since, value, ...unremarkable };
  }

  write(to: ByteWriter): void {
    to.varint(states.indexOf(this.#state));
    to.float(this.#since);
    to.float(this.#newest);
  }

  read(from: ByteReader): void {
    this.#state = states[from.varint()] ?? 'normal';
    this.#since = from.float();
    this.#newest = from.float();
  }
}
