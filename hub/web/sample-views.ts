// Views as the hub sends them, for the tests beside them.

import type { AlertView, GatewayView, PaneView, SeriesView } from '../src/http/views.ts';
import type { Point, Track, WindowChoice } from './tracks.ts';

export const tenSeconds = windowOf('10s', 10_000, { compute: ['mean', 'min', 'max'] });
export const oneMinute = windowOf('1m', 60_000, { compute: ['mean', 'p95'] });
export const hopping = windowOf('30s/10s', 30_000, { kind: 'hopping', stepMs: 10_000 });
export const session = windowOf('session-10m', 0, { kind: 'session' });

function windowOf(id: string, sizeMs: number, part: Partial<WindowChoice> = {}): WindowChoice {
  return { id, kind: 'tumbling', sizeMs, stepMs: sizeMs, compute: ['mean'], ...part };
}

export function seriesOf(part: Partial<SeriesView> = {}): SeriesView {
  const names = { gateway: 'line-3', device: 'tempering', signal: 'temperature', unit: '°C' };
  return { ...names, windows: [tenSeconds, oneMinute], ...part };
}

export function paneOf(start: number, mean: number, part: Partial<PaneView> = {}): PaneView {
  const names = { gateway: 'line-3', device: 'tempering', signal: 'temperature', window: '10s' };
  const values = { mean, min: mean - 1, max: mean + 1 };
  return { ...names, start, end: start + 10_000, revision: 0, retracted: false, count: 10, values, ...part };
}

export function pointOf(start: number, mean: number | null, order = 0): Point {
  const values = { mean, min: mean === null ? null : mean - 1, max: mean === null ? null : mean + 1 };
  return { start, end: start + 10_000, count: 10, revision: 0, values, order };
}

export function trackOf(points: readonly Point[], part: Partial<Track> = {}): Track {
  const { gateway, device, signal, unit } = seriesOf();
  const retracted = new Map<number, number>();
  return { gateway, device, signal, unit, window: tenSeconds, loaded: true, points, retracted, ...part };
}

export function alertOf(part: Partial<AlertView> = {}): AlertView {
  const names = {
    gateway: 'line-3',
    rule: 'too_hot',
    device: 'tempering',
    signal: 'temperature',
    severity: 'critical',
  };
  const said = { reason: '', quiet: '', acknowledged: null, acknowledgedBy: '', comment: '', latched: false };
  return { ...names, since: 1000, fired: 2000, cleared: null, value: 34.5, ...said, ...part };
}

export function gatewayOf(part: Partial<GatewayView> = {}): GatewayView {
  return {
    name: 'line-3',
    online: true,
    seen: 1000,
    version: '0.1.0',
    taken: 0,
    open: 0,
    pending: 0,
    stored: 0,
    lost: {},
    flagged: {},
    imbalance: 0,
    ownImbalance: 0,
    alarms: null,
    gaps: { count: 0, last: [] },
    thinned: 0,
    seriesLosses: [],
    readingsPerSecond: 0,
    outboxBytes: 0,
    journalBytes: 0,
    storage: null,
    clock: null,
    memoryBytes: 0,
    health: [],
    deadLetters: [],
    ...part,
  };
}
