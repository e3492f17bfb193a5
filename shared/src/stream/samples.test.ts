// Readings are in order whatever order they came in; the oracle is a plain sorted array.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { isBefore, Samples } from './samples.ts';

type Reading = readonly [time: number, value: number];

// Few different ones, so that times and whole readings are often equal.
const reading = fc.tuple(fc.integer({ min: -6, max: 6 }), fc.constantFrom(-1.5, -0, 0, 2));
const readings = fc.array(reading, { maxLength: 40 });

function of(all: readonly Reading[]): Samples {
  const samples = new Samples();
  for (const [time, value] of all) samples.add(time, value);
  return samples;
}

function inOrder([time, value]: Reading, [otherTime, otherValue]: Reading): number {
  return isBefore(time, value, otherTime, otherValue) ? -1 : 1;
}

function listed(samples: Samples): Reading[] {
  return Array.from({ length: samples.length }, (_, i) => [samples.timeAt(i), samples.valueAt(i)]);
}

function again(samples: Samples): Samples {
  const to = new ByteWriter();
  samples.write(to);
  const from = new ByteReader(to.take());
  const back = Samples.read(from);
  expect(from.done).toBe(true);
  return back;
}

test('readings are ordered by event time, then by value, and -0 comes before 0', () => {
  const ordered: Reading[] = [
    [1, 9],
    [2, -1],
    [2, -0],
    [2, 0],
    [2, 1],
    [3, -9],
  ];
  for (const [a, first] of ordered.entries()) {
    for (const [b, second] of ordered.entries()) expect(isBefore(...first, ...second)).toBe(a < b);
  }
});

test('adding says whether a reading came in order', () => {
  const samples = new Samples();
  const added = [
    [5, 1],
    [5, 1],
    [5, 0],
    [4, 9],
    [5, 2],
    [6, 0],
  ] as const;
  expect(added.map(([time, value]) => samples.add(time, value))).toStrictEqual([true, true, false, false, true, true]);
});

type Step = (samples: Samples, model: Reading[]) => Samples;

const steps: fc.Arbitrary<Step> = fc.oneof(
  reading.map(([time, value]): Step => (samples, model) => {
    const isLast = model.every((one) => !isBefore(time, value, ...one));
    expect(samples.add(time, value)).toBe(isLast);
    model.push([time, value]);
    return samples;
  }),
  readings.map((more): Step => (samples, model) => {
    const other = of(more);
    samples.merge(other);
    expect(listed(other)).toStrictEqual(more.toSorted(inOrder));
    model.push(...more);
    return samples;
  }),
  fc.nat({ max: 30 }).map((count): Step => (samples, model) => {
    samples.dropFirst(count);
    model.splice(0, count);
    return samples;
  }),
  fc.constant<Step>((samples) => again(samples)),
);

test('after any adding, merging, dropping and restarting it holds what a sorted array would', () => {
  fc.assert(
    fc.property(fc.array(steps, { maxLength: 60 }), (all) => {
      let samples = new Samples();
      const model: Reading[] = [];
      for (const step of all) {
        samples = step(samples, model);
        model.sort(inOrder);
        expect(listed(samples)).toStrictEqual(model);
      }
    }),
    { numRuns: 300 },
  );
});

test('a reading is found when the very same is there, and only then', () => {
  fc.assert(
    fc.property(readings, fc.nat({ max: 20 }), reading, (all, dropped, [time, value]) => {
      const samples = of(all);
      samples.dropFirst(dropped);
      const left = all.toSorted(inOrder).slice(dropped);
      expect(samples.has(time, value)).toBe(left.some((one) => one[0] === time && Object.is(one[1], value)));
    }),
    { numRuns: 500 },
  );
});

test('it counts the readings before a time, those of that time not among them', () => {
  fc.assert(
    fc.property(readings, fc.nat({ max: 20 }), fc.integer({ min: -7, max: 7 }), (all, dropped, time) => {
      const samples = of(all);
      samples.dropFirst(dropped);
      const left = all.toSorted(inOrder).slice(dropped);
      expect(samples.countBefore(time)).toBe(left.filter((one) => one[0] < time).length);
    }),
  );
});

test('an empty one holds no memory, and a few readings hold little', () => {
  expect(new Samples().bytes).toBe(0);
  expect(of([[1, 1]]).bytes).toBe(128);
});

test('memory follows a stretch that moves on', () => {
  const samples = new Samples();
  for (let time = 0; time < 100_000; time++) {
    samples.add(time, 0.5);
    expect(samples.bytes).toBeLessThanOrEqual(256 * 16);
    if (samples.length > 100) samples.dropFirst(1);
  }
  expect(samples.timeAt(0)).toBe(99_900);
});

test('memory is given back when most is dropped', () => {
  const samples = new Samples();
  for (let time = 0; time < 10_000; time++) samples.add(time, time / 8);
  samples.dropFirst(9_990);
  expect(samples.bytes).toBeLessThanOrEqual(32 * 16);
  expect(listed(samples).map(([time]) => time)).toStrictEqual(Array.from({ length: 10 }, (_, i) => 9_990 + i));
  samples.dropFirst(10);
  expect(samples.bytes).toBeLessThanOrEqual(128);
});

test('read back, it holds no more than its readings', () => {
  const samples = of(Array.from({ length: 1000 }, (_, i) => [i, i]));
  expect(again(samples).bytes).toBe(16_000);
});

test('bytes that speak of more readings than a gateway holds throw RangeError before memory is taken', () => {
  const to = new ByteWriter();
  to.varint(2 ** 31);
  to.bytes(new Uint8Array(64));
  expect(() => Samples.read(new ByteReader(to.take()))).toThrow(/samples are more/);
});
