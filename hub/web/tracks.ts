// The panes kept of the one gateway on show: a track for each series, oldest pane first, a limit on each.
//
// Panes come by two ways, the answer to a question (history) and the live stream, and they may overtake each other. Each
// carries the page's order of events: what was known when the question was asked gives way to the answer, and what the
// stream brought since then is newer than the answer, also that there is no such pane any more. No revision is compared:
// order is the guard.

import type { PanesView, PaneView, SeriesView } from '../src/http/views.ts';

export const maxPoints = 600;
/** How many windows back a chart looks. */
export const shownWindows = 200;

export interface Point {
  readonly start: number;
  readonly end: number;
  readonly count: number;
  readonly revision: number;
  readonly values: Readonly<Record<string, number | null>>;
  /** The page's order of events when this was learnt. */
  readonly order: number;
}

export type WindowChoice = SeriesView['windows'][number];

export interface Track {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  readonly unit: string;
  readonly window: WindowChoice;
  /** Whether its history has been answered. */
  readonly loaded: boolean;
  readonly points: readonly Point[];
  /** Starts of panes the stream has retracted, with the page's order of events then: history may still have them. */
  readonly retracted: ReadonlyMap<number, number>;
}

export type Tracks = ReadonlyMap<string, Track>;

export function trackKey(of: Pick<SeriesView, 'device' | 'signal'>): string {
  return `${of.device}\u0000${of.signal}`;
}

/** The chosen window where the series has it, else the one it is shown by. */
export function windowOf(series: SeriesView, chosen: string | undefined): WindowChoice | undefined {
  return series.windows.find((window) => window.id === chosen) ?? defaultWindow(series.windows);
}

/** Of windows in the order of `windowsOf`: the shortest that neither overlap nor wait for the readings to cease. */
export function defaultWindow(windows: readonly WindowChoice[]): WindowChoice | undefined {
  return windows.find((window) => window.kind === 'tumbling') ?? windows[0];
}

/** Every window any series of the gateway has, shortest first, those of no fixed length last. */
export function windowsOf(series: readonly SeriesView[], gateway: string | undefined): WindowChoice[] {
  const byId = new Map<string, WindowChoice>();
  for (const one of series) {
    if (one.gateway !== gateway) continue;
    for (const window of one.windows) if (!byId.has(window.id)) byId.set(window.id, window);
  }
  return [...byId.values()].sort(
    (a, b) => Number(a.sizeMs === 0) - Number(b.sizeMs === 0) || a.sizeMs - b.sizeMs || a.id.localeCompare(b.id),
  );
}

/** The tracks of a gateway and window; a track that stays keeps its points. */
export function planTracks(
  known: Tracks,
  series: readonly SeriesView[],
  gateway: string | undefined,
  chosen: string | undefined,
): Tracks {
  const planned = new Map<string, Track>();
  for (const one of series) {
    const window = windowOf(one, chosen);
    if (one.gateway !== gateway || window === undefined) continue;
    const key = trackKey(one);
    const before = known.get(key);
    const same = before?.gateway === one.gateway && before.window.id === window.id;
    const { device, signal, unit } = one;
    const { loaded, points, retracted } = same
      ? before
      : { loaded: false, points: [], retracted: new Map<number, number>() };
    planned.set(key, { gateway, device, signal, unit, window, loaded, points, retracted });
  }
  return planned;
}

export function pointsOf(answer: PanesView, order: number): Point[] {
  return answer.rows.map((row) => {
    const values: Record<string, number | null> = {};
    for (const [index, column] of answer.columns.entries()) values[column] = row[index] ?? null;
    const { start, end, count, revision, ...statistics } = values;
    const bounds = { start: start ?? 0, end: end ?? start ?? 0 };
    return { ...bounds, count: count ?? 0, revision: revision ?? 0, values: statistics, order };
  });
}

/** What the stream says overwrites the pane of the same start. Panes of other gateways, series or windows change nothing. */
export function takePanes(tracks: Tracks, panes: readonly PaneView[], order: number): Tracks {
  const said = new Map<string, PaneView[]>();
  for (const pane of panes) {
    const key = trackKey(pane);
    const track = tracks.get(key);
    if (track?.gateway !== pane.gateway || track.window.id !== pane.window) continue;
    const panes = said.get(key) ?? [];
    panes.push(pane);
    said.set(key, panes);
  }
  if (said.size === 0) return tracks;
  const next = new Map(tracks);
  for (const [key, panes] of said) {
    const track = next.get(key);
    if (track !== undefined) next.set(key, withPanes(track, panes, order));
  }
  return next;
}

function withPanes(track: Track, panes: readonly PaneView[], order: number): Track {
  const points = new Map(track.points.map((point) => [point.start, point]));
  const retracted = new Map(track.retracted);
  for (const { start, end, count, revision, values, retracted: isGone } of panes) {
    points.delete(start);
    if (isGone) retracted.set(start, order);
    else points.set(start, { start, end, count, revision, values, order });
  }
  return { ...track, points: bounded([...points.values()]), retracted: new Map([...retracted].slice(-maxPoints)) };
}

/** What history says replaces all that was known when it was asked; what the stream brought since then stays. */
export function takeHistory(track: Track, answer: readonly Point[], asked: number): Track {
  const newer = track.points.filter((point) => point.order > asked);
  const retracted = new Map([...track.retracted].filter(([, order]) => order > asked));
  const there = answer.filter((point) => !retracted.has(point.start));
  return { ...track, loaded: true, points: bounded([...there, ...newer]), retracted };
}

/** By start, the last word on each, the newest `maxPoints`. */
function bounded(points: readonly Point[]): Point[] {
  const byStart = new Map(points.map((point) => [point.start, point]));
  return [...byStart.values()].sort((a, b) => a.start - b.start).slice(-maxPoints);
}
