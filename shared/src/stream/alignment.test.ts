// Windows by UTC and by local time. What the clock of a zone shows is asked of Intl here in another way than in the code.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { alignmentOf, zoneProblem, type Alignment } from './alignment.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const week = 7 * day;

const zones = [
  'Europe/Zurich',
  'America/New_York',
  'America/Sao_Paulo',
  'America/St_Johns',
  'America/Havana',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Africa/Monrovia',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Gaza',
  'Pacific/Apia',
  'Atlantic/Azores',
  'Antarctica/Troll',
  'UTC',
  '-03:30',
] as const;

const anyZone = fc.oneof(fc.constantFrom(...zones), fc.constantFrom(...Intl.supportedValuesOf('timeZone')));
const anySize = fc.oneof(
  fc.constantFrom(1, 1000, 15 * minute, 20 * minute, 45 * minute, hour, 2 * hour, 8 * hour, 12 * hour, day, week),
  fc.integer({ min: 1, max: 1440 }).map((n) => day / greatestDivisor(day, n)),
);
const anyTime = fc.oneof(
  fc.integer({ min: Date.UTC(1840), max: Date.UTC(2050) }),
  fc.double({ min: Date.UTC(1970), max: Date.UTC(2040), noNaN: true }),
  fc.double({ min: -Date.UTC(9999, 11, 31), max: Date.UTC(9999, 11, 31), noNaN: true }),
);

/** The largest whole number up to `most` that divides `whole`. */
function greatestDivisor(whole: number, most: number): number {
  let divisor = most;
  while (whole % divisor !== 0) divisor -= 1;
  return divisor;
}

/** Windows that begin within a time: day, hour and minute in UTC, and the length in minutes: `28T23:00 1380, 29T22:00 1440`. */
function windowsWithin(alignment: Alignment, from: string, until: string): string {
  const windows: string[] = [];
  for (let start = alignment.endOf(Date.parse(from) - 1); start < Date.parse(until); start = alignment.endOf(start)) {
    const minutes = (alignment.endOf(start) - start) / minute;
    windows.push(`${new Date(start).toISOString().slice(8, 16)} ${minutes}`);
  }
  return windows.join(', ');
}

/** What a clock in a zone shows, as if it were UTC: read off its hands, second by second. */
function clockOf(zone: string): (time: number) => number {
  const format = new Intl.DateTimeFormat('en-u-hc-h23', {
    timeZone: zone,
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (time) => {
    const hands = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const { year = NaN, month = NaN, day: date = NaN, hour: hours = NaN, minute: minutes = NaN, second = NaN } = hands;
    return Date.UTC(year, month - 1, date, hours, minutes, second);
  };
}

function expectTiles(alignment: Alignment, time: number): void {
  const start = alignment.startOf(time);
  const end = alignment.endOf(start);
  expect(start).toBeLessThanOrEqual(time);
  expect(end).toBeGreaterThan(time);
  expect(alignment.startOf(start)).toBe(start);
  expect(alignment.startOf(end)).toBe(end);
  expect(alignment.startOf(end - 1)).toBe(start);
  expect(alignment.startOf(start - 1)).toBeLessThan(start);
  expect(alignment.endOf(alignment.startOf(start - 1))).toBe(start);
}

test('by UTC, windows begin at whole multiples of their size and follow each other without gap or overlap', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e10 }), anyTime, (size, time) => {
      const alignment = alignmentOf(size, undefined);
      expectTiles(alignment, time);
      expect(Math.abs(alignment.startOf(time) % size)).toBe(0);
      expect(alignment.endOf(alignment.startOf(time)) - alignment.startOf(time)).toBe(size);
    }),
  );
});

test('by UTC, a time as close before a window as a number can say is not in it', () => {
  const justBefore = 60_000 * 2 ** 25 * (1 - 2 ** -53);
  expect(justBefore).toBeLessThan(60_000 * 2 ** 25);
  expectTiles(alignmentOf(60_000, undefined), justBefore);
  expectTiles(alignmentOf(60_000, undefined), -Number.MIN_VALUE);
  expect(alignmentOf(60_000, undefined).startOf(-0)).toBe(0);
  expectTiles(alignmentOf(day, 'Europe/Zurich'), Date.UTC(2026, 5, 1, 22) - 2 ** -12);
});

test('by local time, windows follow each other without gap or overlap, in every zone and at any time', () => {
  fc.assert(
    fc.property(anyZone, anySize, anyTime, (zone, size, time) => expectTiles(alignmentOf(size, zone), time)),
    { numRuns: 200 },
  );
});

test('a later time is never in an earlier window', () => {
  const near = fc.integer({ min: 0, max: 2 * day });
  fc.assert(
    fc.property(anyZone, anySize, anyTime, near, (zone, size, time, later) => {
      const alignment = alignmentOf(size, zone);
      expect(alignment.startOf(time)).toBeLessThanOrEqual(alignment.startOf(time + later));
    }),
  );
});

test('what was asked before does not matter', () => {
  fc.assert(
    fc.property(anyZone, anySize, fc.array(anyTime, { minLength: 2 }), (zone, size, times) => {
      const used = alignmentOf(size, zone);
      for (const time of times) {
        const fresh = alignmentOf(size, zone);
        expect(used.startOf(time)).toBe(fresh.startOf(time));
        expect(used.endOf(time)).toBe(alignmentOf(size, zone).endOf(time));
      }
    }),
  );
});

test('a window without a shift of the clock in it is as long as its size, and the clock shows a multiple of it at the start', () => {
  fc.assert(
    fc.property(anyZone, anySize, fc.integer({ min: Date.UTC(1970), max: Date.UTC(2040) }), (zone, size, time) => {
      const alignment = alignmentOf(size, zone);
      const clock = clockOf(zone);
      const start = alignment.startOf(time);
      const end = alignment.endOf(start);
      const offsets = [start - size, start, time, end, end + size].map(
        (at) => clock(at - (at % 1000)) - (at - (at % 1000)),
      );
      fc.pre(new Set(offsets).size === 1);
      expect(end - start).toBe(size);
      const midnight = size === week ? 4 * day : 0;
      expect(Math.abs((start + (offsets[0] ?? NaN) - midnight) % size)).toBe(0);
    }),
  );
});

const days = [
  // Forward and back by an hour.
  ['Europe/Zurich', '2026-03-28', '2026-03-31', '28T23:00 1380, 29T22:00 1440, 30T22:00 1440'],
  ['Europe/Zurich', '2026-10-24', '2026-10-27', '24T22:00 1500, 25T23:00 1440, 26T23:00 1440'],
  ['America/New_York', '2026-03-08', '2026-03-10', '08T05:00 1380, 09T04:00 1440'],
  ['America/New_York', '2026-11-01', '2026-11-03', '01T04:00 1500, 02T05:00 1440'],
  // By half an hour.
  ['Australia/Lord_Howe', '2026-04-04', '2026-04-06', '04T13:00 1470, 05T13:30 1440'],
  ['Australia/Lord_Howe', '2026-10-03', '2026-10-05', '03T13:30 1410, 04T13:00 1440'],
  // From Thursday to Saturday: there was no Friday.
  ['Pacific/Apia', '2011-12-29', '2012-01-01', '29T10:00 1440, 30T10:00 1440, 31T10:00 1440'],
  // Midnight was jumped over; three months later the hour before midnight came twice.
  ['America/Sao_Paulo', '2018-11-03', '2018-11-06', '03T03:00 1440, 04T03:00 1380, 05T02:00 1440'],
  ['America/Sao_Paulo', '2019-02-16', '2019-02-18', '16T02:00 1500, 17T03:00 1440'],
  // From 1:00 back to 0:00, and from 0:01 back to 23:01: midnight came twice on one day.
  ['America/Havana', '2025-11-02', '2025-11-04', '02T04:00 1500, 03T05:00 1440'],
  ['America/St_Johns', '2006-10-28', '2006-10-31', '28T02:30 1440, 29T02:30 1500, 30T03:30 1440'],
  // Summer time all year, but for Ramadan.
  ['Africa/Casablanca', '2026-02-14', '2026-02-16', '14T23:00 1500'],
  ['Africa/Casablanca', '2026-03-22', '2026-03-24', '22T00:00 1380, 22T23:00 1440, 23T23:00 1440'],
  ['Asia/Kathmandu', '2026-05-01', '2026-05-03', '01T18:15 1440, 02T18:15 1440'],
] as const;

test.each(days)('local days in %s from %s', (zone, from, until, expected) => {
  expect(windowsWithin(alignmentOf(day, zone), from, until)).toBe(expected);
});

const partsOfDays = [
  // 00:00, 08:00 and 16:00 by the wall clock: where it shifts in the night, the night is shorter or longer.
  [8 * hour, 'Europe/Zurich', '2026-03-28T23:00Z', '2026-03-29T22:00Z', '28T23:00 420, 29T06:00 480, 29T14:00 480'],
  [8 * hour, 'Europe/Zurich', '2026-10-24T22:00Z', '2026-10-25T23:00Z', '24T22:00 540, 25T07:00 480, 25T15:00 480'],
  [2 * hour, 'Europe/Zurich', '2026-03-29T00:00Z', '2026-03-29T02:00Z', '29T01:00 60'],
  // Midnight comes twice, and the night is one window all the same.
  [8 * hour, 'America/Havana', '2025-11-02T04:00Z', '2025-11-03T05:00Z', '02T04:00 540, 02T13:00 480, 02T21:00 480'],
  // The hour that comes twice has its windows twice.
  [hour, 'Europe/Zurich', '2026-10-25T00:00Z', '2026-10-25T03:00Z', '25T00:00 60, 25T01:00 60, 25T02:00 60'],
  [15 * minute, 'America/New_York', '2026-11-01T05:45Z', '2026-11-01T06:30Z', '01T05:45 15, 01T06:00 15, 01T06:15 15'],
  // Also where the clock shifts within a window: from 0:01 to 23:01 and from 0:01 to 1:01.
  [15 * minute, 'America/St_Johns', '2006-10-29T02:15Z', '2006-10-29T03:00Z', '29T02:15 15, 29T02:30 15, 29T02:45 15'],
  [15 * minute, 'America/St_Johns', '2006-04-02T03:15Z', '2006-04-02T04:00Z', '02T03:15 15, 02T03:30 15, 02T03:45 15'],
  // By half an hour: a longer hour, a shorter one, and twenty minutes that do not fit into it.
  [hour, 'Australia/Lord_Howe', '2026-04-04T14:00Z', '2026-04-04T16:00Z', '04T14:00 90, 04T15:30 60'],
  [hour, 'Australia/Lord_Howe', '2026-10-03T15:00Z', '2026-10-03T17:00Z', '03T15:30 30, 03T16:00 60'],
  [20 * minute, 'Australia/Lord_Howe', '2026-04-04T14:40Z', '2026-04-04T15:30Z', '04T14:40 30, 04T15:10 20'],
  [
    20 * minute,
    'Australia/Lord_Howe',
    '2026-10-03T15:10Z',
    '2026-10-03T16:00Z',
    '03T15:10 20, 03T15:30 10, 03T15:40 20',
  ],
  [45 * minute, 'America/New_York', '2026-11-01T05:30Z', '2026-11-01T07:15Z', '01T05:30 60, 01T06:30 45'],
  // A shift at the edge of two cells, by which offsets are remembered.
  [2 * hour, 'Africa/Cairo', '1988-09-30T22:00Z', '1988-10-01T03:00Z', '30T23:00 180, 01T02:00 120'],
  // Quarter hours where local time is ahead by three quarters.
  [hour, 'Asia/Kathmandu', '2026-05-01T00:00Z', '2026-05-01T02:00Z', '01T00:15 60, 01T01:15 60'],
  [15 * minute, 'Asia/Kolkata', '2026-05-01T00:00Z', '2026-05-01T00:30Z', '01T00:00 15, 01T00:15 15'],
] as const;

test.each(partsOfDays)('parts of %d ms of a day in %s from %s', (size, zone, from, until, expected) => {
  expect(windowsWithin(alignmentOf(size, zone), from, until)).toBe(expected);
});

test('weeks begin on Monday at local midnight, whatever the clock does in them', () => {
  const zurich = windowsWithin(alignmentOf(week, 'Europe/Zurich'), '2026-03-16', '2026-04-02');
  expect(zurich).toBe('22T23:00 10020, 29T22:00 10080');
  expect(windowsWithin(alignmentOf(week, 'Pacific/Apia'), '2011-12-24', '2012-01-07')).toBe(
    '26T10:00 8640, 01T10:00 10080',
  );
  expect(windowsWithin(alignmentOf(week, 'UTC'), '1969-12-24', '1970-01-07')).toBe('29T00:00 10080, 05T00:00 10080');
});

test('summer time goes on to the year 9999, and goes back to when zones had seconds', () => {
  expect(windowsWithin(alignmentOf(day, 'Europe/Zurich'), '9999-03-27', '9999-03-29')).toBe(
    '27T23:00 1380, 28T22:00 1440',
  );
  const monrovia = alignmentOf(day, 'Africa/Monrovia');
  expect(new Date(monrovia.startOf(Date.UTC(1971, 5, 1))).toISOString()).toBe('1971-05-31T00:44:30.000Z');
  expect(new Date(monrovia.startOf(Date.UTC(1973, 5, 1))).toISOString()).toBe('1973-06-01T00:00:00.000Z');
});

/** Starts of windows, told by what a clock showed from one minute to the next; the first entry is before `from`. */
function startsBy(shown: readonly number[], size: number, from: number): number[] {
  const midnight = size === week ? 4 * day : 0;
  let seen = -Infinity;
  return shown.slice(1).flatMap((shows, index) => {
    const before = shown[index] ?? NaN;
    const shift = shows - before - minute;
    if (shift < 0 && -shift < size) seen = before + minute;
    const isMultiple = (shows - midnight) % size === 0;
    const hasPassedOne = Math.floor((shows - midnight) / size) > Math.floor((before - midnight) / size);
    const isStart = shows >= seen && (isMultiple || (shift % size !== 0 && hasPassedOne));
    return isStart ? [from + index * minute] : [];
  });
}

test.each(days)('windows in %s from %s begin when somebody who watches the clock would say so', (zone, date) => {
  const from = Date.parse(date);
  const until = from + 2 * day;
  const clock = clockOf(zone);
  const shown = Array.from({ length: (until - from) / minute + 1 }, (_, index) => clock(from + (index - 1) * minute));
  const readableSize = anySize.filter((size) => size % (5 * minute) === 0);
  fc.assert(
    fc.property(readableSize, (size) => {
      const alignment = alignmentOf(size, zone);
      const starts: number[] = [];
      for (let at = alignment.endOf(from - 1); at < until; at = alignment.endOf(at)) starts.push(at);
      const asked = new Set<number>();
      for (let time = starts[0] ?? until; time < until; time += minute) asked.add(alignment.startOf(time));
      expect(starts).toStrictEqual(startsBy(shown, size, from));
      expect([...asked]).toStrictEqual(starts);
    }),
    { numRuns: 20 },
  );
});

test.each([
  ['Europe/Zürich', 'no time zone "Europe/Zürich"; did you mean Europe/Zurich?'],
  ['ZÜRICH', 'no time zone "ZÜRICH"; did you mean Europe/Zurich?'],
  ['New York', 'no time zone "New York"; did you mean America/New_York?'],
  ['CEST', 'no time zone "CEST"; zones are named such as Europe/Zurich or UTC'],
  ['', 'no time zone ""; zones are named such as Europe/Zurich or UTC'],
])('"%s" is no zone, and it says which may be meant', (zone, problem) => {
  expect(zoneProblem(day, zone)).toBe(problem);
  expect(() => alignmentOf(day, zone)).toThrow(new RangeError(problem));
});

test.each(['Europe/Zurich', 'Asia/Kolkata', 'Asia/Calcutta', 'US/Eastern', 'UTC', '+05:30'])('%s is a zone', (zone) => {
  expect(zoneProblem(day, zone)).toBeUndefined();
});

test('with a zone a window is a whole part of a day, a day or a week', () => {
  const problem = 'with a zone a window is a whole part of a day (such as 15m or 8h), 1d or 1w';
  for (const size of [1, 15 * minute, 8 * hour, day, week]) expect(zoneProblem(size, 'UTC')).toBeUndefined();
  for (const size of [7 * hour, 36 * hour, 2 * day, 2 * week, 0, -hour, 0.5, NaN, Infinity]) {
    expect(zoneProblem(size, 'UTC')).toBe(problem);
    expect(() => alignmentOf(size, 'UTC')).toThrow(RangeError);
  }
});

test.each([0, -1000, 0.5, NaN, Infinity])('there is no window of %d ms', (size) => {
  expect(() => alignmentOf(size, undefined)).toThrow(RangeError);
});
