// All the page knows, and how each event changes it. Pure: `reduce` returns a new state that shares what did not change,
// so a view compares slices by identity. Everything kept has a limit.

import type { AlertView, GatewayView, PaneView, RawRequestView, SeriesView } from '../src/http/views.ts';
import { change, hide, noRaw, show, takeRequests, type RawPoint, type RawShown, type RawState } from './raw.ts';
import { planTracks, takeHistory, takePanes, trackKey, type Point, type Track, type Tracks } from './tracks.ts';

export const maxClearedAlerts = 200;

/** `connecting` until the first answer, `lost` while the stream is down and reconnecting. */
export type Link = 'connecting' | 'live' | 'lost';

/** What was learnt, and when in the page's order of events: see tracks.ts. */
interface Learnt<T> {
  readonly view: T;
  readonly order: number;
}

export interface State {
  /** Counts events; a question remembers it as `asked`. */
  readonly order: number;
  /** The hub's clock, epoch milliseconds. */
  readonly nowMs: number;
  readonly link: Link;
  /** When the stream last said something; 0 before it ever did. */
  readonly heardMs: number;
  /** Something the reader has to know about the page itself. */
  readonly notice: string | undefined;
  /** Whether the first answers are in: only then is nothing really nothing. */
  readonly loaded: boolean;
  readonly gateways: ReadonlyMap<string, Learnt<GatewayView>>;
  readonly alerts: ReadonlyMap<string, Learnt<AlertView>>;
  readonly series: readonly SeriesView[];
  readonly gateway: string | undefined;
  readonly window: string | undefined;
  readonly tracks: Tracks;
  readonly raw: RawState;
}

export type PageEvent =
  | { readonly kind: 'tick'; readonly nowMs: number }
  | { readonly kind: 'link'; readonly link: Link }
  | { readonly kind: 'heard' }
  | { readonly kind: 'notice'; readonly text: string | undefined }
  | {
      readonly kind: 'snapshot';
      readonly asked: number;
      readonly gateways: readonly GatewayView[];
      readonly alerts: readonly AlertView[];
      readonly series: readonly SeriesView[];
    }
  | { readonly kind: 'series'; readonly series: readonly SeriesView[] }
  | { readonly kind: 'gateway'; readonly gateway: GatewayView }
  | { readonly kind: 'alert'; readonly alert: AlertView }
  | { readonly kind: 'raw'; readonly requests: readonly RawRequestView[] }
  | { readonly kind: 'raw-show'; readonly key: string; readonly shown: RawShown }
  | { readonly kind: 'raw-hide'; readonly key: string }
  | { readonly kind: 'raw-trouble'; readonly key: string; readonly text: string }
  | {
      readonly kind: 'raw-readings';
      readonly key: string;
      readonly device: string;
      readonly readings: readonly RawPoint[];
    }
  | { readonly kind: 'panes'; readonly panes: readonly PaneView[] }
  | { readonly kind: 'choose'; readonly gateway?: string | undefined; readonly window?: string | undefined }
  | { readonly kind: 'history'; readonly track: Track; readonly asked: number; readonly points: readonly Point[] };

export const initialState: State = {
  order: 0,
  nowMs: 0,
  link: 'connecting',
  heardMs: 0,
  notice: undefined,
  loaded: false,
  gateways: new Map(),
  alerts: new Map(),
  series: [],
  gateway: undefined,
  window: undefined,
  tracks: new Map(),
  raw: noRaw,
};

export function reduce(before: State, event: PageEvent): State {
  const state = { ...before, order: before.order + 1 };
  const { order } = state;
  switch (event.kind) {
    case 'tick':
      return { ...state, nowMs: event.nowMs };
    case 'link':
      return { ...state, link: event.link };
    case 'heard':
      return { ...state, heardMs: state.nowMs };
    case 'notice':
      return { ...state, notice: event.text };
    case 'snapshot':
      return takeSnapshot(state, event);
    case 'series':
      return withTracks({ ...state, series: event.series });
    case 'gateway':
      return { ...state, gateways: new Map(state.gateways).set(event.gateway.name, { view: event.gateway, order }) };
    case 'alert':
      return {
        ...state,
        alerts: boundedAlerts(new Map(state.alerts).set(alertKey(event.alert), { view: event.alert, order })),
      };
    case 'raw':
      return { ...state, raw: takeRequests(state.raw, event.requests) };
    case 'raw-show':
      return { ...state, raw: show(state.raw, event.key, event.shown) };
    case 'raw-hide':
      return { ...state, raw: hide(state.raw, event.key) };
    case 'raw-trouble':
      return { ...state, raw: change(state.raw, event.key, () => ({ trouble: event.text })) };
    case 'raw-readings': {
      const { device, readings } = event;
      const changes = (shown: RawShown): Partial<RawShown> => ({
        readings: new Map(shown.readings).set(device, readings),
      });
      return { ...state, raw: change(state.raw, event.key, changes) };
    }
    case 'panes':
      return { ...state, tracks: takePanes(state.tracks, event.panes, order) };
    case 'choose':
      return withTracks({ ...state, gateway: event.gateway ?? state.gateway, window: event.window ?? state.window });
    case 'history':
      return takeAnswer(state, event);
  }
}

function takeSnapshot(state: State, event: Extract<PageEvent, { kind: 'snapshot' }>): State {
  const gateways = answered(state.gateways, event.gateways, (gateway) => gateway.name, event.asked);
  const alerts = boundedAlerts(answered(state.alerts, event.alerts, alertKey, event.asked));
  // What the stream would have brought while it was down was missed: history has to be asked again.
  const tracks = new Map([...state.tracks].map(([key, track]) => [key, { ...track, loaded: false }]));
  return withTracks({ ...state, loaded: true, gateways, alerts, series: event.series, tracks });
}

function takeAnswer(state: State, event: Extract<PageEvent, { kind: 'history' }>): State {
  const track = state.tracks.get(trackKey(event.track));
  // Chosen away while the answer was under way.
  if (track?.gateway !== event.track.gateway || track.window.id !== event.track.window.id) return state;
  const loaded = takeHistory(track, event.points, event.asked);
  return { ...state, tracks: new Map(state.tracks).set(trackKey(track), loaded) };
}

/** One episode of one rule: the natural key of its two transitions. */
export function alertKey(alert: AlertView): string {
  return [alert.gateway, alert.rule, alert.device, alert.signal, alert.since].join('\u0000');
}

const severityRank: Readonly<Record<string, number>> = { critical: 0, warning: 1, info: 2 };

function rank(alert: AlertView): number {
  return severityRank[alert.severity] ?? 3;
}

/** Most severe first, then the newest. */
export function firingAlerts(alerts: State['alerts']): AlertView[] {
  const firing = [...alerts.values()].map(({ view }) => view).filter((alert) => alert.cleared === null);
  return firing.sort((a, b) => rank(a) - rank(b) || b.fired - a.fired);
}

/** The newest end first. */
export function clearedAlerts(alerts: State['alerts']): AlertView[] {
  const cleared = [...alerts.values()].map(({ view }) => view).filter((alert) => alert.cleared !== null);
  return cleared.sort((a, b) => (b.cleared ?? 0) - (a.cleared ?? 0));
}

/** The natural keys of every series and window the page has been told of. */
export function knownWindows(series: readonly SeriesView[]): Set<string> {
  return new Set(series.flatMap((one) => one.windows.map((window) => windowKey(one, window.id))));
}

/** Whether these panes are of a series or window the page has not been told of. */
export function bringsUnknown(known: ReadonlySet<string>, panes: readonly PaneView[]): boolean {
  return panes.some((pane) => !known.has(windowKey(pane, pane.window)));
}

function windowKey(of: Pick<SeriesView, 'gateway' | 'device' | 'signal'>, window: string): string {
  return [of.gateway, of.device, of.signal, window].join('\u0000');
}

/** The gateways there are charts for, by name. */
export function chartedGateways(series: readonly SeriesView[]): string[] {
  return [...new Set(series.map((one) => one.gateway))].sort((a, b) => a.localeCompare(b));
}

/** Plans the tracks anew; a gateway that is not chosen, or not there, gives way to the first that has series. */
function withTracks(state: State): State {
  const charted = chartedGateways(state.series);
  const gateway = state.gateway !== undefined && charted.includes(state.gateway) ? state.gateway : charted[0];
  // Before the first answer the choice of the address bar has to survive.
  const chosen = charted.length === 0 ? state.gateway : gateway;
  return { ...state, gateway: chosen, tracks: planTracks(state.tracks, state.series, gateway, state.window) };
}

/** The answer to a question, except where the stream has said something since it was asked. */
function answered<T>(
  known: ReadonlyMap<string, Learnt<T>>,
  answer: readonly T[],
  key: (view: T) => string,
  asked: number,
): Map<string, Learnt<T>> {
  const next = new Map(answer.map((view) => [key(view), { view, order: asked }]));
  for (const [name, learnt] of known) if (learnt.order > asked) next.set(name, learnt);
  return next;
}

/** All that fire, and the newest of those that cleared. */
function boundedAlerts(alerts: ReadonlyMap<string, Learnt<AlertView>>): ReadonlyMap<string, Learnt<AlertView>> {
  const cleared = [...alerts].filter(([, { view }]) => view.cleared !== null);
  if (cleared.length <= maxClearedAlerts) return alerts;
  cleared.sort(([, a], [, b]) => (b.view.cleared ?? 0) - (a.view.cleared ?? 0));
  const next = new Map(alerts);
  for (const [key] of cleared.slice(maxClearedAlerts)) next.delete(key);
  return next;
}
