// A gateway's last Status as the page and the API show it. What comes from a gateway is cut to size and shape here.

import type { Status } from '@weir/shared/wire/codec.ts';
import { namePattern } from '@weir/shared/wire/topics.ts';
import type { GatewayView, StorageView } from '../http/views.ts';
import type { Readings } from '../state/cursors.ts';
import type { NotedGap } from '../state/gaps.ts';
import type { GatewayPoint } from '../store/store.ts';
import { balance, type Said } from './balance.ts';

export interface GatewayStatus {
  readonly name: string;
  readonly online: boolean;
  /** Hub's clock at the last status; 0 when there was none yet. */
  readonly seenMs: number;
  readonly status: Status | undefined;
  readonly readings: Readings;
  readonly gaps: { readonly count: number; readonly last: readonly NotedGap[] };
  /** As of the last status. */
  readonly imbalance: number;
  /** What the hub itself finds wrong with it. */
  readonly complaints: readonly GatewayView['health'][number][];
}

const maxHealth = 200;
const maxDeadLetters = 100;
const maxReasons = 32;
const maxSeriesLosses = 10;
const maxText = 500;
const reasonPattern = /^[a-z][a-z0-9_]{0,31}$/;

/** `stored` is what the hub counted itself; everything else is the gateway's word. */
export function viewOf({ name, online, seenMs, status, readings, ...rest }: GatewayStatus): GatewayView {
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
    imbalance: rest.imbalance,
    ownImbalance: Math.trunc(finite(status?.imbalance)),
    gaps: {
      count: rest.gaps.count,
      last: rest.gaps.last.map(({ timeMs, lane, firstSeq, lastSeq, readings: lost }) => {
        return { time: timeMs, lane, entries: lastSeq - firstSeq + 1, readings: lost };
      }),
    },
    thinned: count(status?.thinned),
    flagged: countsOf(status?.flagged),
    seriesLosses: seriesLosses(status),
    readingsPerSecond: Math.max(0, finite(status?.readingsPerSecond)),
    outboxBytes: count(status?.outboxBytes),
    journalBytes: count(status?.journalBytes),
    memoryBytes: count(status?.memoryBytes),
    storage: storageOf(status),
    alarms: alarmsOf(status),
    clock: status?.time === undefined ? null : { state: cut(status.time.state), detail: cut(status.time.detail) },
    health: [
      ...rest.complaints,
      ...(status?.health ?? []).slice(0, maxHealth).map(({ part, up, detail, sinceMs }) => ({
        part: cut(part),
        up,
        detail: cut(detail),
        since: finite(sinceMs),
      })),
    ],
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
    imbalance: view.imbalance,
    writtenBytesPerHour: view.storage?.writtenBytesPerHour,
    syncsPerHour: view.storage?.syncsPerHour,
    cardYears: view.storage?.years ?? undefined,
  };
}

/** What a gateway's status says of its readings. */
export function saidBy(status: Status | undefined): Said {
  const { taken, open, pending } = status ?? {};
  return { taken: count(taken), open: count(open), pending: count(pending), lost: countsOf(status?.lost) };
}

/** What the gateway lost, and what the hub knows to be lost of it. Reasons become field names and labels: plain words only. */
function losses(status: Status | undefined, readings: Readings): Record<string, number> {
  const said = saidBy(status);
  const lost: Record<string, number> = { ...said.lost };
  const add = (reason: string, more: number): void => {
    if (more > 0) lost[reason] = (lost[reason] ?? 0) + more;
  };
  add('quarantined', readings.quarantined);
  add('gap', status === undefined ? 0 : balance(said, readings).gap);
  return lost;
}

function storageOf(status: Status | undefined): StorageView | null {
  const storage = status?.storage;
  if (storage === undefined) return null;
  const { years, rawSinceMs } = storage;
  return {
    writtenBytesPerHour: count(storage.writtenBytesPerHour),
    syncsPerHour: count(storage.syncsPerHour),
    freeBytes: count(storage.freeBytes),
    commitMs: count(storage.commitMs),
    years: years === undefined || !(years >= 0 && years < Infinity) ? null : years,
    damagedBytes: count(storage.damagedBytes),
    damagedRecords: count(storage.damagedRecords),
    atRisk: count(storage.atRisk),
    rawSince: rawSinceMs === undefined || !Number.isFinite(rawSinceMs) ? null : rawSinceMs,
  };
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

function alarmsOf(status: Status | undefined): GatewayView['alarms'] {
  if (status?.alarms === undefined) return null;
  const { firing, unacknowledged, shelved, suppressed, disabled, stale, chattering, ...rates } = status.alarms;
  return {
    firing,
    unacknowledged,
    shelved,
    suppressed,
    disabled,
    stale,
    chattering,
    transitionsPerMinute: Math.max(0, finite(rates.transitionsPerMinute)),
    alarmsPerTenMinutes: Math.max(0, finite(rates.alarmsPerTenMinutes)),
  };
}
