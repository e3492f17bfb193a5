// Windows of one series, driven by hand: the watermark is a number here.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Pane } from '../model/pane.ts';
import { SeriesTable, type Series } from '../model/series.ts';
import { windowOf } from '../testing/plans.ts';
import { TumblingWindows } from './tumbling.ts';

const series = new SeriesTable(1).intern('oven', 'temperature') as Series;

function windowsOf(latenessMs: number, accounts = true): TumblingWindows {
  return new TumblingWindows(windowOf(1000), latenessMs, accounts);
}

function close(windows: TumblingWindows, watermark: number): Pane[] {
  const panes: Pane[] = [];
  windows.close(watermark, series, (pane) => panes.push(pane));
  return panes;
}

function brief(panes: readonly Pane[]): string[] {
  return panes.map((p) => `${p.start} r${p.revision} n${p.count} fresh${p.fresh} mean${p.values[0]}`);
}

test('a window closes when the watermark reaches its end, not before', () => {
  const windows = windowsOf(0);
  windows.add(1000, 1);
  windows.add(1999.999, 3);
  expect(close(windows, 1999.999)).toStrictEqual([]);
  expect(close(windows, 2000)).toStrictEqual([
    { series, window: windows.spec, start: 1000, revision: 0, count: 2, fresh: 2, values: [2] },
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
      const windows = new TumblingWindows(windowOf(size), 0, true);
      const end = windows.add(time, 1);
      expect(end).toBeGreaterThan(time);
      expect(end - size).toBeLessThanOrEqual(time);
      expect(Math.abs(end % size)).toBe(0);
      expect([windows.nextEnd(), windows.lastEnd()]).toStrictEqual([end, end]);
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
  expect([windows.nextEnd(), windows.lastEnd(), windows.openCount]).toStrictEqual([1000, 2000, 2]);
});

test('without open windows there is no next and no last end', () => {
  const windows = windowsOf(0);
  expect([windows.nextEnd(), windows.lastEnd()]).toStrictEqual([Infinity, -Infinity]);
});

test('late readings restate the whole window, and any number of them between two closings is one revision', () => {
  const windows = windowsOf(5000);
  windows.add(1000, 1);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 r0 n1 fresh1 mean1']);
  windows.add(1100, 2);
  windows.add(1200, 3);
  expect([windows.openCount, windows.sealedCount]).toStrictEqual([1, 0]);
  expect(windows.unreported()).toBe(2);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 r1 n3 fresh2 mean2']);
  windows.add(1300, 6);
  expect(brief(close(windows, 2500))).toStrictEqual(['1000 r2 n4 fresh1 mean3']);
});

test('where another window accounts for the readings, panes bring nothing fresh', () => {
  const windows = windowsOf(0, false);
  windows.add(1000, 1);
  expect(windows.unreported()).toBe(0);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 r0 n1 fresh0 mean1']);
});

test('taking over the account leaves out what another window accounts for', () => {
  const windows = windowsOf(0, false);
  windows.add(1000, 1);
  windows.takeOverAccount();
  windows.add(1500, 3);
  expect(windows.unreported()).toBe(1);
  expect(brief(close(windows, 2000))).toStrictEqual(['1000 r0 n2 fresh1 mean2']);
});

test('closed windows are kept for the lateness and no longer', () => {
  const windows = windowsOf(3000);
  for (let second = 0; second < 100; second++) {
    windows.add(second * 1000 + 500, second);
    close(windows, second * 1000 + 500);
    expect(windows.openCount).toBe(1);
    expect(windows.sealedCount).toBe(Math.min(second, 3));
  }
});

test('closed windows that late readings opened again stay bounded too', () => {
  const windows = windowsOf(10_000);
  for (let second = 0; second < 500; second++) {
    const watermark = second * 1000;
    windows.add(watermark + 500, 1);
    windows.add(watermark - 9000, 2);
    close(windows, watermark);
    expect(windows.sealedCount).toBeLessThanOrEqual(20);
  }
});

test('without lateness nothing is kept', () => {
  const windows = windowsOf(0);
  windows.add(500, 1);
  close(windows, 1000);
  expect(windows.sealedCount).toBe(0);
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
  expect([after.openCount, after.sealedCount]).toStrictEqual([1, 1]);
  for (const windows of [before, after]) {
    windows.add(600, 3);
    windows.add(1600, 7);
  }
  const expected = ['0 r1 n2 fresh1 mean2', '1000 r0 n2 fresh2 mean6'];
  expect(brief(close(before, 2000))).toStrictEqual(expected);
  expect(brief(close(after, 2000))).toStrictEqual(expected);
});
