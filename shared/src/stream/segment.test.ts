// Statistics mean what people mean by them, and grouping changes no bit of them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { duty, increase, integral, rate, Segment, timeMean } from './segment.ts';

type Reading = readonly [time: number, value: number];

const isOn = (value: number): boolean => value > 0.5;

function of(readings: readonly Reading[]): Segment {
  const segment = new Segment(isOn);
  for (const [time, value] of readings) segment.append(time, value);
  return segment;
}

function bytesOf(segment: Segment): Uint8Array {
  const to = new ByteWriter();
  segment.write(to);
  return to.take();
}

function again(segment: Segment, on = isOn): Segment {
  const from = new ByteReader(bytesOf(segment));
  const back = Segment.read(from, on);
  expect(from.done).toBe(true);
  return back;
}

function statistics(segment: Segment, endMs: number): unknown[] {
  return [
    segment.count,
    segment.firstTime,
    segment.firstValue,
    segment.lastTime,
    segment.lastValue,
    segment.changes,
    timeMean(segment, endMs),
    integral(segment, endMs),
    duty(segment, endMs),
    increase(segment),
    rate(segment),
  ];
}

test('a reading holds until the next one, the last one until the end', () => {
  // 10 for 2 s, 20 for 1 s, 40 for 5 s.
  const segment = of([
    [1000, 10],
    [3000, 20],
    [4000, 40],
  ]);
  expect(integral(segment, 9000)).toBe(240);
  expect(timeMean(segment, 9000)).toBe(30);
  expect(integral(segment, 4000)).toBe(40);
  expect(timeMean(segment, 4000)).toBe(40 / 3);
});

test('duty is the share of the time from the first reading on for which the signal was on', () => {
  const door = of([
    [1000, 0],
    [2000, 1],
    [5000, 0],
    [6000, 1],
  ]);
  expect(duty(door, 9000)).toBe(6 / 8);
  expect(duty(door, 6000)).toBe(3 / 5);
  expect(duty(of([[1000, 1]]), 1001)).toBe(1);
  expect(duty(of([[1000, 0]]), 1001)).toBe(0);
});

test('a counter increases by its rises; where it falls it has restarted at 0', () => {
  const counter = of([
    [0, 100],
    [1000, 130],
    [2000, 5],
    [3000, 25],
    [4000, 3],
  ]);
  expect(increase(counter)).toBe(30 + 5 + 20 + 3);
  expect(rate(counter)).toBe(58 / 4);
});

test('rises are added up exactly and rounded once', () => {
  // 0.7 and, restarted, 0.5; added up in any way as float64 it is 1.2000000000000002.
  const tenths = of([
    [0, 0.1],
    [1000, 0.8],
    [2000, 0.5],
  ]);
  expect(increase(tenths)).toBe(1.2);
});

test('a change is a value that differs from the one before', () => {
  const values = [3, 3, 4, 4, 3, -0, 0, 0];
  expect(of(values.map((value, i) => [i, value])).changes).toBe(3);
});

test('where no time passes, the mean is the last value, duty is by the last value, and there is no rate', () => {
  const one = of([
    [7, 0],
    [7, 2],
  ]);
  expect([timeMean(one, 7), duty(one, 7), integral(one, 7), increase(one), rate(one)]).toStrictEqual([2, 1, 0, 2, NaN]);
});

test('without a reading nothing is known', () => {
  const empty = new Segment(isOn);
  expect([timeMean, integral, duty].map((statistic) => statistic(empty, 1000))).toStrictEqual([NaN, NaN, NaN]);
  expect([increase(empty), rate(empty), empty.changes, empty.count]).toStrictEqual([NaN, NaN, 0, 0]);
});

test('the mean of a value that never changes is that value, to the last bit', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.array(fc.nat({ max: 1e6 })), (value, gaps) => {
      let time = 1.7e12;
      const held = of([[time, value], ...gaps.map((gap): Reading => [(time += gap), value])]);
      expect(timeMean(held, time + 977)).toBe(value);
    }),
  );
});

test('duty is never more than 1, whatever the times', () => {
  const time = fc.double({ min: 0, max: 4e12, noNaN: true });
  fc.assert(
    fc.property(fc.array(time, { minLength: 2 }), (times) => {
      const sorted = times.toSorted((a, b) => a - b);
      const share = duty(of(sorted.map((time, i) => [time, i + 1])), sorted.at(-1) ?? NaN);
      expect(share).toBe(1);
    }),
  );
});

/** In order; few different values, so that many are equal; broken times and decimals, so that rounding would show. */
const readings = fc
  .array(
    fc.tuple(
      fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1e6, noNaN: true })),
      fc.oneof(fc.constantFrom(-0.3, 0, 0.1, 0.7, 1.1), fc.double({ min: -1e9, max: 1e9, noNaN: true })),
    ),
    { maxLength: 30 },
  )
  .map((steps) => {
    let time = 1.7e12;
    return steps.map(([gap, value]): Reading => [(time += gap), value]);
  });

test('readings in quarters and eighths agree with plain sums, which are exact for them', () => {
  const eighths = fc.array(fc.tuple(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: -40, max: 80 })), {
    minLength: 1,
    maxLength: 30,
  });
  fc.assert(
    fc.property(eighths, fc.nat({ max: 5000 }), (steps, rest) => {
      let time = 0;
      const all = steps.map(([gap, value]): Reading => [(time += gap / 4), value / 8]);
      const end = time + rest;
      const pairs = all.map(([start, value], i) => ({
        value,
        ms: (all[i + 1]?.[0] ?? end) - start,
        next: all[i + 1]?.[1],
      }));
      const sum = (terms: readonly number[]): number => terms.reduce((a, b) => a + b, 0);
      const held = sum(pairs.map(({ value, ms }) => value * ms));
      const onMs = sum(pairs.map(({ value, ms }) => (isOn(value) ? ms : 0)));
      const rises = sum(pairs.map(({ value, next = value }) => (next >= value ? next - value : next)));
      const lengthMs = end - (all[0]?.[0] ?? NaN);
      const segment = of(all);
      expect(integral(segment, end)).toBe(held / 1000);
      expect(increase(segment)).toBe(rises);
      expect(segment.changes).toBe(pairs.filter(({ value, next = value }) => next !== value).length);
      if (lengthMs === 0) return;
      expect(duty(segment, end)).toBe(onMs / lengthMs);
      expect(timeMean(segment, end)).toBe(segment.changes === 0 ? segment.lastValue : held / lengthMs);
    }),
  );
});

test('readings grouped in any way, and the groups in any way, give the same bits', () => {
  fc.assert(
    fc.property(readings, fc.array(fc.nat()), fc.array(fc.nat()), (all, cuts, joins) => {
      const whole = of(all);
      const at = [0, ...cuts.map((cut) => cut % (all.length + 1)).toSorted((a, b) => a - b), all.length];
      const parts = at.slice(1).map((end, i) => of(all.slice(at[i], end)));
      for (const join of joins) {
        if (parts.length < 2) break;
        const first = join % (parts.length - 1);
        const [left, right] = parts.splice(first, 2);
        if (left === undefined || right === undefined) continue;
        const before = bytesOf(right);
        left.concat(right);
        expect(bytesOf(right)).toStrictEqual(before);
        parts.splice(first, 0, join % 3 === 0 ? again(left) : left);
      }
      const joined = new Segment(isOn);
      for (const part of parts) joined.concat(part);
      expect(bytesOf(joined)).toStrictEqual(bytesOf(whole));
      const end = whole.lastTime + 1234;
      expect(statistics(joined, end)).toStrictEqual(statistics(whole, end));
    }),
    { numRuns: 300 },
  );
});

test('asking for statistics changes nothing', () => {
  fc.assert(
    fc.property(readings, (all) => {
      const segment = of(all);
      const first = statistics(segment, segment.lastTime + 50);
      statistics(segment, segment.lastTime + 9999);
      expect(statistics(segment, segment.lastTime + 50)).toStrictEqual(first);
      expect(bytesOf(segment)).toStrictEqual(bytesOf(of(all)));
    }),
  );
});

test('written and read, it goes on as if nothing had been', () => {
  fc.assert(
    fc.property(readings, fc.nat(), (all, at) => {
      const cut = at % (all.length + 1);
      const restarted = again(of(all.slice(0, cut)));
      for (const [time, value] of all.slice(cut)) restarted.append(time, value);
      expect(bytesOf(restarted)).toStrictEqual(bytesOf(of(all)));
    }),
  );
});

test('a stretch that was on goes on until the value changes when "on" has got another meaning', () => {
  const begun = of([
    [1000, 0],
    [2000, 1],
  ]);
  const restarted = again(begun, (value) => value > 5);
  restarted.append(3000, 1);
  restarted.append(4000, 2);
  restarted.append(5000, 2);
  expect(duty(restarted, 5000)).toBe(2 / 4);
});
