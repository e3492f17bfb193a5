// What the page knows of raw readings: which were asked for, and those of the ranges that are on show, one for each chart
// whose reader wants them and one for the alert that is looked at. Pure. Everything kept has a limit.

import type { AlertView, RawRequestView, RawView } from '../src/http/views.ts';
import { formatCount } from './format.ts';
import { shownWindows, type Track } from './tracks.ts';

export interface RawPoint {
  readonly time: number;
  readonly value: number | null;
  readonly quality: string;
}

/** A range whose raw readings the reader wants to see. */
export interface RawShown {
  readonly gateway: string;
  readonly signal: string;
  readonly devices: readonly string[];
  /** Event times, epoch milliseconds. */
  readonly from: number;
  readonly to: number;
  /** What went wrong when it was asked for; empty while all is well. */
  readonly trouble: string;
  /** By device, once they were answered. */
  readonly readings: ReadonlyMap<string, readonly RawPoint[]>;
}

export interface RawState {
  /** By id. */
  readonly requests: ReadonlyMap<string, RawRequestView>;
  /** By `chartKeyOf` or `alertRaw`. */
  readonly shown: ReadonlyMap<string, RawShown>;
}

export const noRaw: RawState = { requests: new Map(), shown: new Map() };

/** The range of the alert that is looked at. */
export const alertRaw = 'alert';
export const maxRawReadings = 20_000;
/** What a chart asks for at most. */
const maxRangeMs = 3_600_000;
/** Around an alert, where nothing was asked for yet. */
const aroundMs = 60_000;
const maxRequests = 1000;
const maxShown = 8;
const maxDevices = 8;

export function chartKeyOf(of: { readonly gateway: string; readonly signal: string }): string {
  return `${of.gateway}\u0000${of.signal}`;
}

/** The last word on each request; one that is done stays done, whatever an answer from before says. */
export function takeRequests(raw: RawState, requests: readonly RawRequestView[]): RawState {
  const next = new Map(raw.requests);
  for (const request of requests) if ((next.get(request.id)?.done ?? null) === null) next.set(request.id, request);
  if (next.size <= maxRequests) return { ...raw, requests: next };
  const newest = [...next.values()].sort((a, b) => b.asked - a.asked).slice(0, maxRequests);
  return { ...raw, requests: new Map(newest.map((request) => [request.id, request])) };
}

/** Of more than the page holds, the one that was opened first is closed. */
export function show(raw: RawState, key: string, shown: RawShown): RawState {
  const next = new Map(raw.shown);
  next.delete(key);
  next.set(key, shown);
  return { ...raw, shown: new Map([...next].slice(-maxShown)) };
}

export function hide(raw: RawState, key: string): RawState {
  const shown = new Map(raw.shown);
  return shown.delete(key) ? { ...raw, shown } : raw;
}

/** Changes what is on show; what was closed meanwhile stays closed. */
export function change(raw: RawState, key: string, changes: (shown: RawShown) => Partial<RawShown>): RawState {
  const shown = raw.shown.get(key);
  return shown === undefined ? raw : { ...raw, shown: new Map(raw.shown).set(key, { ...shown, ...changes(shown) }) };
}

/** The part of a chart that its raw readings are shown of: what is visible, at most its last hour. */
export function rangeOfChart(
  tracks: readonly Track[],
  nowMs: number,
): Omit<RawShown, 'trouble' | 'readings'> | undefined {
  const [first] = tracks;
  const ends = tracks.flatMap((track) => track.points.at(-1)?.end ?? []);
  if (first === undefined || ends.length === 0) return undefined;
  const { gateway, signal } = first;
  // Panes may end ahead of the hub's clock; readings cannot be asked for before they are made.
  const to = Math.ceil(Math.min(Math.max(...ends), nowMs));
  const starts = tracks.flatMap((track) => track.points.slice(-shownWindows)[0]?.start ?? []);
  const from = Math.floor(Math.max(Math.min(...starts), to - maxRangeMs));
  const devices = tracks.map(({ device }) => device).slice(0, maxDevices);
  return from < to ? { gateway, signal, devices, from, to } : undefined;
}

/** The request that has the moment an alert fired, one that is answered before one that is open. */
export function requestOfAlert(requests: RawState['requests'], alert: AlertView): RawRequestView | undefined {
  const { gateway, device, signal, fired } = alert;
  let found: RawRequestView | undefined;
  for (const request of requests.values()) {
    if (request.gateway !== gateway || request.device !== device || request.signal !== signal) continue;
    if (request.from > fired || request.to <= fired) continue;
    if (found === undefined || (found.done === null && request.done !== null)) found = request;
  }
  return found;
}

export function rangeOfAlert(requests: RawState['requests'], alert: AlertView): Omit<RawShown, 'trouble' | 'readings'> {
  const { gateway, device, signal, fired } = alert;
  const { from, to } = requestOfAlert(requests, alert) ?? { from: fired - aroundMs, to: fired + aroundMs };
  return { gateway, signal, devices: [device], from, to };
}

/** The requests that bring readings of what is on show. */
export function requestsOf(requests: RawState['requests'], shown: RawShown, device?: string): RawRequestView[] {
  return [...requests.values()].filter(
    (request) =>
      request.gateway === shown.gateway &&
      request.signal === shown.signal &&
      (device === undefined ? shown.devices.includes(request.device) : request.device === device) &&
      request.from < shown.to &&
      request.to > shown.from,
  );
}

export function pointsOfRaw({ rows }: RawView): RawPoint[] {
  return rows.map(([time, value, quality]) => ({ time, value, quality }));
}

/** How it stands with what is on show, in words. */
export function rawNote(requests: RawState['requests'], shown: RawShown): string {
  const asked = requestsOf(requests, shown);
  const open = asked.filter(({ done }) => done === null);
  const points = [...shown.readings.values()].flat();
  const uncertain = points.filter(({ quality }) => quality !== 'good').length;
  const loaded = shown.devices.every((device) => shown.readings.has(device));
  const parts: string[] = [];
  if (points.length > 0)
    parts.push(points.length === 1 ? '1 raw reading' : `${formatCount(points.length)} raw readings`);
  else if (loaded && open.length === 0) parts.push('No raw readings');
  if (uncertain > 0) parts.push(`${formatCount(uncertain)} of them not good`);
  if (open.length > 0) parts.push(points.length > 0 ? 'more asked for' : openText(open, shown));
  return [...parts, ...shortfalls(asked, shown), shown.trouble].filter((part) => part !== '').join(' · ');
}

/** Why readings are missing: what was said last for the whole of a device's range counts, and not what was before. */
function shortfalls(asked: readonly RawRequestView[], { devices, from, to }: RawShown): Set<string> {
  const texts = devices.flatMap((device) => {
    const answered = asked.filter((request) => request.device === device && request.done !== null);
    const whole = answered
      .filter((request) => request.from <= from && request.to >= to)
      .sort((a, b) => (b.done ?? 0) - (a.done ?? 0));
    return whole.length > 0 ? whole.slice(0, 1) : answered;
  });
  return new Set(texts.map(({ shortfall }) => shortfall).filter((text) => text !== ''));
}

function openText(open: readonly RawRequestView[], { gateway, to }: RawShown): string {
  if (open.some(({ sent }) => sent)) return `Asked ${gateway}, not answered yet`;
  return open.some((request) => request.asked < to)
    ? 'Asked for when the time after it has passed'
    : `Asked; ${gateway} is told when it is connected`;
}
