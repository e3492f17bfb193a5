import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Auto } from './auto.ts';

const stepMs = 60_000;
const day = 1440;

function wave(row: number): number {
  return 20 + Math.round(100 * Math.sin((2 * Math.PI * row) / day)) / 10;
}

/** A detector that has seen two days of a wave, and how it goes on: each value scored. */
function afterTwoDays(): (value: number) => number {
  const detector = new Auto();
  let row = 0;
  for (; row < 2 * day; row++) detector.update(row * stepMs, wave(row));
  return (value) => detector.update(row++ * stepMs, value);
}

test('a signal that keeps its ways is never strange', () => {
  const detector = new Auto();
  const scores = Array.from({ length: 10 * day }, (_, row) => detector.update(row * stepMs, wave(row)));
  expect(Math.max(...scores.slice(day))).toBeLessThan(0.5);
});

test('an episode is told once: what is strange after 50 readings is told again', () => {
  const score = afterTwoDays();
  expect(score(50)).toBeGreaterThan(0.5);
  // Far from 50, too; and not so far.
  expect(score(42)).toBeLessThan(0.5);
  for (let left = 49; left > 0; left--) expect(score(20)).toBeLessThan(0.5);
  expect(score(-10)).toBeGreaterThan(0.5);
});

test('within an episode what is stranger still is told', () => {
  const score = afterTwoDays();
  const first = score(23);
  expect(first).toBeGreaterThan(0.5);
  expect(score(60)).toBeGreaterThan(first);
});

test('the episode outlives a restart', () => {
  const values = [...Array.from({ length: 2 * day }, (_, row) => wave(row)), 50, 42];
  const before = new Auto();
  for (const [row, value] of values.slice(0, -1).entries()) before.update(row * stepMs, value);
  const to = new ByteWriter();
  before.write(to);
  const after = new Auto();
  after.read(new ByteReader(to.take()));
  expect(after.update((values.length - 1) * stepMs, 42)).toBeLessThan(0.5);
});

test('a flat stretch in a wave is strange though its value is not, and it says why', () => {
  const detector = new Auto();
  for (let row = 0; row < 3000; row++) detector.update(row * stepMs, 20 + Math.round(100 * Math.sin(row / 8)) / 10);
  const scores: number[] = [];
  let reason = '';
  for (let row = 3000; row < 3060; row++) {
    scores.push(detector.update(row * stepMs, 20));
    if ((scores.at(-1) ?? 0) > 0.5) reason = detector.explain();
  }
  expect(Math.max(...scores)).toBeGreaterThan(0.5);
  expect(reason).toMatch(/^the last 50 readings went from/);
});

test('a small shift of the level scores below a half: for those who ask for more alarms', () => {
  const detector = new Auto();
  // Long ago there was something else to explain.
  const level = (row: number): number => (row === 500 ? 90 : 20 + ((row * 7919) % 100) / 100);
  const before = Array.from({ length: 3000 }, (_, row) => detector.update(row * stepMs, level(row)));
  // Values seen before, at the upper end of what is usual.
  const shifted = Array.from({ length: 10 }, (_, index) =>
    detector.update((3000 + index) * stepMs, 20.9 + (index % 2) / 20),
  );
  expect(Math.max(...shifted)).toBeLessThan(0.5);
  expect(Math.max(...shifted)).toBeGreaterThan(2 * Math.max(...before.slice(1000)));
  expect(detector.explain()).toMatch(/^its level went from/);
});
