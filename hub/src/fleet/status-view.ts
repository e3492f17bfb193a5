// A gateway's last Status as the page and the API show it. What comes from a gateway is cut to size and shape here.

import type { Status } from '@weir/shared/wire/codec.ts';
import { namePattern } from '@weir/shared/wire/topics.ts';
import type { GatewayView } from '../http/views.ts';
import type { Readings } from '../state/cursors.ts';
import type { GatewayPoint } from '../store/store.ts';

export interface GatewayStatus {
  readonly name: string;
  readonly online: boolean;
  /** Hub's clock at the last status; 0 when there was none yet. */
  readonly seenMs: number;
  readonly status: Status | undefined;
  readonly readings: Readings;
}

const maxHealth = 200;
const maxDeadLetters = 100;
const maxReasons = 32;
const maxSeriesLosses = 10;
const maxText = 500;
const reasonPattern = /^[a-z][a-z0-9_]{0,31}$/;

/** `stored` is what the hub counted itself; everything else is the gateway's word. */
export function viewOf({ name, online, seenMs, status, readings }: GatewayStatus): GatewayView {
  return {
    name,
    online,
    seen: seenMs,
    version: cut(status?.version ?? ''),
    taken: count(status?.taken),
    open: count(status?.open),
    pending: count(status?.pending),
    stored: readings.stored,
    lost: losses(status, readings),
    flagged: countsOf(status?.flagged),
    seriesLosses: seriesLosses(status),
    readingsPerSecond: Math.max(0, finite(status?.readingsPerSecond)),
    outboxBytes: count(status?.outboxBytes),
    journalBytes: count(status?.journalBytes),
    memoryBytes: count(status?.memoryBytes),
    health: (status?.health ?? []).slice(0, maxHealth).map(({ part, up, detail, sinceMs }) => ({
      part: cut(part),
      up,
      detail: cut(detail),
      since: finite(sinceMs),
    })),
    deadLetters: (status?.deadLetters ?? []).slice(0, maxDeadLetters).map((letter) => ({
      reason: cut(letter.reason),
      where: cut(letter.where),
      arrival: finite(letter.arrivalMs),
      detail: cut(letter.detail),
      sample: cut(letter.sample),
    })),
  };
}

export function pointOf(view: GatewayView, timeMs: number): GatewayPoint {
  const sources = view.health.filter(({ part }) => part.startsWith('source '));
  const up = sources.filter((source) => source.up).length;
  return {
    gateway: view.name,
    timeMs,
    up: view.online,
    taken: view.taken,
    stored: view.stored,
    open: view.open,
    pending: view.pending,
    lost: view.lost,
    outboxBytes: view.outboxBytes,
    memoryBytes: view.memoryBytes,
    readingsPerSecond: view.readingsPerSecond,
    sourcesUp: up,
    sourcesDown: sources.length - up,
  };
}

/** What the gateway lost, and what the hub's store refused of it. Reasons become field names and labels: plain words only. */
function losses(status: Status | undefined, { quarantined }: Readings): Record<string, number> {
  const lost = countsOf(status?.lost);
  if (quarantined > 0) lost['quarantined'] = (lost['quarantined'] ?? 0) + quarantined;
  return lost;
}

function countsOf(reported: Readonly<Record<string, number>> = {}): Record<string, number> {
  const named = Object.entries(reported).filter(([reason]) => reasonPattern.test(reason));
  return Object.fromEntries(named.slice(0, maxReasons).map(([reason, readings]) => [reason, count(readings)]));
}

function seriesLosses(status: Status | undefined): GatewayView['seriesLosses'] {
  return (status?.seriesLosses ?? [])
    .filter((loss) => [loss.device, loss.signal].every((name) => namePattern.test(name)))
    .filter((loss) => reasonPattern.test(loss.reason) && count(loss.count) > 0)
    .map(({ device, signal, reason, count: readings }) => ({ device, signal, reason, count: count(readings) }))
    .toSorted((a, b) => b.count - a.count)
    .slice(0, maxSeriesLosses);
}

function count(value: number | undefined): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.trunc(finite(value))));
}

function finite(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) ? value : 0;
}

function cut(text: string): string {
  return text.slice(0, maxText);
}
