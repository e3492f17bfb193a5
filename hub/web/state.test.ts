import { describe, expect, it } from 'vitest';
import {
  alertKey,
  bringsUnknown,
  clearedAlerts,
  firingAlerts,
  initialState,
  knownWindows,
  maxClearedAlerts,
  reduce,
  type PageEvent,
  type State,
} from './state.ts';
import { alertOf, gatewayOf, paneOf, pointOf, seriesOf, trackOf } from './sample-views.ts';
import { trackKey } from './tracks.ts';

const snapshot = { kind: 'snapshot', asked: 0, gateways: [gatewayOf()], alerts: [], series: [seriesOf()] } as const;
const key = trackKey(seriesOf());

function after(...events: readonly PageEvent[]): State {
  return events.reduce(reduce, initialState);
}

describe('gateways', () => {
  it('are shown as the stream last said', () => {
    const state = after(snapshot, { kind: 'gateway', gateway: gatewayOf({ taken: 7 }) });
    expect(state.gateways.get('line-3')?.view.taken).toBe(7);
  });

  it('keep what the stream said after the question was asked', () => {
    const state = after(
      { kind: 'gateway', gateway: gatewayOf({ taken: 7 }) },
      { ...snapshot, asked: 0, gateways: [gatewayOf({ taken: 5 })] },
    );
    expect(state.gateways.get('line-3')?.view.taken).toBe(7);
  });

  it('that the hub no longer knows are gone after a reconnection', () => {
    const state = after(snapshot, { ...snapshot, asked: 1, gateways: [gatewayOf({ name: 'line-4' })] });
    expect([...state.gateways.keys()]).toEqual(['line-4']);
  });

  it('change neither the alerts nor the tracks, so that nothing else is drawn', () => {
    const before = after(snapshot);
    const state = reduce(before, { kind: 'gateway', gateway: gatewayOf() });
    expect([state.alerts === before.alerts, state.tracks === before.tracks]).toEqual([true, true]);
  });
});

describe('alerts', () => {
  it('move from firing to cleared as one episode', () => {
    const state = after({ kind: 'alert', alert: alertOf() }, { kind: 'alert', alert: alertOf({ cleared: 9000 }) });
    expect([firingAlerts(state.alerts).length, clearedAlerts(state.alerts).length]).toEqual([0, 1]);
  });

  it('of one rule that fires again are two episodes', () => {
    expect(alertKey(alertOf({ since: 1 }))).not.toBe(alertKey(alertOf({ since: 2 })));
  });

  it('fire most severe first, then newest first', () => {
    const alerts = [
      alertOf({ rule: 'note', severity: 'info', fired: 9 }),
      alertOf({ rule: 'old', severity: 'critical', fired: 1 }),
      alertOf({ rule: 'odd', severity: 'unheard-of', fired: 10 }),
      alertOf({ rule: 'new', severity: 'critical', fired: 2 }),
      alertOf({ rule: 'warn', severity: 'warning', fired: 3 }),
    ];
    const state = after(...alerts.map((alert): PageEvent => ({ kind: 'alert', alert })));
    expect(firingAlerts(state.alerts).map((alert) => alert.rule)).toEqual(['new', 'old', 'warn', 'note', 'odd']);
  });

  it('that cleared are kept up to a limit, the newest; those that fire are never dropped', () => {
    const cleared = Array.from({ length: maxClearedAlerts + 30 }, (_, n) => alertOf({ since: n, cleared: n + 1 }));
    const state = after({ ...snapshot, alerts: [alertOf({ since: -1 }), ...cleared] });
    expect(firingAlerts(state.alerts)).toHaveLength(1);
    expect(clearedAlerts(state.alerts)).toHaveLength(maxClearedAlerts);
    expect(clearedAlerts(state.alerts)[0]?.since).toBe(maxClearedAlerts + 29);
  });
});

describe('the choice of gateway and window', () => {
  it('is the first gateway that has series until one is chosen', () => {
    const series = [seriesOf({ gateway: 'ward-2' }), seriesOf()];
    expect(after({ ...snapshot, series }).gateway).toBe('line-3');
    expect(after({ ...snapshot, series }, { kind: 'choose', gateway: 'ward-2' }).gateway).toBe('ward-2');
  });

  it('of the address bar survives until the series are known', () => {
    const series = [seriesOf({ gateway: 'ward-2' }), seriesOf()];
    expect(after({ kind: 'choose', gateway: 'ward-2' }, { ...snapshot, series }).gateway).toBe('ward-2');
  });

  it('of a gateway that is not there gives way to one that is', () => {
    expect(after({ kind: 'choose', gateway: 'gone' }, snapshot).gateway).toBe('line-3');
  });
});

describe('panes', () => {
  it('of the gateway on show are kept', () => {
    expect(after(snapshot, { kind: 'panes', panes: [paneOf(0, 31)] }).tracks.get(key)?.points).toHaveLength(1);
  });

  it('of history that was chosen away meanwhile are ignored', () => {
    const history = { kind: 'history', track: trackOf([]), asked: 2, points: [pointOf(0, 31)] } as const;
    expect(after(snapshot, history).tracks.get(key)?.points).toHaveLength(1);
    expect(after(snapshot, { kind: 'choose', window: '1m' }, history).tracks.get(key)?.points).toHaveLength(0);
  });

  it('are asked for again after a reconnection, and stay on show until the answer', () => {
    const history = { kind: 'history', track: trackOf([]), asked: 2, points: [pointOf(0, 31)] } as const;
    const track = after(snapshot, history, snapshot).tracks.get(key);
    expect([track?.loaded, track?.points.length]).toEqual([false, 1]);
  });

  it('of a series or window the page was not told of are noticed', () => {
    const known = knownWindows([seriesOf()]);
    expect(bringsUnknown(known, [paneOf(0, 31), paneOf(0, 31, { window: '1m' })])).toBe(false);
    expect(bringsUnknown(known, [paneOf(0, 31), paneOf(0, 31, { window: '1h' })])).toBe(true);
    expect(bringsUnknown(known, [paneOf(0, 31, { gateway: 'line-4' })])).toBe(true);
  });
});
