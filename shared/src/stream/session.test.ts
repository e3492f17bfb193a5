// Session windows of one series, driven by hand, and against the plainest batch computation.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { specOf } from '../testing/plans.ts';
import type { WindowPane } from './operator.ts';
import { SessionWindows } from './session.ts';
import { Watermark } from './watermark.ts';

const context = { expectMs: 4, isOn: (value: number): boolean => value > 0 };
const gapMs = 10;

function specWith(spec: Partial<WindowSpec> = {}): WindowSpec {
  return specOf({ kind: 'session', gapMs }, { compute: ['sum'], ...spec });
}

function windowsOf(latenessMs: number, spec: Partial<WindowSpec> = {}, accounts = true): SessionWindows {
  return new SessionWindows(specWith(spec), latenessMs, context, accounts);
}

/** With readings of value 1 at these times. */
function sessionsAt(times: readonly number[], latenessMs: number, spec: Partial<WindowSpec> = {}): SessionWindows {
  const windows = windowsOf(latenessMs, spec);
  for (const time of times) windows.add(time, 1);
  return windows;
}

function close(windows: SessionWindows, watermark: number, now = 0): WindowPane[] {
  const panes: WindowPane[] = [];
  windows.close(watermark, now, (pane) => panes.push(pane));
  return panes;
}

function brief(panes: readonly WindowPane[]): string[] {
  return panes.map(
    ({ start, end, timing, revision, retracted, count, accounted, fresh }) =>
      `${start}-${end} ${timing} r${revision} ${retracted ? 'retracted' : `${count}/${accounted}/${fresh}`}`,
  );
}

function throughBytes(windows: SessionWindows, latenessMs: number): SessionWindows {
  const to = new ByteWriter();
  windows.write(to);
  const read = new SessionWindows(windows.spec, latenessMs, context, windows.accounts);
  const from = new ByteReader(to.take());
  read.read(from);
  expect(from.done).toBe(true);
  return read;
}

function bytesOf(windows: SessionWindows): number {
  const to = new ByteWriter();
  windows.write(to);
  return to.length;
}

test('a session closes when the watermark reaches a gap after its last reading, not before', () => {
  const windows = windowsOf(0);
  expect([windows.add(1000, 1), windows.add(1004, 2), windows.add(1002, 3)]).toStrictEqual([1010, 1014, 1014]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount]).toStrictEqual([1014, 1014, 1]);
  expect(close(windows, 1013.999)).toStrictEqual([]);
  expect(close(windows, 1014)).toStrictEqual([
    {
      window: windows.spec,
      start: 1000,
      end: 1014,
      timing: 'on_time',
      revision: 0,
      retracted: false,
      count: 3,
      accounted: 3,
      fresh: 3,
      values: [6],
    },
  ]);
  expect(close(windows, 5000)).toStrictEqual([]);
  expect([windows.nextDue(), windows.lastDue(), windows.openCount, windows.sealedBytes]).toStrictEqual([
    Infinity,
    -Infinity,
    0,
    0,
  ]);
});

test('readings a gap apart are two sessions, and any closer they are one', () => {
  expect(brief(close(sessionsAt([0, 10], 0), 100))).toStrictEqual(['0-10 on_time r0 1/1/1', '10-20 on_time r0 1/1/1']);
  expect(brief(close(sessionsAt([0, 9.875], 0), 100))).toStrictEqual(['0-19.875 on_time r0 2/2/2']);
  expect(brief(close(sessionsAt([10, 0], 0), 100))).toStrictEqual(['0-10 on_time r0 1/1/1', '10-20 on_time r0 1/1/1']);
  expect(brief(close(sessionsAt([9.875, 0], 0), 100))).toStrictEqual(['0-19.875 on_time r0 2/2/2']);
});

test('out of order, sessions are put together before anything is said of them', () => {
  const windows = sessionsAt([0, 30, 15], 100);
  expect([windows.openCount, windows.nextDue(), windows.lastDue()]).toStrictEqual([3, 10, 40]);
  windows.add(22, 1);
  windows.add(8, 1);
  expect([windows.openCount, windows.nextDue(), windows.lastDue()]).toStrictEqual([1, 40, 40]);
  expect(brief(close(windows, 40))).toStrictEqual(['0-40 on_time r0 5/5/5']);
});

test.each([
  { what: 'inside', times: [2, 3], panes: ['0-15 late r1 4/4/2'] },
  { what: 'after its last reading', times: [6], panes: ['0-16 late r1 3/3/1'] },
  { what: 'before its first one', times: [-9], panes: ['0-15 late r1 retracted', '-9-15 late r0 3/3/1'] },
  { what: 'before its first one, twice', times: [-9, -18], panes: ['0-15 late r1 retracted', '-18-15 late r0 4/4/2'] },
  { what: 'within reach of two', times: [14], panes: ['20-35 late r1 retracted', '0-35 late r1 5/5/1'] },
  { what: 'within reach of none', times: [-30], panes: ['-30--20 on_time r0 1/1/1'] },
  { what: 'just out of reach of a start', times: [-10], panes: ['-10-0 on_time r0 1/1/1'] },
  { what: 'just out of reach of an end', times: [50], panes: ['50-60 on_time r0 1/1/1'] },
  {
    what: 'that join three',
    times: [44, 32, 14],
    panes: ['20-35 late r1 retracted', '40-50 late r1 retracted', '0-54 late r1 8/8/3'],
  },
])('late readings $what', ({ times, panes }) => {
  const windows = sessionsAt([0, 5, 20, 25, 40], 100);
  expect(close(windows, 60)).toHaveLength(3);
  expect(windows.openCount).toBe(0);
  for (const time of times) windows.add(time, 1);
  expect(brief(close(windows, 60))).toStrictEqual(panes);
  expect(close(windows, 60)).toStrictEqual([]);
});

test('a late reading can open a session again: its next pane is a correction, and waits for the watermark', () => {
  const windows = sessionsAt([0], 100);
  close(windows, 15);
  expect(windows.add(9, 1)).toBe(19);
  expect(close(windows, 18)).toStrictEqual([]);
  expect(windows.unreported()).toBe(1);
  expect(brief(close(windows, 19))).toStrictEqual(['0-19 late r1 2/2/1']);
});

test('a retraction waits for the pane that restates its readings', () => {
  let windows = sessionsAt([0, 20], 100, { lateEveryMs: 1000 });
  expect(close(windows, 30, 0)).toHaveLength(2);
  windows.add(5, 1);
  expect(brief(close(windows, 30, 100))).toStrictEqual(['0-15 late r1 2/2/1']);
  windows.add(12, 1);
  expect(close(windows, 30, 200)).toStrictEqual([]);
  expect([windows.nextTimer(), windows.unreported()]).toStrictEqual([1100, 1]);
  windows = throughBytes(windows, 100);
  windows.add(29, 1);
  expect(close(windows, 39, 1099)).toStrictEqual([]);
  expect(brief(close(windows, 39, 1100))).toStrictEqual(['20-30 late r1 retracted', '0-39 late r2 5/5/2']);
});

test('what waits goes out before it is forgotten', () => {
  const windows = sessionsAt([0], 50, { lateEveryMs: 1000 });
  close(windows, 10, 0);
  windows.add(1, 1);
  close(windows, 11, 0);
  windows.add(2, 1);
  expect(close(windows, 61.999, 0)).toStrictEqual([]);
  expect(brief(close(windows, 62, 0))).toStrictEqual(['0-12 late r2 3/3/1']);
  expect(windows.sealedBytes).toBe(0);
});

test('a correction that waits holds up no other session', () => {
  const windows = sessionsAt([0], 1000, { lateEveryMs: 1000, earlyEveryMs: 10 });
  close(windows, 10, 0);
  for (const now of [0, 100]) {
    windows.add(1, 1);
    windows.add(30, 1);
    close(windows, 30, now);
  }
  expect(brief(close(windows, 40, 200))).toStrictEqual(['30-40 on_time r2 2/2/0']);
  expect(brief(close(windows, 40, 1000))).toStrictEqual(['0-11 late r2 3/3/1']);
});

test('early panes restate what has changed since the last ones', () => {
  const windows = sessionsAt([0, 30], 0, { earlyEveryMs: 1000 });
  expect(windows.nextTimer()).toBe(-Infinity);
  expect(brief(close(windows, -5, 500))).toStrictEqual(['0-10 early r0 1/1/1', '30-40 early r0 1/1/1']);
  windows.add(2, 1);
  expect(windows.nextTimer()).toBe(1000);
  expect(close(windows, -5, 999)).toStrictEqual([]);
  expect(brief(close(windows, -5, 1000))).toStrictEqual(['0-12 early r1 2/2/1']);
  expect(brief(close(windows, 12, 1000))).toStrictEqual(['0-12 on_time r2 2/2/0']);
});

test('a start that had early panes only is retracted early, with the next early pane', () => {
  const windows = sessionsAt([0, 15], 100, { earlyEveryMs: 1000 });
  expect(close(windows, 3, 0)).toHaveLength(2);
  for (const time of [7, -6]) windows.add(time, 1);
  expect(brief(close(windows, 3, 1000))).toStrictEqual([
    '0-10 early r1 retracted',
    '15-25 early r1 retracted',
    '-6-25 early r0 4/4/2',
  ]);
  expect(brief(close(windows, 25, 1000))).toStrictEqual(['-6-25 on_time r1 4/4/0']);
  for (const time of [24, -9]) windows.add(time, 1);
  expect(brief(close(windows, 25, 2000))).toStrictEqual(['-6-25 late r2 retracted', '-9-34 early r0 6/6/2']);
  windows.add(-10, 1);
  expect(brief(close(windows, 40, 2000))).toStrictEqual(['-9-34 early r1 retracted', '-10-34 late r0 7/7/1']);
});

test('an early pane of a session that is open again makes its start no early one', () => {
  const windows = sessionsAt([0], 100, { earlyEveryMs: 1000 });
  close(windows, 10, 0);
  windows.add(5, 1);
  expect(brief(close(windows, 10, 1000))).toStrictEqual(['0-15 early r1 2/2/1']);
  windows.add(-1, 1);
  expect(brief(close(windows, 15, 1000))).toStrictEqual(['0-15 late r2 retracted', '-1-15 late r0 3/3/1']);
});

test('a retraction says that nothing is there', () => {
  const windows = sessionsAt([0], 100, { compute: ['sum', 'max'] });
  close(windows, 10);
  windows.add(-1, 1);
  expect(close(windows, 10)[0]).toStrictEqual({
    window: windows.spec,
    start: 0,
    end: 10,
    timing: 'late',
    revision: 1,
    retracted: true,
    count: 0,
    accounted: 0,
    fresh: 0,
    values: [NaN, NaN],
  });
});

test('flagged readings belong to sessions and to no statistic', () => {
  const windows = windowsOf(100, { compute: ['sum', 'uncertain'] });
  windows.add(0, 1);
  expect(windows.flag(8)).toBe(18);
  windows.add(16, 2);
  windows.flag(40);
  const panes = close(windows, 50);
  expect(brief(panes)).toStrictEqual(['0-26 on_time r0 2/3/3', '40-50 on_time r0 0/1/1']);
  expect(panes.map(({ values }) => values)).toStrictEqual([
    [3, 1],
    [NaN, 1],
  ]);
});

test('a session keeps no time but that of its readings', () => {
  const windows = windowsOf(0, { compute: ['time_mean', 'duration', 'completeness'] });
  for (const [time, value] of [[0, 1], [6, 3], [8, 100]] as const) windows.add(time, value); // prettier-ignore
  expect(close(windows, 18)[0]?.values).toStrictEqual([(6 * 1 + 2 * 3) / 8, 0.008, 3 / 3]);
});

test('closed sessions are kept for the lateness and no longer', () => {
  const windows = windowsOf(60);
  let most = 0;
  for (let time = 0; time < 20_000; time += 20) {
    windows.add(time, 1);
    close(windows, time);
    expect(windows.openCount).toBe(1);
    most = Math.max(most, windows.sealedBytes);
  }
  expect(most).toBeGreaterThan(100);
  expect(most).toBeLessThan(1000);
  // The last one ends at 19,990.
  close(windows, 19_990);
  close(windows, 20_049.999);
  expect(windows.sealedBytes).toBeGreaterThan(0);
  close(windows, 20_050);
  expect(windows.sealedBytes).toBe(0);
});

test('a session that late readings have made longer is kept for longer', () => {
  const windows = sessionsAt([0, 20], 100);
  close(windows, 30);
  windows.add(9, 1);
  close(windows, 30);
  // Without the late reading the first one would have been forgotten at 110.
  close(windows, 112);
  windows.add(12, 1);
  expect(brief(close(windows, 112))).toStrictEqual(['20-30 late r1 retracted', '0-30 late r2 4/4/1']);
});

test('a session that never ends stays small', () => {
  const windows = windowsOf(100, { compute: ['time_mean'], earlyEveryMs: 1000 });
  let most = 0;
  for (let time = 0; time < 50_000; time += 1) {
    windows.add(time, time % 7);
    if (time % 50 !== 0) continue;
    close(windows, time, time);
    most = Math.max(most, bytesOf(windows));
  }
  expect(windows.openCount).toBe(1);
  expect(most).toBeLessThan(4000);
});

test('given up, the oldest sessions take no reading that could have made them longer', () => {
  const windows = sessionsAt([0, 5, 20, 60], 1000);
  close(windows, 70);
  expect(windows.forgetOldest()).toBe(15);
  windows.add(15, 1);
  expect(brief(close(windows, 70))).toStrictEqual(['20-30 late r1 retracted', '15-30 late r0 2/2/1']);
  expect([windows.forgetOldest(), windows.forgetOldest(), windows.forgetOldest()]).toStrictEqual([30, 70, -Infinity]);
  expect(windows.sealedBytes).toBe(0);
});

test('an eighth of the closed sessions is given up at a time', () => {
  const windows = windowsOf(10_000);
  for (let time = 0; time < 17 * 20; time += 20) windows.add(time, 1);
  close(windows, 1000);
  expect(windows.forgetOldest()).toBe(50);
  expect(windows.forgetOldest()).toBe(90);
});

test('where another window accounts for the readings, nothing is fresh', () => {
  const windows = windowsOf(0, {}, false);
  windows.add(0, 1);
  expect([windows.accounts, windows.unreported()]).toStrictEqual([false, 0]);
  expect(brief(close(windows, 10))).toStrictEqual(['0-10 on_time r0 1/0/0']);
});

test('taking over the account leaves out what another window accounts for, also when sessions are joined', () => {
  const windows = windowsOf(1000, {}, false);
  for (const time of [0, 5, 20]) windows.add(time, 1);
  close(windows, 30);
  windows.add(60, 1);
  windows.takeOverAccount();
  expect([windows.accounts, windows.unreported()]).toStrictEqual([true, 0]);
  windows.add(12, 1);
  windows.add(61, 1);
  expect(windows.unreported()).toBe(2);
  expect(brief(close(windows, 80))).toStrictEqual([
    '20-30 late r1 retracted',
    '0-30 late r1 4/1/1',
    '60-71 on_time r0 2/1/1',
  ]);
  windows.accounts = false;
  windows.add(13, 1);
  expect(brief(close(windows, 80))).toStrictEqual(['0-30 late r2 5/0/0']);
  windows.accounts = true;
  expect(windows.accounts).toBe(true);
});

test('another kind of window is refused', () => {
  const spec = specOf({ kind: 'count', size: 3 });
  expect(() => new SessionWindows(spec, 0, context, true)).toThrow('count-3 is no session window');
});

// Against the batch. Eighths, so that event times have fractions and sums of them are exact.

interface Row {
  readonly time: number;
  readonly value: number;
  readonly flagged: boolean;
}

const breaks = ['none', 'none', 'close', 'close', 'idle', 'restart'] as const;

const row = fc.record({
  time: fc.integer({ min: 0, max: 200 * 8 }).map((eighths) => eighths / 8),
  value: fc.integer({ min: -5, max: 5 }),
  flagged: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});

const scenario = fc.record({
  // Few enough for sessions to be apart, enough for them to be joined.
  rows: fc.array(row, { maxLength: 50 }),
  between: fc.array(fc.constantFrom(...breaks), { minLength: 50, maxLength: 50 }),
  epoch: fc.constantFrom(0, -150, 1.7e12),
  disorderShare: fc.constantFrom(0, 0.25, 1),
  moreLatenessMs: fc.constantFrom(0, 50),
  earlyEveryMs: fc.constantFrom(0, 0, 3),
  lateEveryMs: fc.constantFrom(0, 0, 3),
});

const everything = ['sum', 'min', 'max', 'first', 'last', 'increase', 'duration', 'uncertain'] as const;

/** Start to end, count and `everything`. */
function batch(rows: readonly Row[]): Map<number, readonly number[]> {
  const sessions: Row[][] = [];
  for (const one of rows.toSorted((a, b) => a.time - b.time || a.value - b.value)) {
    const last = sessions.at(-1)?.at(-1);
    if (last !== undefined && one.time - last.time < gapMs) sessions.at(-1)?.push(one);
    else sessions.push([one]);
  }
  return new Map(
    sessions.map((session) => {
      const plain = session.filter(({ flagged }) => !flagged);
      const values = plain.map(({ value }) => value);
      const [first, last] = [plain[0], plain.at(-1)];
      const rises = values
        .slice(1)
        .map((value, i) => (value < (values[i] ?? NaN) ? value : value - (values[i] ?? NaN)));
      const rise = rises.reduce((sum, one) => sum + one, 0);
      const sum = values.reduce((sum, value) => sum + value, 0);
      const stats =
        first === undefined || last === undefined
          ? [NaN, NaN, NaN, NaN, NaN, NaN, NaN]
          : [
              sum,
              Math.min(...values),
              Math.max(...values),
              first.value,
              last.value,
              rise,
              (last.time - first.time) / 1000,
            ];
      const end = (session.at(-1)?.time ?? NaN) + gapMs;
      return [session[0]?.time ?? NaN, [end, plain.length, ...stats, session.length - plain.length]];
    }),
  );
}

/** What somebody knows who has read all panes so far. */
class Reader {
  readonly known = new Map<number, WindowPane>();
  readonly #revisions = new Map<number, number>();
  readonly #gone = new Set<number>();
  readonly #closed = new Set<number>();
  fresh = 0;

  read(pane: WindowPane): void {
    const { start, end, timing, revision, retracted } = pane;
    expect(this.#gone.has(start), 'a start that is gone stays gone').toBe(false);
    expect(revision).toBe(this.#revisions.get(start) ?? 0);
    this.#revisions.set(start, revision + 1);
    this.fresh += pane.fresh;
    if (timing === 'on_time') expect(this.#closed.has(start), 'a session is on time once').toBe(false);
    if (retracted) {
      expect(end, 'as last seen').toBe(this.known.get(start)?.end);
      expect(timing).toBe(this.#closed.has(start) ? 'late' : 'early');
      this.#gone.add(start);
      this.known.delete(start);
      return;
    }
    if (timing !== 'early') this.#closed.add(start);
    this.known.set(start, pane);
  }

  sumOf(part: 'count' | 'accounted'): number {
    return [...this.known.values()].reduce((sum, pane) => sum + pane[part], 0);
  }
}

test('in any order, with any closings, silences and restarts, the last panes are those of a batch computation', () => {
  fc.assert(
    fc.property(scenario, ({ rows: relative, between, epoch, disorderShare, moreLatenessMs, ...timers }) => {
      const rows = relative.map((one) => ({ ...one, time: epoch + one.time }));
      let newest = -Infinity;
      let delay = 0;
      for (const { time } of rows) {
        newest = Math.max(newest, time);
        delay = Math.max(delay, newest - time);
      }
      const idles = between.slice(0, rows.length).includes('idle');
      const disorderMs = Math.floor(delay * disorderShare);
      // The tightest that lets every reading in, and more; the idle rule lifts the watermark to the end of what is open.
      const latenessMs = (idles ? delay + gapMs : delay - disorderMs) + moreLatenessMs;
      let windows = windowsOf(latenessMs, { compute: everything, ...timers });
      const watermark = new Watermark(disorderMs);
      const reader = new Reader();
      let due = Infinity;
      let now = 0;
      let taken = 0;
      const drain = (): void => {
        const counted = reader.sumOf('count');
        const isTimer = now >= windows.nextTimer();
        const panes = close(windows, watermark.time, now);
        for (const pane of panes) reader.read(pane);
        if (watermark.time < due && !isTimer) expect(panes, 'nothing but what was announced').toHaveLength(0);
        const firsts = panes.filter(({ timing, retracted }) => timing === 'on_time' && !retracted);
        expect(firsts).toStrictEqual(firsts.toSorted((a, b) => a.start - b.start));
        expect(reader.sumOf('count'), 'never less than before').toBeGreaterThanOrEqual(counted);
        expect(windows.unreported() + reader.fresh).toBe(taken);
        due = windows.nextDue();
      };
      for (const [index, { time, value, flagged }] of rows.entries()) {
        now += 1;
        watermark.observe(time);
        expect(time).toBeGreaterThanOrEqual(watermark.time - latenessMs);
        due = Math.min(due, flagged ? windows.flag(time) : windows.add(time, value));
        taken += 1;
        const next = between[index];
        if (next === 'none') continue;
        if (next === 'idle') watermark.liftTo(windows.lastDue());
        if (next === 'restart') windows = throughBytes(windows, latenessMs);
        drain();
      }
      now += 100;
      watermark.liftTo(windows.lastDue());
      drain();
      expect([windows.openCount, windows.unreported(), reader.fresh]).toStrictEqual([0, 0, rows.length]);
      expect(reader.sumOf('accounted')).toBe(rows.length);
      const last = [...reader.known].toSorted(([a], [b]) => a - b);
      expect(last.map(([start, { end, count, values }]) => [start, [end, count, ...values]])).toStrictEqual([
        ...batch(rows),
      ]);
    }),
    { numRuns: 500 },
  );
});
