// How panes, transitions and gateway health look in InfluxDB: what dashboards query.
//
//   <signal>   tags gateway, device, window          count and revision (integer), each statistic (float); at the window's
//                                                    start. accounted (integer), only in panes that account for
//                                                    readings: its sum counts every stored reading once. end (integer,
//                                                    ms), only where the window's length does not say it
//   alerts     tags gateway, device, signal, rule,   state "firing", "cleared", "acknowledged", … (string), value (float), since
//              severity                              (integer, ms); firing 1 | 0 (integer), where the transition begins or ends the
//                                                    alarm; reason, quiet (why nobody was told) and operator (strings), where
//                                                    there is one; at the time of the transition
//   gateways   tag gateway                           up, taken, stored, open, pending, lost, lost_<reason>, outbox_bytes,
//                                                    memory_bytes, sources_up, sources_down, imbalance (integers),
//                                                    readings_per_second (float); where the gateway says it:
//                                                    written_bytes_per_hour, syncs_per_hour (integers), card_years
//                                                    (float); at the hub's clock
//
// and under the retention policy `weir_raw`, which lets points go when they are as old as hub.yaml says:
//
//   <signal>   tags gateway, device                  value (float, left out where it is no number), quality "good" |
//                                                    "uncertain" | "bad" (string); at the event time of a raw reading
//
// A pane that is retracted is deleted. A signal is a measurement of its own name. So that none can run into the two others, `signal_` goes before a signal
// called `alerts` or `gateways`, and before one that starts with `signal_` itself: no two names meet.

import { escape } from 'influx';
import type { AlertState } from '@weir/shared/model/alert.ts';
import { statistics, type Pane } from '@weir/shared/model/pane.ts';
import type { GatewayTransition } from '../state/alert-book.ts';
import { encodePoint, encodeSeries, microseconds, type FieldValue } from './line-protocol.ts';
import { storedEnd, type GatewayPane, type GatewayPoint, type GatewayRaw } from './store.ts';

export function measurementOf(signal: string): string {
  return signal === 'alerts' || signal === 'gateways' || signal.startsWith('signal_') ? `signal_${signal}` : signal;
}

/** Series heads are the same for every pane of a series: built once. Cleared when there are too many. */
export class PaneEncoder {
  readonly #heads = new Map<string, string>();

  encode({ gateway, pane }: GatewayPane): string {
    const { window, values } = pane;
    let fields = `count=${pane.count}i,revision=${pane.revision}i`;
    if (pane.accounted > 0) fields += `,accounted=${pane.accounted}i`;
    const end = storedEnd(pane);
    if (end !== undefined) fields += `,end=${end}i`;
    for (const [index, statistic] of window.compute.entries()) {
      const value = values[index];
      if (value !== undefined && Number.isFinite(value)) fields += `,${statistic}=${value}`;
    }
    return `${this.#head(gateway, pane)} ${fields} ${microseconds(pane.start)}`;
  }

  #head(gateway: string, { series: { device, signal }, window }: Pane): string {
    const key = `${gateway}/${device}/${signal}/${window.id}`;
    let head = this.#heads.get(key);
    if (head === undefined) {
      if (this.#heads.size >= 100_000) this.#heads.clear();
      head = encodeSeries(measurementOf(signal), { device, gateway, window: window.id });
      this.#heads.set(key, head);
    }
    return head;
  }
}

/** A line for each reading. */
export function encodeRaw({ gateway, raw: { series, times, values, qualities } }: GatewayRaw): string[] {
  const head = encodeSeries(measurementOf(series.signal), { device: series.device, gateway });
  return Array.from(times, (time, index) => {
    const value = values[index];
    const fields = value !== undefined && Number.isFinite(value) ? `value=${value},` : '';
    return `${head} ${fields}quality="${qualities[index] ?? 'good'}" ${microseconds(time)}`;
  });
}

export function encodeTransition({ gateway, transition: t }: GatewayTransition): string {
  const { device, signal } = t.series;
  const head = encodeSeries('alerts', { device, gateway, rule: t.rule, severity: t.severity, signal });
  const fields: Record<string, FieldValue> = { state: t.state, value: t.value, since: { integer: t.since } };
  const firing = isOn.get(t.state);
  if (firing !== undefined) fields['firing'] = { integer: firing };
  if (t.reason !== '') fields['reason'] = t.reason;
  if (t.quiet !== '') fields['quiet'] = t.quiet;
  if (t.by !== '') fields['operator'] = t.by;
  return encodePoint(head, fields, t.time) ?? head;
}

/** Whether an alarm is on after a transition to the state; others leave it as it is. */
const isOn = new Map<AlertState, 0 | 1>([
  ['firing', 1],
  ['latched', 1],
  ['cleared', 0],
]);

export function encodeGateway(point: GatewayPoint): string {
  const lost = Object.entries(point.lost);
  const fields: Record<string, FieldValue> = {
    up: { integer: point.up ? 1 : 0 },
    taken: { integer: point.taken },
    stored: { integer: point.stored },
    open: { integer: point.open },
    pending: { integer: point.pending },
    lost: { integer: lost.reduce((sum, [, count]) => sum + count, 0) },
    outbox_bytes: { integer: point.outboxBytes },
    memory_bytes: { integer: point.memoryBytes },
    sources_up: { integer: point.sourcesUp },
    sources_down: { integer: point.sourcesDown },
    readings_per_second: point.readingsPerSecond,
  };
  if (point.imbalance !== undefined) fields['imbalance'] = { integer: point.imbalance };
  if (point.writtenBytesPerHour !== undefined)
    fields['written_bytes_per_hour'] = { integer: point.writtenBytesPerHour };
  if (point.syncsPerHour !== undefined) fields['syncs_per_hour'] = { integer: point.syncsPerHour };
  if (point.cardYears !== undefined) fields['card_years'] = point.cardYears;
  for (const [reason, count] of lost) fields[`lost_${reason}`] = { integer: count };
  const head = encodeSeries('gateways', { gateway: point.gateway });
  return encodePoint(head, fields, point.timeMs) ?? head;
}

/** Fields of a pane that are answered, as `SELECT` wants them. */
export const paneColumns = ['count', 'revision', 'end', ...statistics] as const;

/** Deletes the point of a pane; it does nothing where there is none. */
export function encodeDeletion({ gateway, pane: { series, window, start } }: GatewayPane): string {
  const tags = { gateway, device: series.device, window: window.id };
  const where = Object.entries(tags).map(([tag, value]) => `${escape.quoted(tag)} = ${escape.stringLit(value)}`);
  const from = escape.quoted(measurementOf(series.signal));
  return `DELETE FROM ${from} WHERE time = ${timeLiteral(start)} AND ${where.join(' AND ')}`;
}

/** What 64 bits of nanoseconds reach, the years 1677 to 2262. */
const maxTimeMs = 9.223e12;

/** A time as a query says it; instead of one that no point can have, the last that one can. */
export function timeLiteral(timeMs: number): string {
  return `${microseconds(Math.max(-maxTimeMs, Math.min(maxTimeMs, timeMs)))}u`;
}
