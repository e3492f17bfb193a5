// No repetition is missed and no reading is taken for one; the oracle is a plain set.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Repeats } from './repeats.ts';

function again(repeats: Repeats, pieceMs: number): Repeats {
  const to = new ByteWriter();
  repeats.write(to);
  const from = new ByteReader(to.take());
  const back = new Repeats(pieceMs);
  back.read(from);
  expect(from.done).toBe(true);
  return back;
}

/** Keeps -0 and 0 apart. */
function keyOf(time: number, value: number): string {
  return `${time} ${Object.is(value, -0) ? '-0' : value}`;
}

const time = fc.integer({ min: -30, max: 60 });
const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ time, value: fc.constantFrom(-1, -0, 0, 1.5) }) },
  { weight: 1, arbitrary: fc.record({ forget: fc.integer({ min: -40, max: 40 }) }) },
  { weight: 1, arbitrary: fc.constant('restart' as const) },
);

test('a reading is a repetition exactly when it was there since it could be forgotten', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let repeats = new Repeats(10);
      const seen = new Set<string>();
      let forgotten = -Infinity;
      for (const one of steps) {
        if (one === 'restart') repeats = again(repeats, 10);
        else if ('forget' in one) {
          forgotten = Math.max(forgotten, one.forget);
          repeats.forget(forgotten);
        } else if (one.time >= forgotten) {
          const key = keyOf(one.time, one.value);
          expect(repeats.isRepeat(one.time, one.value)).toBe(seen.has(key));
          seen.add(key);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('a backlog that drains beside live readings is told apart from what was there', () => {
  const repeats = new Repeats(60_000);
  const live = (i: number): boolean => repeats.isRepeat(1e9 + i * 1000, i % 9);
  const backlog = (i: number): boolean => repeats.isRepeat(i * 1000, i % 9);
  for (let i = 0; i < 1000; i++) expect([live(i), backlog(i)]).toStrictEqual([false, false]);
  for (let i = 0; i < 1000; i++) expect([live(i), backlog(i)]).toStrictEqual([true, true]);
  expect(backlog(1000)).toBe(false);
});

test('three days of a band are remembered in less than eight bytes a reading', () => {
  const repeats = new Repeats(60_000);
  const days = (3 * 86_400_000) / 1000;
  for (let i = 0; i < days; i++) repeats.isRepeat(i * 1000, 60 + Math.round(20 * Math.sin(i / 900)) + (i % 3));
  expect(repeats.bytes / days).toBeLessThan(8);
  expect(repeats.isRepeat(1000, 61)).toBe(true);
  expect(repeats.isRepeat(1000, 62)).toBe(false);
});

test('what is forgotten holds no memory, and is new again', () => {
  const repeats = new Repeats(1000);
  for (let i = 0; i < 10_000; i++) repeats.isRepeat(i * 10, i);
  const all = repeats.bytes;
  repeats.forget(50_000);
  expect(repeats.bytes).toBeLessThan(all);
  expect([repeats.isRepeat(49_990, 4999), repeats.isRepeat(50_000, 5000)]).toStrictEqual([false, true]);
  repeats.forget(100_000);
  expect(repeats.bytes).toBe(0);
  expect(repeats.isRepeat(99_990, 9999)).toBe(false);
});

test.each([0, 1, 2])('a piece is kept until all of it is forgotten, with %d other pieces used since', (others) => {
  let repeats = new Repeats(10);
  repeats.isRepeat(25, 1);
  for (let i = 1; i <= others; i++) repeats.isRepeat(25 + i * 10, 1);
  repeats = again(repeats, 10);
  repeats.forget(20);
  repeats.forget(25);
  expect(repeats.isRepeat(25, 1)).toBe(true);
});

test('pieces of another length are refused', () => {
  expect(() => again(new Repeats(10), 20)).toThrow(/pieces of 10 ms/);
});
