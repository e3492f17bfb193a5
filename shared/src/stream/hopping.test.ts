// Hopping windows of one series, driven by hand: the watermark is a number here.

import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { specOf } from '../testing/plans.ts';
import { HoppingWindows, sliceMs } from './hopping.ts';
import type { WindowPane } from './operator.ts';

const context = { expectMs: NaN, isOn: (value: number): boolean => value !== 0 };

/** Windows of 30, one every 10. */
function windowsOf(latenessMs: number, spec: Partial<WindowSpec> = {}, accounts = true): HoppingWindows {
  const shape = { kind: 'hopping', sizeMs: 30, slideMs: 10 } as const;
  return new HoppingWindows(specOf(shape, { compute: ['sum'], ...spec }), latenessMs, context, accounts);
}

function close(windows: HoppingWindows, watermark: number, now = 0): WindowPane[] {
  const panes: WindowPane[] = [];
  windows.close(watermark, now, (pane) => panes.push(pane));
  return panes;
}

function brief(panes: readonly WindowPane[]): string[] {
  return panes.map((p) => `${p.start}-${p.end} ${p.timing} r${p.revision} n${p.count} ${p.accounted}/${p.fresh} sum${p.values[0]}`); // prettier-ignore
}

function throughBytes(windows: HoppingWindows, latenessMs: number): HoppingWindows {
  const to = new ByteWriter();
  windows.write(to);
  const read = new HoppingWindows(windows.spec, latenessMs, context, windows.accounts);
  const from = new ByteReader(to.take());
  read.read(from);
  expect(from.done).toBe(true);
  return read;
}

test('a reading is in every window over it, and on the account of the first of them to end', () => {
  const windows = windowsOf(0);
  expect(windows.add(25, 1)).toBe(30);
  expect([windows.nextDue(), windows.lastDue()]).toStrictEqual([30, 50]);
  expect(close(windows, 29)).toStrictEqual([]);
  expect(brief(close(windows, 30))).toStrictEqual(['0-30 on_time r0 n1 1/1 sum1']);
  expect(windows.add(31, 2)).toBe(40);
  expect(brief(close(windows, 65))).toStrictEqual([
    '10-40 on_time r0 n2 1/1 sum3',
    '20-50 on_time r0 n2 0/0 sum3',
    '30-60 on_time r0 n1 0/0 sum2',
  ]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount]).toStrictEqual([Infinity, -Infinity, 0]);
});

test('windows without readings have no pane, however long the silence', () => {
  const windows = windowsOf(0);
  windows.add(5, 1);
  windows.add(1_000_000_005, 2);
  expect(brief(close(windows, 1_000_000_010))).toStrictEqual([
    '-20-10 on_time r0 n1 1/1 sum1',
    '-10-20 on_time r0 n1 0/0 sum1',
    '0-30 on_time r0 n1 0/0 sum1',
    '999999980-1000000010 on_time r0 n1 1/1 sum2',
  ]);
});

test('a late reading restates every closed window over it, once, and opens those that had nothing', () => {
  const windows = windowsOf(1000);
  windows.add(5, 1);
  windows.add(45, 2);
  expect(close(windows, 50)).toHaveLength(4);
  windows.add(7, 10);
  windows.add(8, 10);
  expect(windows.nextDue()).toBe(-Infinity);
  expect(windows.unreported()).toBe(2);
  expect(brief(close(windows, 50))).toStrictEqual([
    '-20-10 late r1 n3 3/2 sum21',
    '-10-20 late r1 n3 0/0 sum21',
    '0-30 late r1 n3 0/0 sum21',
  ]);
  windows.add(32, 5);
  expect(brief(close(windows, 50))).toStrictEqual(['10-40 on_time r0 n1 1/1 sum5', '20-50 late r1 n2 1/0 sum7']);
  expect(brief(close(windows, 60))).toStrictEqual(['30-60 on_time r0 n2 0/0 sum7']);
});

test('slices are kept as long as a reading can still come for a window they are in', () => {
  const windows = windowsOf(100);
  for (let time = 5; time < 300; time += 10) {
    windows.add(time, 1);
    close(windows, time);
  }
  // The oldest reading that is taken restates a window with the two slices before it.
  windows.add(195, 1);
  expect(brief(close(windows, 295))).toStrictEqual([
    '170-200 late r1 n4 2/1 sum4',
    '180-210 late r1 n4 1/0 sum4',
    '190-220 late r1 n4 1/0 sum4',
  ]);
  const held = windows.sealedBytes;
  for (let time = 305; time < 2000; time += 10) {
    windows.add(time, 1);
    close(windows, time);
  }
  expect(windows.sealedBytes).toBeLessThanOrEqual(held * 1.2);
});

test('giving up the oldest says from when on readings can still be taken without a part of their windows missing', () => {
  const windows = windowsOf(1e6);
  for (let time = 5; time < 200; time += 10) windows.add(time, 1);
  close(windows, 1000);
  // The three oldest of twenty slices are gone: 0-30.
  const from = windows.forgetOldest();
  expect(from).toBe(60);
  windows.add(from, 1);
  expect(close(windows, 1000).map(({ start, count }) => [start, count])).toStrictEqual([[40, 4], [50, 4], [60, 4]]); // prettier-ignore
});

test('corrections are at least so far apart', () => {
  const windows = windowsOf(1000, { lateEveryMs: 100 });
  windows.add(5, 1);
  close(windows, 50, 0);
  windows.add(6, 1);
  expect(close(windows, 50, 10)).toHaveLength(3);
  windows.add(7, 1);
  expect(close(windows, 50, 109)).toStrictEqual([]);
  expect([windows.nextTimer(), windows.unreported()]).toStrictEqual([110, 1]);
  const again = throughBytes(windows, 1000);
  expect(again.unreported()).toBe(1);
  expect(brief(close(again, 50, 110))).toStrictEqual(brief(close(windows, 50, 110)));
});

test('where another window accounts for the readings, panes bring nothing, and taking over leaves out what there is', () => {
  const windows = windowsOf(1000, {}, false);
  windows.add(5, 1);
  expect(brief(close(windows, 10))).toStrictEqual(['-20-10 on_time r0 n1 0/0 sum1']);
  windows.takeOverAccount();
  windows.add(6, 1);
  expect(brief(close(windows, 10))).toStrictEqual(['-20-10 late r1 n2 1/1 sum2']);
});

test('everything comes back from bytes and goes on as if nothing had happened', () => {
  const before = windowsOf(1000);
  for (const time of [5, 15, 33]) before.add(time, time);
  close(before, 25);
  before.add(6, 1);
  const after = throughBytes(before, 1000);
  for (const windows of [before, after]) windows.add(34, 1);
  expect(close(after, 100)).toStrictEqual(close(before, 100));
});

test.each([
  [60, 10, 10],
  [30, 20, 10],
  [10, 3, 1],
  [7, 7, 7],
])('windows of %i every %i are made of slices of %i', (size, slide, slice) => {
  expect(sliceMs(size, slide)).toBe(slice);
});
