// Windows of one series, driven by hand: the watermark is a number here.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { specOf } from '../testing/plans.ts';
import type { WindowPane } from './operator.ts';
import { TumblingWindows } from './tumbling.ts';

const context = { expectMs: NaN, isOn: (value: number): boolean => value !== 0 };

function windowsOf(latenessMs: number, spec: Partial<WindowSpec> = {}, accounts = true): TumblingWindows {
  const oneSecond = specOf({ kind: 'tumbling', sizeMs: 1000, zone: undefined }, spec);
  return new TumblingWindows(oneSecond, latenessMs, context, accounts);
}

function close(windows: TumblingWindows, watermark: number, now = 0): WindowPane[] {
  const panes: WindowPane[] = [];
  windows.close(watermark, now, (pane) => panes.push(pane));
  return panes;
}

function brief(panes: readonly WindowPane[]): string[] {
  return panes.map((p) => `${p.start} ${p.timing} r${p.revision} n${p.count} fresh${p.fresh} mean${p.values[0]}`);
}

test('a window closes when the watermark reaches its end, not before', () => {
  const windows = windowsOf(0);
  windows.add(1000, 1);
  windows.add(1999.999, 3);
  expect(close(windows, 1999.999)).toStrictEqual([]);
  expect(close(windows, 2000)).toStrictEqual([
    {
      window: windows.spec,
      start: 1000,
      end: 2000,
      timing: 'on_time',
      revision: 0,
      retracted: false,
      count: 2,
      accounted: 2,
      fresh: 2,
      values: [2],
    },
  ]);
  expect(close(windows, 9000)).toStrictEqual([]);
});

test('windows due together come in event-time order, however they were opened', () => {
  const windows = windowsOf(0);
  for (const time of [3500, -500, 1500, 0]) windows.add(time, time);
  expect(close(windows, 4000).map(({ start }) => start)).toStrictEqual([-1000, 0, 1000, 3000]);
});

test('every time lies in the window it is put into, before and after 1970', () => {
  // Down to what no clock could say; further below, division rounds to zero.
  const time = fc.double({ min: -2.5e14, max: 2.5e14, noNaN: true }).filter((t) => t === 0 || Math.abs(t) > 1e-300);
  fc.assert(
    fc.property(time, fc.integer({ min: 1, max: 1e9 }), (time, size) => {
      const windows = windowsOf(0, { shape: { kind: 'tumbling', sizeMs: size, zone: undefined } });
      const end = windows.add(time, 1);
      expect(end).toBeGreaterThan(time);
      expect(end - size).toBeLessThanOrEqual(time);
      expect(Math.abs(end % size)).toBe(0);
      expect([windows.nextDue(), windows.lastDue()]).toStrictEqual([end, end]);
    }),
  );
});

test('adding says when the window ends only where it opens one', () => {
  const windows = windowsOf(0);
  expect([windows.add(500, 1), windows.add(700, 1), windows.add(1500, 1), windows.add(600, 1)]).toStrictEqual([
    1000,
    Infinity,
    2000,
    Infinity,
  ]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount]).toStrictEqual([1000, 2000, 2]);
});

test('without open windows there is nothing is due', () => {
  const windows = windowsOf(0);
  expect([windows.nextDue(), windows.lastDue()]).toStrictEqual([Infinity, -Infinity]);
});

test('late readings restate the whole window, and any number of them between two closings is one revision', () => {
  const windows = windowsOf(5000);
  windows.add(1000, 1);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 on_time r0 n1 fresh1 mean1']);
  windows.add(1100, 2);
  windows.add(1200, 3);
  expect([windows.openCount, windows.sealedBytes]).toStrictEqual([1, 0]);
  expect(windows.unreported()).toBe(2);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 late r1 n3 fresh2 mean2']);
  windows.add(1300, 6);
  expect(brief(close(windows, 2500))).toStrictEqual(['1000 late r2 n4 fresh1 mean3']);
});

test('where another window accounts for the readings, panes bring nothing fresh', () => {
  const windows = windowsOf(0, {}, false);
  windows.add(1000, 1);
  expect(windows.unreported()).toBe(0);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 on_time r0 n1 fresh0 mean1']);
});

test('taking over the account leaves out what another window accounts for', () => {
  const windows = windowsOf(0, {}, false);
  windows.add(1000, 1);
  windows.takeOverAccount();
  windows.add(1500, 3);
  expect(windows.unreported()).toBe(1);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 on_time r0 n2 fresh1 mean2']);
});

test('taking over the account leaves out what is in closed windows too', () => {
  const windows = windowsOf(5000, {}, false);
  windows.add(1000, 1);
  close(windows, 2000);
  windows.takeOverAccount();
  windows.add(1500, 3);
  expect(close(windows, 2000)).toMatchObject([{ count: 2, accounted: 1, fresh: 1 }]);
});

test('readings that are only counted are on the account of their window, and out of its statistics', () => {
  const windows = windowsOf(5000, { compute: ['mean', 'uncertain'] });
  windows.add(1000, 1);
  windows.flag(1500);
  expect(windows.flag(3000)).toBe(4000);
  expect(windows.unreported()).toBe(3);
  expect(close(windows, 4000)).toMatchObject([
    { start: 1000, count: 1, accounted: 2, fresh: 2, values: [1, 1] },
    { start: 3000, count: 0, accounted: 1, fresh: 1, values: [NaN, 1] },
  ]);
});

/** What is held after each of many windows has closed. */
function heldBytes(latenessMs: number, lateMs: number): number[] {
  const windows = windowsOf(latenessMs);
  return Array.from({ length: 500 }, (_, second) => {
    windows.add(second * 1000 + 500, 1);
    if (second * 1000 > lateMs) windows.add(second * 1000 - lateMs, 2);
    close(windows, second * 1000);
    return windows.sealedBytes;
  });
}

test('closed windows are kept for the lateness and no longer', () => {
  const held = heldBytes(3000, 0);
  const each = held[1] ?? NaN;
  expect(each).toBeGreaterThan(20);
  expect(each).toBeLessThan(100);
  expect(held).toStrictEqual(held.map((_, second) => Math.min(second, 3) * each));
});

test('closed windows that late readings opened again stay bounded too', () => {
  expect(Math.max(...heldBytes(10_000, 9000))).toBeLessThan(20 * 100);
});

test('without lateness nothing is kept', () => {
  expect(Math.max(...heldBytes(0, 0))).toBe(0);
});

test('giving up the oldest says from when on readings can still be taken', () => {
  const windows = windowsOf(100_000);
  for (let second = 0; second < 16; second++) windows.add(second * 1000, 1);
  close(windows, 16_000);
  const before = windows.sealedBytes;
  expect(windows.forgetOldest()).toBe(2000);
  expect(windows.sealedBytes).toBe((before * 14) / 16);
  windows.add(2000, 3);
  expect(brief(close(windows, 16_000))).toStrictEqual(['2000 late r1 n2 fresh1 mean2']);
  expect(windowsOf(0).forgetOldest()).toBe(-Infinity);
});

test('early panes of an open window come at once, then so often, and only when something has come in', () => {
  const windows = windowsOf(0, { earlyEveryMs: 100 });
  windows.add(500, 1);
  expect(windows.nextTimer()).toBe(-Infinity);
  expect(brief(close(windows, 500, 1030))).toStrictEqual(['0 early r0 n1 fresh1 mean1']);
  expect(windows.nextTimer()).toBe(Infinity);
  windows.add(600, 3);
  expect(windows.nextTimer()).toBe(1100);
  expect(close(windows, 600, 1099)).toStrictEqual([]);
  expect(brief(close(windows, 600, 1100))).toStrictEqual(['0 early r1 n2 fresh1 mean2']);
  expect(close(windows, 700, 1200)).toStrictEqual([]);
  expect(brief(close(windows, 1000, 1210))).toStrictEqual(['0 on_time r2 n2 fresh0 mean2']);
  expect(windows.nextTimer()).toBe(Infinity);
});

test('corrections are at least so far apart, and none is left behind when its window is forgotten', () => {
  const windows = windowsOf(5000, { lateEveryMs: 100 });
  windows.add(0, 1);
  close(windows, 1000, 10);
  windows.add(1, 1);
  expect(brief(close(windows, 1000, 20))).toStrictEqual(['0 late r1 n2 fresh1 mean1']);
  windows.add(2, 1);
  expect(close(windows, 1000, 119)).toStrictEqual([]);
  expect(windows.nextTimer()).toBe(120);
  windows.add(3, 1);
  expect(brief(close(windows, 1000, 120))).toStrictEqual(['0 late r2 n4 fresh2 mean1']);
  windows.add(4, 1);
  expect(close(windows, 5999, 121)).toStrictEqual([]);
  expect(brief(close(windows, 6000, 122))).toStrictEqual(['0 late r3 n5 fresh1 mean1']);
});

test('a local day of 23 hours and one of 25 are one window each', () => {
  const windows = windowsOf(0, {
    shape: { kind: 'tumbling', sizeMs: 86_400_000, zone: 'Europe/Zurich' },
    compute: ['mean', 'time_mean'],
  });
  for (const day of ['2026-03-29T00:00+01:00', '2026-10-25T00:00+02:00']) windows.add(Date.parse(day), 1);
  const hours = close(windows, Date.parse('2027-01-01')).map(({ start, end }) => (end - start) / 3_600_000);
  expect(hours).toStrictEqual([23, 25]);
});

test('order-dependent statistics are those of the order of event time, late readings included', () => {
  const windows = windowsOf(5000, { compute: ['first', 'last', 'time_mean', 'changes'] });
  for (const [time, value] of [[0, 0], [750, 1], [250, 1], [500, 0]] as const) windows.add(time, value); // prettier-ignore
  expect(close(windows, 1000)).toMatchObject([{ values: [0, 1, 0.5, 3] }]);
  windows.add(600, 1);
  expect(close(windows, 1000)).toMatchObject([{ values: [0, 1, 0.65, 3] }]);
});

test('open and closed windows come back from bytes and go on as if nothing had happened', () => {
  const before = windowsOf(10_000);
  before.add(500, 1);
  close(before, 1000);
  before.add(1500, 5);
  const to = new ByteWriter();
  before.write(to);
  const after = windowsOf(10_000);
  after.read(new ByteReader(to.take()));
  expect([after.openCount, after.sealedBytes]).toStrictEqual([1, before.sealedBytes]);
  for (const windows of [before, after]) {
    windows.add(600, 3);
    windows.add(1600, 7);
  }
  const expected = ['0 late r1 n2 fresh1 mean2', '1000 on_time r0 n2 fresh2 mean6'];
  expect(brief(close(before, 2000))).toStrictEqual(expected);
  expect(brief(close(after, 2000))).toStrictEqual(expected);
});
