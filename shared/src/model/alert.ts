// What an alarm says when it changes. The words are those of ISA-18.2 / IEC 62682 and OPC UA Part 9; the life of an alarm
// is told in shared/src/alert/alarm.ts.
//
// A transition's natural key is (gateway, rule, device, signal, since, state); for states an episode can come to more than
// once, also the time.

import type { Series } from './series.ts';

export const severities = ['info', 'warning', 'critical'] as const;

export type Severity = (typeof severities)[number];

export const alertStates = [
  'firing',
  // The condition holds no more, and somebody has to acknowledge before the alarm is over.
  'latched',
  'cleared',
  'acknowledged',
  // Still firing, and nobody has acknowledged: re-alarm.
  'reminded',
  'shelved',
  'unshelved',
  // By design: another alert that holds explains this one.
  'suppressed',
  'unsuppressed',
  // Out of service, by an operator.
  'disabled',
  'enabled',
] as const;

export type AlertState = (typeof alertStates)[number];

/** Why nobody is told of a transition; '' where somebody is. */
export const silences = ['', 'late', 'shelved', 'suppressed', 'disabled', 'chattering'] as const;

export type Silence = (typeof silences)[number];

export interface Transition {
  readonly rule: string;
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly state: AlertState;
  readonly severity: Severity;
  /** Event time of the reading that caused it, or that the clock had come to; epoch milliseconds. */
  readonly time: number;
  /** Event time at which the condition first held; the same for every transition of one episode. Outside of any, `time`. */
  readonly since: number;
  /** The value that caused it; NaN when no reading did, but a silence, an operator, or a rule that was taken out of the gateway file. */
  readonly value: number;
  /** In words, such as `mean(temperature, 5m) is 35.2, above 34`; '' where there is nothing to add. */
  readonly reason: string;
  readonly quiet: Silence;
  /** The operator; '' where none was. */
  readonly by: string;
  /** What the operator said. */
  readonly comment: string;
}

/** Fields most transitions have nothing to say in. */
export const unremarkable = { reason: '', quiet: '', by: '', comment: '' } as const;

/** What an operator can do to alarms, at the gateway or from the hub. */
export const operationKinds = ['acknowledge', 'shelve', 'unshelve', 'disable', 'enable'] as const;

export type OperationKind = (typeof operationKinds)[number];

export interface Operation {
  readonly kind: OperationKind;
  readonly rule: string;
  /** One alarm of the rule; undefined is all of them. */
  readonly series: Pick<Series, 'device' | 'signal'> | undefined;
  /** Only the episode that began then: what comes late acknowledges nothing newer. */
  readonly since: number | undefined;
  /** When a shelved alarm comes back by itself, epoch milliseconds; NaN for other kinds. */
  readonly until: number;
  /** The operator. */
  readonly by: string;
  readonly comment: string;
}

/** States an episode comes to once. */
const once: ReadonlySet<AlertState> = new Set(['firing', 'cleared']);

/** One text for one transition, the same after a replay: what makes acting on it twice avoidable. */
export function transitionKey(t: Transition): string {
  const key = `${t.rule}/${t.series.device}/${t.series.signal}/${t.since}/${t.state}`;
  return once.has(t.state) ? key : `${key}@${t.time}`;
}
