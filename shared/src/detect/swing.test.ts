import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Novelty } from './novelty.ts';
import { Swing } from './swing.ts';

const stepMs = 60_000;

function wave(row: number): number {
  return Math.round(100 * Math.sin(row / 8)) / 10;
}

test('a wave that goes flat at a value it has often had is strange to swing, and ordinary to novelty', () => {
  const swing = new Swing();
  const novelty = new Novelty();
  for (let row = 0; row < 3000; row++) {
    const score = swing.update(row * stepMs, wave(row));
    novelty.update(row * stepMs, wave(row));
    if (row > 500) expect(score).toBeLessThan(0.5);
  }
  const flat = Array.from({ length: 60 }, (_, index) => {
    const time = (3000 + index) * stepMs;
    return { swing: swing.update(time, 0), novelty: novelty.update(time, 0) };
  });
  expect(Math.max(...flat.map((score) => score.swing))).toBeGreaterThan(0.8);
  expect(Math.max(...flat.map((score) => score.novelty))).toBeLessThan(0.5);
});

/** Mostly ordinary; now and then so far apart that the difference is no number. */
const anyValue = fc.oneof(
  { weight: 60, arbitrary: fc.integer({ min: -5, max: 5 }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.MAX_VALUE, -Number.MAX_VALUE) },
);

test('a swing scores what novelty gives the difference of the highest and the lowest of 50 readings', () => {
  fc.assert(
    fc.property(fc.array(anyValue, { minLength: 100, maxLength: 400 }), (values) => {
      const swing = new Swing();
      const novelty = new Novelty(0);
      for (const row of values.keys()) {
        const last = values.slice(Math.max(0, row - 49), row + 1);
        const difference = Math.max(...last) - Math.min(...last);
        // Fewer have not swung as far as they will.
        const isKnown = row >= 49 && Number.isFinite(difference);
        const expected = isKnown ? novelty.measure(row * stepMs, difference) : 0;
        expect(swing.measure(row * stepMs, values[row] ?? NaN)).toBe(expected);
      }
    }),
  );
});

test('a restart at any reading changes no score', () => {
  const values = Array.from({ length: 260 }, (_, row) => wave(row) + (row % 83 === 82 ? 30 : 0));
  const whole = new Swing();
  const expected = values.map((value, row) => whole.measure(row * stepMs, value));
  expect(Math.max(...expected.slice(100))).toBeGreaterThan(0);
  for (let cut = 0; cut < values.length; cut++) {
    const before = new Swing();
    for (const [row, value] of values.slice(0, cut).entries()) before.measure(row * stepMs, value);
    const to = new ByteWriter();
    before.write(to);
    const after = new Swing();
    after.read(new ByteReader(to.take()));
    const rest = values.slice(cut).map((value, index) => after.measure((cut + index) * stepMs, value));
    expect(rest).toStrictEqual(expected.slice(cut));
  }
});

test('it says between which values the series went', () => {
  const swing = new Swing();
  for (let row = 0; row < 1000; row++) swing.update(row * stepMs, wave(row));
  expect(swing.update(1000 * stepMs, 40)).toBeGreaterThan(0.5);
  expect(swing.explain()).toMatch(
    /^the last 50 readings went from -10 to 40: a swing \d+(\.\d+)? % of the widest, 50, away from any of late$/,
  );
});
