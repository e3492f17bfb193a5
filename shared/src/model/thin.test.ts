import { describe, expect, it } from 'vitest';
import type { Pane, WindowShape } from './pane.ts';
import { coalesce, coarseWindows, Condenser, isThinned, thin } from './thin.ts';

const minute = 60_000;
const [tenMinutes, hour] = coarseWindows;
const utc = (sizeMs: number): WindowShape => ({ kind: 'tumbling', sizeMs, zone: undefined });

type Given = Partial<Omit<Pane, 'window'>> & { at?: number; id?: string; shape?: WindowShape; compute?: Pane['window']['compute'] }; // prettier-ignore

/** The pane of the minute `at`, with as many readings as its mean. */
function paneOf({ at = 0, id = '1m', shape = utc(minute), compute = ['mean'], ...more }: Given): Pane {
  const count = more.count ?? at + 1;
  return {
    series: { device: 'press', signal: 'temperature' },
    window: { id, shape, compute },
    start: at * minute,
    end: (at + 1) * minute,
    timing: 'on_time',
    revision: 0,
    retracted: false,
    count,
    accounted: count,
    fresh: count,
    values: compute.map(() => count),
    ...more,
  };
}

const told = (panes: readonly Pane[]): string[] =>
  panes.map(({ window, start, revision, retracted, count, accounted, fresh }) =>
    [window.id, start / minute, `r${revision}`, retracted ? 'gone' : `${count}/${accounted}`, `+${fresh}`].join(' '),
  );

describe('coalescing', () => {
  it('leaves the last revision, where it stands, with what all of them report', () => {
    const panes = [
      paneOf({ at: 0, count: 5 }),
      paneOf({ at: 1, count: 2 }),
      paneOf({ at: 0, count: 6, fresh: 1, revision: 1 }),
      paneOf({ at: 2, count: 3 }),
      paneOf({ at: 0, count: 9, fresh: 3, revision: 2, timing: 'late' }),
    ];
    expect(told(coalesce(panes))).toEqual(['1m 1 r0 2/2 +2', '1m 2 r0 3/3 +3', '1m 0 r2 9/9 +9']);
  });

  it('keeps apart what has another key', () => {
    const panes = [
      paneOf({}),
      paneOf({ series: { device: 'oven', signal: 'temperature' }, revision: 1 }),
      paneOf({ series: { device: 'press', signal: 'pressure' }, revision: 1 }),
      paneOf({ id: '2m', revision: 1 }),
      paneOf({ at: 1, revision: 1 }),
    ];
    expect(coalesce(panes)).toEqual(panes);
  });

  it('lets a retraction stand behind the pane whose readings it cannot take over, and in the place of one without', () => {
    const gone = { retracted: true, count: 0, accounted: 0, fresh: 0 };
    const accounting = [
      paneOf({ count: 2 }),
      paneOf({ count: 3, fresh: 1, revision: 1 }),
      paneOf({ ...gone, revision: 2 }),
    ];
    expect(told(coalesce(accounting))).toEqual(['1m 0 r1 3/3 +3', '1m 0 r2 gone +0']);
    const silent = [paneOf({ accounted: 0, fresh: 0 }), paneOf({ ...gone, revision: 1 })];
    expect(told(coalesce(silent))).toEqual(['1m 0 r1 gone +0']);
  });

  it('leaves alone what begins anew under a key that was there before', () => {
    const panes = [paneOf({ count: 6, revision: 1 }), paneOf({ count: 1 })];
    expect(coalesce(panes)).toEqual(panes);
    const more = [paneOf({ count: 6 }), paneOf({ count: 7, accounted: 1, fresh: 1, revision: 1 })];
    expect(coalesce(more)).toEqual(more);
  });
});

describe('thinning', () => {
  const minutes = (count: number): Pane[] => Array.from({ length: count }, (_, at) => paneOf({ at }));

  it('makes one pane of ten, marked, where the last of them stands', () => {
    const other = paneOf({ series: { device: 'oven', signal: 'temperature' } });
    const panes = [...minutes(10), other, paneOf({ at: 10 })];
    const [coarse, ...rest] = thin(panes, tenMinutes);
    expect(coarse).toEqual({
      series: { device: 'press', signal: 'temperature' },
      window: { id: '1m~10m', shape: utc(600_000), compute: ['mean'] },
      start: 0,
      end: 600_000,
      timing: 'on_time',
      revision: 0,
      retracted: false,
      count: 55,
      accounted: 55,
      fresh: 55,
      values: [7],
    });
    expect(rest).toEqual([other, paneOf({ at: 10 })]);
  });

  it('goes on from ten minutes to an hour, taking in what was left', () => {
    const panes = thin(minutes(21), tenMinutes);
    expect(told(panes)).toEqual(['1m~10m 0 r0 55/55 +55', '1m~10m 10 r0 155/155 +155', '1m 20 r0 21/21 +21']);
    expect(panes.map(isThinned)).toEqual([true, true, false]);
    expect(told(thin(panes, hour))).toEqual(['1m~1h 0 r0 231/231 +231']);
    expect(thin(panes, hour)[0]?.values).toEqual(thin(minutes(21), hour)[0]?.values);
  });

  it('says late when one of them was', () => {
    expect(thin([paneOf({ at: 0, timing: 'late' }), paneOf({ at: 1 })], tenMinutes)[0]?.timing).toBe('late');
  });

  it.each<[string, Given]>([
    ['a window that is still open', { timing: 'early' }],
    ['a correction of what the hub may have', { revision: 1, fresh: 1 }],
    ['a correction where another window accounts', { revision: 1, accounted: 0, fresh: 0 }],
    ['a window that follows local days', { shape: { kind: 'tumbling', sizeMs: minute, zone: 'Europe/Zurich' } }],
    ['a hopping window', { shape: { kind: 'hopping', sizeMs: minute, slideMs: 10_000 } }],
    ['a session', { shape: { kind: 'session', gapMs: minute } }],
    ['a window that is no part of the coarse one', { shape: utc(7 * minute), start: 7 * minute }],
    ['a window off the grid', { start: 1.5 * minute }],
    ['a window as long as the coarse one', { shape: utc(600_000), start: 0 }],
  ])('leaves %s as it is', (_, given) => {
    const panes = [paneOf({ at: 1, ...given }), paneOf({ at: 2, ...given }), paneOf({ at: 3 }), paneOf({ at: 4 })];
    const left = thin(panes, tenMinutes);
    const as = told(coalesce(panes.slice(0, 2)));
    expect(told(left)).toEqual([...as, '1m~10m 0 r0 9/9 +9']);
  });

  it('merges a corrected pane when its first revision is at hand, too, or when it reports all it accounts for', () => {
    const whole = [paneOf({ at: 0, count: 4 }), paneOf({ at: 0, count: 5, fresh: 1, revision: 1 }), paneOf({ at: 1 })];
    expect(told(thin(whole, tenMinutes))).toEqual(['1m~10m 0 r0 7/7 +7']);
    expect(told(thin(coalesce(whole), tenMinutes))).toEqual(['1m~10m 0 r0 7/7 +7']);
  });

  it('leaves windows that do not compute the same as they are', () => {
    const panes = [paneOf({ at: 0 }), paneOf({ at: 1, compute: ['mean', 'max'] })];
    expect(thin(panes, tenMinutes)).toEqual(panes);
  });

  it('does not make a coarse window again', () => {
    const condenser = new Condenser(tenMinutes, (name, start) => name === 'press/temperature/1m' && start >= 600_000);
    for (const pane of minutes(30)) condenser.add(pane, pane.start / minute);
    const left = [...condenser.results()];
    expect(told(left.map(({ pane }) => pane)).slice(10)).toEqual(['1m~10m 10 r0 155/155 +155', '1m~10m 20 r0 255/255 +255']); // prettier-ignore
    expect(left.map(({ at }) => at)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 19, 29]);
    expect(condenser.thinned).toEqual(new Map([['press/temperature/1m', 1_800_000]]));
    expect(condenser.merged).toEqual({ from: 20, into: 2, readings: 410 });
  });

  it('does not know what came first where windows overlap', () => {
    const compute = ['first', 'last', 'changes', 'increase', 'max'] as const;
    const fine = Array.from({ length: 3 }, (_, at) => paneOf({ at, compute }));
    const late = paneOf({ at: 1, compute, series: { device: 'press', signal: 'temperature' } });
    const coarse = thin([paneOf({ at: 0, compute }), paneOf({ at: 2, compute })], tenMinutes);
    expect(thin(fine, tenMinutes)[0]?.values).toEqual([1, 3, 8, 8, 3]);
    expect(thin([...coarse, late], hour)[0]?.values).toEqual([NaN, NaN, NaN, NaN, 3]);
  });
});
