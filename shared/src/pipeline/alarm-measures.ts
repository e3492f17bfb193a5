// How the alarm system does, in the measures of ISA-18.2: what is on and seen, how much is said of late, and what nobody is told of.

import type { Alarm, AlarmPhase } from '../alert/alarm.ts';
import type { AlertState, Severity, Silence } from '../model/alert.ts';
import type { Series } from '../model/series.ts';

/** One alarm as people see it. */
export interface AlarmView {
  readonly rule: string;
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly severity: Severity;
  readonly phase: AlarmPhase;
  readonly since: number;
  readonly value: number;
  readonly reason: string;
  readonly acknowledged: boolean;
  /** Whether somebody was told of this episode. */
  readonly told: boolean;
  /** Epoch milliseconds; -Infinity when it is not shelved. */
  readonly shelvedUntil: number;
  readonly disabled: boolean;
  readonly suppressed: boolean;
  readonly chattering: boolean;
  /** Its detector only learns, as yet. */
  readonly learning: boolean;
}

export interface AlarmMeasures {
  readonly firing: number;
  readonly unacknowledged: number;
  readonly shelved: number;
  readonly suppressed: number;
  readonly disabled: number;
  readonly stale: number;
  readonly chattering: number;
  readonly transitionsPerMinute: number;
  readonly alarmsPerTenMinutes: number;
  readonly quiet: ReadonlyMap<Silence, number>;
}

const staleMs = 86_400_000;
const minuteMs = 60_000;
const minutes = 10;

/** @param now arrival time */
export function stateOf(alarms: Iterable<Alarm>, now: number): Omit<AlarmMeasures, keyof AlarmRates> {
  const measures = { firing: 0, unacknowledged: 0, shelved: 0, suppressed: 0, disabled: 0, stale: 0, chattering: 0 };
  for (const alarm of alarms) {
    if (alarm.firing) {
      measures.firing += 1;
      if (!alarm.acknowledged) measures.unacknowledged += 1;
      if (now - alarm.since > staleMs) measures.stale += 1;
      if (alarm.suppressed) measures.suppressed += 1;
    }
    if (alarm.shelvedUntil > now) measures.shelved += 1;
    if (alarm.disabled) measures.disabled += 1;
    if (alarm.chattering) measures.chattering += 1;
  }
  return measures;
}

export type AlarmRates = Pick<AlarmMeasures, 'transitionsPerMinute' | 'alarmsPerTenMinutes' | 'quiet'>;

/** Counts what is said, by minute of arrival. */
export class AlarmCounts {
  /** Transitions nobody was told of, by why. */
  readonly quiet = new Map<Silence, number>();
  /** Transitions and alarms, by minute modulo 10. */
  readonly #perMinute = new Uint32Array(minutes * 2);
  #minute = -Infinity;

  /** @param now arrival time */
  add(state: AlertState, quiet: Silence, now: number): void {
    this.#forgetMinutes(now);
    const at = place(this.#minute);
    this.#perMinute[at] = (this.#perMinute[at] ?? 0) + 1;
    if (state === 'firing') this.#perMinute[at + 1] = (this.#perMinute[at + 1] ?? 0) + 1;
    if (quiet !== '') this.quiet.set(quiet, (this.quiet.get(quiet) ?? 0) + 1);
  }

  /** @param now arrival time */
  rates(now: number): AlarmRates {
    this.#forgetMinutes(now);
    const alarms = this.#perMinute.filter((_, at) => at % 2 === 1).reduce((sum, count) => sum + count, 0);
    return {
      transitionsPerMinute: this.#perMinute[place(this.#minute)] ?? 0,
      alarmsPerTenMinutes: alarms,
      quiet: this.quiet,
    };
  }

  #forgetMinutes(now: number): void {
    const minute = Math.floor(now / minuteMs);
    if (!Number.isFinite(minute) || minute <= this.#minute) return;
    for (let gone = Math.max(this.#minute + 1, minute - minutes + 1); gone <= minute; gone++)
      this.#perMinute.fill(0, place(gone), place(gone) + 2);
    this.#minute = minute;
  }
}

function place(minute: number): number {
  return Number.isFinite(minute) ? (((minute % minutes) + minutes) % minutes) * 2 : 0;
}
