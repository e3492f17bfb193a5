// Whatever order readings come in, and wherever they are folded, merged or restarted, every bit is that of the readings in
// order.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Ordered } from './ordered.ts';
import { isBefore } from './samples.ts';
import { Segment } from './segment.ts';

type Reading = readonly [time: number, value: number];

const isOn = (value: number): boolean => value > 0.5;

const reading = fc.tuple(
  fc.oneof(fc.integer({ min: 0, max: 30 }), fc.double({ min: 0, max: 30, noNaN: true })),
  fc.oneof(fc.constantFrom(-0, 0, 0.1, 0.7, 1), fc.double({ min: -1e6, max: 1e6, noNaN: true })),
);
const readings = fc.array(reading, { maxLength: 30 });

function of(all: readonly Reading[], keep = true): Ordered {
  const ordered = new Ordered(isOn, keep);
  for (const [time, value] of all) ordered.add(time, value);
  return ordered;
}

function sorted(all: readonly Reading[]): Reading[] {
  return all.toSorted((a, b) => (isBefore(...a, ...b) ? -1 : 1));
}

function segmentOf(all: readonly Reading[]): Segment {
  const segment = new Segment(isOn);
  for (const [time, value] of sorted(all)) segment.append(time, value);
  return segment;
}

function bytesOf(what: { write(to: ByteWriter): void }): Uint8Array {
  const to = new ByteWriter();
  what.write(to);
  return to.take();
}

function again(ordered: Ordered): Ordered {
  const from = new ByteReader(bytesOf(ordered));
  const back = Ordered.read(from, isOn);
  expect(from.done).toBe(true);
  return back;
}

function expectSummaryOf(ordered: Ordered, all: readonly Reading[]): void {
  expect(bytesOf(ordered.summary())).toStrictEqual(bytesOf(segmentOf(all)));
}

/** Readings in order of arrival, with the time before which nothing comes any more after each of them. */
const arrivals = readings.map((all) =>
  all.map(([time, value], i) => ({
    time,
    value,
    bound: Math.min(31, ...all.slice(i + 1).map(([later]) => later)),
  })),
);

test('readings in any order, folded, asked and restarted in between, give the bits of the readings in order', () => {
  const action = fc.constantFrom('nothing', 'nothing', 'fold', 'ask', 'restart');
  fc.assert(
    fc.property(arrivals, fc.array(action), (all, actions) => {
      let ordered = new Ordered(isOn, true);
      for (const [i, { time, value, bound }] of all.entries()) {
        ordered.add(time, value);
        const done = all.slice(0, i + 1).map((one): Reading => [one.time, one.value]);
        if (actions[i] === 'fold') ordered.foldBefore(bound);
        if (actions[i] === 'ask') expectSummaryOf(ordered, done);
        if (actions[i] === 'restart') ordered = again(ordered);
      }
      expectSummaryOf(
        ordered,
        all.map(({ time, value }) => [time, value]),
      );
    }),
    { numRuns: 1000 },
  );
});

test('the written form does not show in which order readings came', () => {
  const shuffled = readings.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })),
  );
  fc.assert(
    fc.property(shuffled, fc.boolean(), ([all, other], keep) => {
      expect(bytesOf(of(other, keep))).toStrictEqual(bytesOf(of(all, keep)));
    }),
  );
});

test('two that overlap in any way become the one that all readings would have made', () => {
  fc.assert(
    fc.property(readings, readings, readings, fc.boolean(), (mine, theirs, later, ask) => {
      const [ordered, other] = [of(mine), of(theirs)];
      if (ask) ordered.summary();
      const before = bytesOf(other);
      ordered.merge(other);
      expect(bytesOf(other)).toStrictEqual(before);
      expectSummaryOf(ordered, [...mine, ...theirs]);
      for (const [time, value] of later) ordered.add(time, value);
      expect(bytesOf(ordered)).toStrictEqual(bytesOf(of([...mine, ...theirs, ...later])));
      expectSummaryOf(ordered, [...mine, ...theirs, ...later]);
    }),
    { numRuns: 500 },
  );
});

test('two that do not overlap become one wherever either is folded, and both go on', () => {
  const fold = fc.integer({ min: 0, max: 100 });
  fc.assert(
    fc.property(
      readings,
      readings,
      fold,
      fold,
      fc.boolean(),
      readings,
      (first, second, foldFirst, foldSecond, swap, later) => {
        const secondLater = second.map(([time, value]): Reading => [time + 40, value]);
        const [early, late] = [of(first), of(secondLater)];
        early.foldBefore(foldFirst);
        late.foldBefore(foldSecond);
        const [into, from] = swap ? [late, early] : [early, late];
        const before = bytesOf(from);
        into.merge(from);
        const all = [...first, ...secondLater];
        expectSummaryOf(into, all);
        expectSummaryOf(again(into), all);
        const after = later.map(([time, value]): Reading => [time + 100, value]);
        for (const [time, value] of after) into.add(time, value);
        into.foldBefore(120);
        expectSummaryOf(again(into), [...all, ...after]);
        expect(bytesOf(from)).toStrictEqual(before);
      },
    ),
    { numRuns: 500 },
  );
});

test('a late session within what another has not folded yet joins it', () => {
  const ordered = of([
    [1, 1],
    [5, 2],
    [9, 3],
  ]);
  ordered.foldBefore(5);
  ordered.merge(of([[7, 0]]));
  expectSummaryOf(ordered, [
    [1, 1],
    [5, 2],
    [7, 0],
    [9, 3],
  ]);
});

test('parts in order are summed up without being put together', () => {
  fc.assert(
    fc.property(fc.array(readings, { maxLength: 5 }), fc.boolean(), (slices, fold) => {
      const moved = slices.map((slice, i) => slice.map(([time, value]): Reading => [time + 31 * i, value]));
      const parts = moved.map((slice) => of(slice));
      if (fold) for (const [i, part] of parts.entries()) part.foldBefore(31 * i + 15);
      const before = parts.map(bytesOf);
      expect(bytesOf(Ordered.summaryOf(parts, isOn))).toStrictEqual(bytesOf(segmentOf(moved.flat())));
      expect(parts.map(bytesOf)).toStrictEqual(before);
    }),
  );
});

function edgesOf(summary: Segment): unknown[] {
  return [summary.firstTime, summary.firstValue, summary.lastTime, summary.lastValue];
}

test('without readings kept, the first and the last are right, in any order, merged and restarted', () => {
  fc.assert(
    fc.property(readings, readings, readings, (mine, theirs, later) => {
      const ordered = again(of(mine, false));
      ordered.foldBefore(15);
      ordered.merge(of(theirs, false));
      const restarted = again(ordered);
      for (const [time, value] of later) restarted.add(time, value);
      expect(edgesOf(restarted.summary())).toStrictEqual(edgesOf(segmentOf([...mine, ...theirs, ...later])));
      const sum = Ordered.summaryOf(
        [
          of(mine, false),
          of(
            later.map(([time, value]) => [time + 40, value]),
            false,
          ),
        ],
        isOn,
      );
      const all = [...mine, ...later.map(([time, value]): Reading => [time + 40, value])];
      expect(edgesOf(sum)).toStrictEqual(edgesOf(segmentOf(all)));
      expect(restarted.bytes).toBe(0);
    }),
  );
});

test.each([true, false])('nothing merged into nothing is nothing, with readings kept: %s', (keep) => {
  const ordered = of([], keep);
  ordered.merge(of([], keep));
  expect(ordered.summary().count).toBe(0);
  ordered.add(3, 1);
  expect(edgesOf(ordered.summary())).toStrictEqual([3, 1, 3, 1]);
});

test('folding gives the memory of the readings back', () => {
  const ordered = new Ordered(isOn, true);
  for (let time = 0; time < 100_000; time++) {
    ordered.add(time, time % 7);
    ordered.foldBefore(time - 50);
    expect(ordered.bytes).toBeLessThanOrEqual(256 * 16);
  }
  expect(ordered.summary().count).toBe(100_000);
});

test('a reading that would have to go into what has been folded throws RangeError', () => {
  const readings: Reading[] = [
    [1, 1],
    [5, 2],
    [9, 3],
  ];
  const folded = of(readings);
  folded.foldBefore(6);
  expect(() => folded.add(5, 9)).toThrow(/folded/);
  for (const others of [[4], [4, 6], [0, 6], [0, 20]]) {
    const other = of(others.map((time) => [time, 9]));
    expect(() => folded.merge(other)).toThrow(/folded/);
    expect(() => other.merge(folded)).toThrow(/folded/);
  }
  expectSummaryOf(folded, readings);
});
