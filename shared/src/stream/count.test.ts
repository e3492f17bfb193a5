// Count windows of one series, driven by hand, and against the plainest batch computation.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { specOf } from '../testing/plans.ts';
import { CountWindows } from './count.ts';
import type { WindowPane } from './operator.ts';
import { Watermark } from './watermark.ts';

const context = { expectMs: 4, isOn: (value: number): boolean => value > 0 };
const size = 3;

function windowsOf(latenessMs: number, spec: Partial<WindowSpec> = {}, accounts = true): CountWindows {
  const whole = specOf({ kind: 'count', size }, { compute: ['sum'], ...spec });
  return new CountWindows(whole, latenessMs, context, accounts);
}

/** With readings of value 1 at these times. */
function windowsAt(times: readonly number[], latenessMs: number, spec: Partial<WindowSpec> = {}): CountWindows {
  const windows = windowsOf(latenessMs, spec);
  for (const time of times) windows.add(time, 1);
  return windows;
}

function close(windows: CountWindows, watermark: number, now = 0): WindowPane[] {
  const panes: WindowPane[] = [];
  windows.close(watermark, now, (pane) => panes.push(pane));
  return panes;
}

function brief(panes: readonly WindowPane[]): string[] {
  return panes.map(
    ({ start, end, timing, revision, count, accounted, fresh }) =>
      `${start}-${end} ${timing} r${revision} ${count}/${accounted}/${fresh}`,
  );
}

function throughBytes(windows: CountWindows, latenessMs: number): CountWindows {
  const to = new ByteWriter();
  windows.write(to);
  const read = new CountWindows(windows.spec, latenessMs, context, windows.accounts);
  const from = new ByteReader(to.take());
  read.read(from);
  expect(from.done).toBe(true);
  return read;
}

test('a window is due as soon as the watermark has reached its last reading', () => {
  const windows = windowsOf(0);
  expect([windows.add(10, 1), windows.add(20, 2), windows.add(30, 4), windows.add(40, 8)]).toStrictEqual([
    10, 20, 30, 40,
  ]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount, windows.unreported()]).toStrictEqual([10, 40, 1, 4]);
  expect(close(windows, 29.999)).toStrictEqual([]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount, windows.unreported()]).toStrictEqual([30, 40, 2, 4]);
  expect(close(windows, 30)).toStrictEqual([
    {
      window: windows.spec,
      start: 10,
      end: 30,
      timing: 'on_time',
      revision: 0,
      retracted: false,
      count: 3,
      accounted: 3,
      fresh: 3,
      values: [7],
    },
  ]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount, windows.unreported()]).toStrictEqual([40, 40, 1, 1]);
});

test('a window that is not full stays open and is never due', () => {
  const windows = windowsAt([10, 20], 0);
  expect(close(windows, 1e12)).toStrictEqual([]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount]).toStrictEqual([Infinity, -Infinity, 1]);
  expect(windows.unreported()).toBe(2);
});

test('readings count in event-time order', () => {
  const windows = windowsAt([50, 10, 40, 20, 60, 30, 70], 0);
  expect(brief(close(windows, 60))).toStrictEqual(['10-30 on_time r0 3/3/3', '40-60 on_time r0 3/3/3']);
});

test('readings of one event time are never divided', () => {
  const windows = windowsAt([10, 10, 20, 20, 20, 20, 20, 20, 20, 30], 0);
  expect(brief(close(windows, 30))).toStrictEqual(['10-20 on_time r0 9/9/9']);
  for (const time of [40, 50]) windows.add(time, 1);
  expect(brief(close(windows, 50))).toStrictEqual(['30-50 on_time r0 3/3/3']);
});

test('another reading of the time the watermark has reached is in order: it belongs to the window of that time', () => {
  const windows = windowsAt([10, 20], 0);
  close(windows, 20);
  windows.add(20, 1);
  expect(brief(close(windows, 20))).toStrictEqual(['10-20 on_time r0 3/3/3']);
  // Nothing is allowed to be late here.
  expect(windows.add(20, 1)).toBe(-Infinity);
  expect(brief(close(windows, 20))).toStrictEqual(['10-20 late r1 4/4/1']);
  for (const time of [30, 40, 50]) windows.add(time, 1);
  expect(brief(close(windows, 50))).toStrictEqual(['30-50 on_time r0 3/3/3']);
});

test.each([
  { what: 'in the first window', times: [15], panes: ['10-30 late r1 4/4/1'] },
  { what: 'of the time a window starts', times: [10, 40], panes: ['10-30 late r1 4/4/1', '40-60 late r1 4/4/1'] },
  { what: 'between two windows', times: [35, 36], panes: ['10-36 late r1 5/5/2'] },
  { what: 'before the first one', times: [5], panes: ['10-30 late r1 4/4/1'] },
  { what: 'out of order', times: [50, 20, 45], panes: ['10-30 late r1 4/4/1', '40-60 late r1 5/5/2'] },
])('a late reading moves no boundary: $what', ({ times, panes }) => {
  const windows = windowsAt([10, 20, 30, 40, 50, 60, 70], 100);
  expect(close(windows, 70)).toHaveLength(2);
  for (const time of times) expect(windows.add(time, 1)).toBe(-Infinity);
  expect(windows.nextDue()).toBe(-Infinity);
  expect(windows.unreported()).toBe(1 + times.length);
  expect(brief(close(windows, 70))).toStrictEqual(panes);
  expect([windows.nextDue(), windows.openCount]).toStrictEqual([Infinity, 1]);
  for (const time of [80, 90]) windows.add(time, 1);
  expect(brief(close(windows, 90))).toStrictEqual(['70-90 on_time r0 3/3/3']);
});

test('a late reading helps to fill the window that is being filled', () => {
  const windows = windowsAt([10, 30], 100);
  close(windows, 30);
  expect(windows.add(20, 1)).toBe(-Infinity);
  expect(windows.nextDue()).toBe(-Infinity);
  expect(brief(close(windows, 30))).toStrictEqual(['10-30 on_time r0 3/3/3']);
  windows.add(40, 1);
  close(windows, 40);
  expect(windows.add(40, 1)).toBe(Infinity);
});

test('before all windows is the first one, also while it is being filled, and its start stays', () => {
  const windows = windowsAt([10], 100);
  close(windows, 10);
  windows.add(5, 1);
  windows.add(20, 1);
  expect(brief(close(windows, 20))).toStrictEqual(['10-20 on_time r0 3/3/3']);
  for (const time of [30, 40, 50, 60, 70, 80]) windows.add(time, 1);
  close(windows, 80);
  // The second one is open again, the first one is not.
  windows.add(45, 1);
  windows.add(1, 1);
  expect(brief(close(windows, 80))).toStrictEqual(['10-20 late r1 4/4/1', '30-50 late r1 4/4/1']);
});

test('a reading behind the watermark that is newer than what is settled is no late one', () => {
  const windows = windowsAt([10, 20], 100);
  close(windows, 60);
  expect(windows.add(50, 1)).toBe(50);
  windows.add(40, 1);
  expect(brief(close(windows, 60))).toStrictEqual(['10-40 on_time r0 3/3/3']);
});

test('flagged readings are in a window and bring it no nearer to its size', () => {
  const windows = windowsOf(100, { compute: ['sum', 'uncertain'] });
  windows.add(10, 1);
  expect(windows.flag(20)).toBe(20);
  for (const time of [30, 40, 60]) windows.add(time, 1);
  windows.flag(50);
  const panes = close(windows, 60);
  expect(brief(panes)).toStrictEqual(['10-40 on_time r0 3/4/4']);
  expect(panes[0]?.values).toStrictEqual([3, 1]);
  expect([windows.flag(45), windows.flag(50)]).toStrictEqual([-Infinity, Infinity]);
  for (const time of [70, 80]) windows.add(time, 1);
  expect(brief(close(windows, 80))).toStrictEqual(['10-45 late r1 3/5/1', '50-80 on_time r0 3/5/5']);
});

test('a window keeps no time but that of its readings', () => {
  const windows = windowsOf(0, { compute: ['time_mean', 'duration', 'completeness'] });
  for (const [time, value] of [[0, 1], [6, 3], [8, 100]] as const) windows.add(time, value); // prettier-ignore
  expect(close(windows, 8)[0]?.values).toStrictEqual([(6 * 1 + 2 * 3) / 8, 0.008, 3 / 3]);
});

test('late panes keep their distance, but go out before their window is forgotten', () => {
  let windows = windowsAt([10, 20, 30, 40], 100, { lateEveryMs: 1000 });
  close(windows, 40, 0);
  windows.add(15, 1);
  expect(brief(close(windows, 40, 100))).toStrictEqual(['10-30 late r1 4/4/1']);
  windows.add(16, 1);
  windows.add(17, 1);
  expect(close(windows, 40, 1099)).toStrictEqual([]);
  expect(windows.nextTimer()).toBe(1100);
  windows = throughBytes(windows, 100);
  expect(close(windows, 40, 1099)).toStrictEqual([]);
  expect(brief(close(windows, 40, 1100))).toStrictEqual(['10-30 late r2 6/6/2']);
  windows.add(18, 1);
  expect(close(windows, 140, 1200)).toStrictEqual([]);
  expect(brief(close(windows, 140.001, 1200))).toStrictEqual(['10-30 late r3 7/7/1']);
  expect(windows.sealedBytes).toBe(0);
});

test('a correction that waits holds up no other window', () => {
  const windows = windowsAt([10, 20, 30], 1000, { lateEveryMs: 1000, earlyEveryMs: 10 });
  close(windows, 30, 0);
  windows.add(15, 1);
  close(windows, 30, 0);
  for (const time of [15, 40]) windows.add(time, 1);
  expect(brief(close(windows, 40, 100))).toStrictEqual(['40-40 early r0 1/1/1']);
  expect(close(windows, 40, 200)).toStrictEqual([]);
  for (const time of [50, 60]) windows.add(time, 1);
  expect(brief(close(windows, 60, 300))).toStrictEqual(['40-60 on_time r1 3/3/2']);
  expect(brief(close(windows, 60, 1000))).toStrictEqual(['10-30 late r2 5/5/1']);
});

test('early panes restate what has been settled since the last one', () => {
  const windows = windowsAt([10, 20], 0, { earlyEveryMs: 1000 });
  expect(brief(close(windows, 10, 500))).toStrictEqual(['10-10 early r0 1/1/1']);
  expect(close(windows, 20, 999)).toStrictEqual([]);
  expect(windows.nextTimer()).toBe(1000);
  expect(brief(close(windows, 20, 1000))).toStrictEqual(['10-20 early r1 2/2/1']);
  expect([windows.nextTimer(), windows.openCount]).toStrictEqual([Infinity, 1]);
  expect(close(windows, 20, 2000)).toStrictEqual([]);
  windows.add(30, 1);
  expect(brief(close(windows, 30, 2000))).toStrictEqual(['10-30 on_time r2 3/3/1']);
});

test('a closed window is kept until no reading that is accepted can fall into it', () => {
  const windows = windowsOf(60);
  let most = 0;
  for (let time = 0; time < 10_000; time += 10) {
    windows.add(time, 1);
    close(windows, time);
    if (time > 200) {
      windows.add(time - 60, 1);
      close(windows, time);
    }
    most = Math.max(most, windows.sealedBytes);
  }
  expect(windows.openCount).toBeLessThan(2);
  expect(most).toBeGreaterThan(100);
  expect(most).toBeLessThan(1500);
});

test('a window that takes very long to fill stays small', () => {
  const spec = specOf({ kind: 'count', size: 1e6 }, { compute: ['time_mean'] });
  const windows = new CountWindows(spec, 100, context, true);
  let most = 0;
  for (let time = 0; time < 20_000; time++) {
    windows.add(time, time % 7);
    if (time % 50 !== 0) continue;
    close(windows, time);
    const to = new ByteWriter();
    windows.write(to);
    most = Math.max(most, to.length);
  }
  expect(windows.unreported()).toBe(20_000);
  expect(most).toBeLessThan(4000);
});

test('the newest window is kept for as long as it is', () => {
  const windows = windowsAt([10, 20, 30], 0);
  close(windows, 30);
  close(windows, 1e12);
  expect(windows.forgetOldest()).toBe(-Infinity);
  windows.add(30, 1);
  expect(brief(close(windows, 1e12))).toStrictEqual(['10-30 late r1 4/4/1']);
});

test('given up, the oldest windows take no reading any more', () => {
  const windows = windowsAt([10, 20, 30, 40, 50, 60, 70, 80, 90], 1000);
  close(windows, 90);
  windows.add(45, 1);
  expect(windows.forgetOldest()).toBe(40);
  expect(brief(close(windows, 90))).toStrictEqual(['40-60 late r1 4/4/1']);
  expect(windows.forgetOldest()).toBe(70);
  expect(windows.forgetOldest()).toBe(-Infinity);
  windows.add(100, 1);
  close(windows, 100);
  expect(windows.forgetOldest()).toBe(100);
  expect(windows.sealedBytes).toBe(0);
});

test('where another window accounts for the readings, nothing is fresh', () => {
  const windows = windowsOf(0, {}, false);
  for (const time of [10, 20, 30]) windows.add(time, 1);
  expect([windows.accounts, windows.unreported()]).toStrictEqual([false, 0]);
  expect(brief(close(windows, 30))).toStrictEqual(['10-30 on_time r0 3/0/0']);
});

test('taking over the account leaves out what another window accounts for, also of readings that wait', () => {
  const windows = windowsOf(1000, {}, false);
  for (const time of [10, 20, 30, 40, 50]) windows.add(time, 1);
  close(windows, 40);
  windows.takeOverAccount();
  expect([windows.accounts, windows.unreported()]).toStrictEqual([true, 0]);
  const read = throughBytes(windows, 1000);
  for (const time of [45, 55, 15]) read.add(time, 1);
  expect(read.unreported()).toBe(3);
  expect(brief(close(read, 60))).toStrictEqual(['10-30 late r1 4/1/1', '40-50 on_time r0 3/1/1']);
  expect(read.unreported()).toBe(1);
  read.accounts = false;
  expect(read.unreported()).toBe(0);
  read.accounts = true;
  expect(read.unreported()).toBe(1);
});

test('another kind of window is refused', () => {
  const spec = specOf({ kind: 'session', gapMs: 3 });
  expect(() => new CountWindows(spec, 0, context, true)).toThrow('session-3ms is no count window');
});

// Against the batch.

interface Row {
  readonly time: number;
  readonly value: number;
  readonly flagged: boolean;
}

/** All readings of every window, at hand for ever. */
class Plain {
  readonly windows: { readonly start: number; settled: number; readonly rows: Row[] }[] = [];
  #waiting: Row[] = [];
  #through = -Infinity;

  add(row: Row): void {
    const at = this.windows.findLastIndex(({ start }) => start <= row.time);
    if (row.time > this.#through) this.#waiting.push(row);
    else this.windows[Math.max(at, 0)]?.rows.push(row);
  }

  settle(watermark: number): void {
    for (const row of this.#waiting.filter(({ time }) => time <= watermark).toSorted((a, b) => a.time - b.time)) {
      let window = this.windows.at(-1);
      if (window === undefined || (countOf(window.rows) >= size && row.time > window.settled)) {
        window = { start: row.time, settled: row.time, rows: [] };
        this.windows.push(window);
      }
      window.rows.push(row);
      window.settled = row.time;
      this.#through = row.time;
    }
    this.#waiting = this.#waiting.filter(({ time }) => time > watermark);
  }
}

const everything = ['sum', 'min', 'max', 'first', 'last', 'increase', 'duration', 'uncertain'] as const;

function countOf(rows: readonly Row[]): number {
  return rows.filter(({ flagged }) => !flagged).length;
}

/** End, count and `everything`. */
function expected(rows: readonly Row[]): number[] {
  const plain = rows.filter(({ flagged }) => !flagged).toSorted((a, b) => a.time - b.time || a.value - b.value);
  const values = plain.map(({ value }) => value);
  const [first, last] = [plain[0], plain.at(-1)];
  const rises = values.slice(1).map((value, i) => (value < (values[i] ?? NaN) ? value : value - (values[i] ?? NaN)));
  const rise = rises.reduce((sum, one) => sum + one, 0);
  const sum = values.reduce((sum, value) => sum + value, 0);
  const stats =
    first === undefined || last === undefined
      ? [NaN, NaN, NaN, NaN, NaN, NaN, NaN]
      : [sum, Math.min(...values), Math.max(...values), first.value, last.value, rise, (last.time - first.time) / 1000];
  return [Math.max(...rows.map(({ time }) => time)), plain.length, ...stats, rows.length - plain.length];
}

const breaks = ['none', 'none', 'close', 'close', 'idle', 'restart'] as const;

const scenario = fc.record({
  // Wide enough to be forgotten, narrow enough for many to have the same time.
  rows: fc.array(
    fc.record({
      time: fc.integer({ min: 0, max: 60 }).map((halves) => halves / 2),
      value: fc.integer({ min: -5, max: 5 }),
      flagged: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
    { maxLength: 50 },
  ),
  between: fc.array(fc.constantFrom(...breaks), { minLength: 50, maxLength: 50 }),
  epoch: fc.constantFrom(0, -20, 1.7e12),
  disorderShare: fc.constantFrom(0, 0.25, 1),
  moreLatenessMs: fc.constantFrom(0, 20),
  earlyEveryMs: fc.constantFrom(0, 0, 3),
  lateEveryMs: fc.constantFrom(0, 0, 3),
});

test.each([
  { what: 'in any order within the disorder, windows are those of all readings sorted', isBatch: true },
  {
    what: 'in any order, later readings are where they fall into, and boundaries where they were drawn',
    isBatch: false,
  },
])('with any closings and restarts, $what', ({ isBatch }) => {
  fc.assert(
    fc.property(scenario, ({ rows: relative, between, epoch, disorderShare, moreLatenessMs, ...timers }) => {
      const rows = relative.map((one) => ({ ...one, time: epoch + one.time }));
      let newest = -Infinity;
      let delay = 0;
      for (const { time } of rows) {
        newest = Math.max(newest, time);
        delay = Math.max(delay, newest - time);
      }
      const disorderMs = isBatch ? delay : Math.floor(delay * disorderShare);
      // The tightest that lets every reading in, and more.
      const latenessMs = (isBatch ? 0 : delay) + moreLatenessMs;
      let windows = windowsOf(latenessMs, { compute: everything, ...timers });
      const watermark = new Watermark(disorderMs);
      const plain = new Plain();
      const known = new Map<number, WindowPane>();
      let [now, taken, fresh, due] = [0, 0, 0, Infinity];
      const drain = (): void => {
        const isTimer = now >= windows.nextTimer();
        const panes = close(windows, watermark.time, now);
        if (!isBatch) plain.settle(watermark.time);
        if (watermark.time < due && !isTimer) expect(panes, 'nothing but what was announced').toHaveLength(0);
        const starts = panes.map(({ start }) => start);
        expect(starts).toStrictEqual(starts.toSorted((a, b) => a - b));
        for (const pane of panes) {
          const before = known.get(pane.start);
          expect([pane.revision, pane.retracted]).toStrictEqual([
            before === undefined ? 0 : before.revision + 1,
            false,
          ]);
          const hadItsTime = before !== undefined && before.timing !== 'early';
          expect(pane.timing === 'late').toBe(hadItsTime);
          known.set(pane.start, pane);
          fresh += pane.fresh;
        }
        expect(windows.unreported() + fresh).toBe(taken);
        due = windows.nextDue();
      };
      for (const [index, one] of rows.entries()) {
        now += 1;
        watermark.observe(one.time);
        expect(one.time).toBeGreaterThanOrEqual(watermark.time - latenessMs);
        due = Math.min(due, one.flagged ? windows.flag(one.time) : windows.add(one.time, one.value));
        plain.add(one);
        taken += 1;
        const next = between[index];
        if (next === 'none') continue;
        if (next === 'idle' && !isBatch) watermark.liftTo(windows.lastDue());
        if (next === 'restart') windows = throughBytes(windows, latenessMs);
        drain();
      }
      now += 100;
      watermark.liftTo(windows.lastDue());
      plain.settle(Infinity);
      drain();
      // The last one may be waiting for more.
      const said = plain.windows.filter(({ rows }) => countOf(rows) >= size || timers.earlyEveryMs > 0);
      expect([...known].toSorted(([a], [b]) => a - b).map(([start, { end, count, values }]) => [start, end, count, ...values])).toStrictEqual(said.map(({ start, rows }) => [start, ...expected(rows)])); // prettier-ignore
      const accounted = [...known.values()].reduce((sum, pane) => sum + pane.accounted, 0);
      expect([accounted, windows.unreported()]).toStrictEqual([fresh, rows.length - fresh]);
      expect(fresh).toBe(said.reduce((sum, { rows }) => sum + rows.length, 0));
    }),
    { numRuns: 500 },
  );
});
