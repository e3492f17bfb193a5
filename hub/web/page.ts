// The hub's page: one state, changed by events, drawn at most once for each frame.

import { AlertsView } from './alerts-view.ts';
import { HubApi } from './api.ts';
import { GatewaysView } from './gateways-view.ts';
import { Loader } from './loader.ts';
import { RawDialog } from './raw-dialog.ts';
import { RawLoader } from './raw-loader.ts';
import { alertRaw } from './raw.ts';
import { SignalsView } from './signals-view.ts';
import { bringsUnknown, initialState, knownWindows, reduce, type PageEvent, type State } from './state.ts';
import { LiveStream, type StreamHandlers } from './stream.ts';
import { SummaryView } from './summary-view.ts';

const tickMs = 1000;

const api = new HubApi(fetch.bind(globalThis), Date.now);
let state: State = reduce(reduce(initialState, { kind: 'tick', nowMs: api.now() }), {
  kind: 'choose',
  ...readAddress(),
});
let known = knownWindows(state.series);
let frame: number | undefined;

const summary = new SummaryView();
const rawLoader = new RawLoader(api, () => state, dispatch);
const rawDialog = new RawDialog(() => rawLoader.hide(alertRaw));
const alerts = new AlertsView((alert) => {
  rawDialog.open(alert);
  void rawLoader.showAlert(alert);
});
const signals = new SignalsView({
  gateway: (name) => choose({ gateway: name }),
  window: (id) => choose({ window: id }),
  raw: (tracks) => void rawLoader.toggleChart(tracks),
  rerender: requestRender,
});
const gateways = new GatewaysView((name) => {
  choose({ gateway: name });
  document.getElementById('signals')?.scrollIntoView();
}, requestRender);

const loader = new Loader(api, () => state, dispatch);
const handlers: StreamHandlers = {
  opened: () => {
    dispatch({ kind: 'link', link: 'live' });
    dispatch({ kind: 'heard' });
    void loader.wantSnapshot(performance.now());
  },
  lost: () => dispatch({ kind: 'link', link: 'lost' }),
  received: (event) => {
    dispatch({ kind: 'heard' });
    if (event.kind === 'panes' && bringsUnknown(known, event.panes)) loader.wantSeries();
    dispatch(event);
  },
  unreadable: () =>
    dispatch({ kind: 'notice', text: 'The hub speaks another version than this page; reload the page.' }),
};
// Silence is measured by the browser's steady clock: the hub's may step.
const stream = new LiveStream('/api/events', handlers, () => performance.now());

function dispatch(event: PageEvent): void {
  const before = state;
  state = reduce(state, event);
  if (state.raw !== before.raw) void rawLoader.refresh();
  if (state.series !== before.series) known = knownWindows(state.series);
  requestRender();
}

function requestRender(): void {
  frame ??= requestAnimationFrame(() => {
    frame = undefined;
    summary.render(state);
    alerts.render(state);
    signals.render(state);
    rawDialog.render(state);
    gateways.render(state);
  });
}

function choose(choice: { gateway?: string; window?: string }): void {
  dispatch({ kind: 'choose', ...choice });
  const { gateway, window } = state;
  const query = new URLSearchParams({
    ...(gateway === undefined ? {} : { gateway }),
    ...(window === undefined ? {} : { window }),
  });
  history.replaceState(null, '', `?${query.toString()}`);
  void loader.choose();
}

/** The choice is in the address, so that a reload or a bookmark shows the same charts. */
function readAddress(): { gateway: string | undefined; window: string | undefined } {
  const query = new URLSearchParams(location.search);
  return { gateway: query.get('gateway') ?? undefined, window: query.get('window') ?? undefined };
}

stream.open();
setInterval(() => {
  dispatch({ kind: 'tick', nowMs: api.now() });
  stream.tick(Math.random());
  void loader.tick(performance.now());
  void rawLoader.tick();
}, tickMs);
requestRender();
