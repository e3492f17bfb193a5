// What a rule says when it changes its mind. A transition's natural key is (gateway, rule, device, signal, since, state).

import type { Series } from './series.ts';

export const severities = ['info', 'warning', 'critical'] as const;

export type Severity = (typeof severities)[number];

export type AlertState = 'firing' | 'cleared';

export interface Transition {
  readonly rule: string;
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly state: AlertState;
  readonly severity: Severity;
  /** Event time of the reading that caused it, epoch milliseconds. */
  readonly time: number;
  /** Event time at which the condition first held; the same for the firing and the clearing of one episode. */
  readonly since: number;
  /** The value that caused it; NaN when no reading did, but a rule that was taken out of the gateway file. */
  readonly value: number;
}

/** One text for one transition, the same after a replay: what makes acting on it twice avoidable. */
export function transitionKey(t: Transition): string {
  return `${t.rule}/${t.series.device}/${t.series.signal}/${t.since}/${t.state}`;
}
