// What every detector promises, and what each is for.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector } from './detector.ts';
import { Multivariate } from './multivariate.ts';
import { detectorKinds } from './registry.ts';

const second = 1000;
const day = 86_400_000;

/** Numbers that look random, the same in every run. */
function noise(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1;
  const uniform = (): number => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) | 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
  return () => Array.from({ length: 12 }, uniform).reduce((sum, one) => sum + one, -6);
}

function scores(detector: Detector, values: readonly number[], stepMs = second, from = 0): number[] {
  return values.map((value, index) => detector.update(from + index * stepMs, value));
}

/** A plant: a daily swing, noise, now and then a peak or a shift. */
function plant(length: number, seed: number): number[] {
  const random = noise(seed);
  let level = 20;
  return Array.from({ length }, (_, index) => {
    if (index % 700 === 699) level += 3 * random();
    return level + 5 * Math.sin(index / 150) + 0.3 * random() + (index % 311 === 310 ? 12 : 0);
  });
}

const series = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: -100, max: 100, noNaN: true }) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 3 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(0, -0, Number.MIN_VALUE, Number.MAX_VALUE, -Number.MAX_VALUE, 1e300, 5e-324),
    },
  ),
  { maxLength: 400 },
);

describe.each(detectorKinds)('$key', (kind) => {
  const { key } = kind;
  const make = (): Detector => kind.make();

  test('scores between 0 and 1 and has something to say, whatever comes', () => {
    fc.assert(
      fc.property(series, fc.array(fc.nat(5000)), (values, gaps) => {
        const detector = make();
        let time = 0;
        for (const [index, value] of values.entries()) {
          time += gaps[index % (gaps.length || 1)] ?? second;
          const score = detector.update(time, value);
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1);
          if (score > 0.5) expect(detector.explain()).toMatch(/\w+ /);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('goes on after a restart as if there had been none, at any reading', () => {
    const { values: made, stepMs = second } = noticed[key] ?? { values: () => plant(3000, 1) };
    const values = made(noise(1));
    const whole = scores(make(), values, stepMs);
    if (key !== 'silent') expect(Math.max(...whole)).toBeGreaterThan(0.4);
    for (const cut of [0, 1, 17, 130, 255, 256, 500, values.length - 1].filter((at) => at < values.length)) {
      const before = make();
      const head = scores(before, values.slice(0, cut), stepMs);
      const bytes = new ByteWriter();
      before.write(bytes);
      const after = make();
      after.read(new ByteReader(bytes.take()));
      const tail = values.slice(cut).map((value, index) => after.update((cut + index) * stepMs, value));
      expect([...head, ...tail]).toStrictEqual(whole);
    }
  });

  test('scores the same in another unit', () => {
    const values = plant(3000, 2);
    const plain = scores(make(), values);
    for (const [gain, offset] of [
      [1.8, 32],
      [1e-6, 0],
      [4096, -1e5],
    ] as const) {
      const other = scores(
        make(),
        values.map((value) => value * gain + offset),
      );
      // Rounding may put a value on the other side of an edge; that is rare, and it is not the rule.
      const apart = other.filter((score, index) => Math.abs(score - (plain[index] ?? 0)) > 1e-6).length;
      expect(apart, `${gain} * v + ${offset}`).toBeLessThanOrEqual(3);
    }
  });

  test('keeps at most 16 KB of a series, however long', () => {
    const detector = make();
    scores(detector, plant(20_000, 3), 60_000);
    const bytes = new ByteWriter();
    detector.write(bytes);
    expect(bytes.take().length).toBeLessThan(16_384);
  });

  test('refuses damaged bytes, or goes on with what it could read', () => {
    const full = make();
    scores(full, plant(600, 4));
    const to = new ByteWriter();
    full.write(to);
    const bytes = to.take();
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = bytes.slice();
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        const detector = make();
        try {
          detector.read(new ByteReader(damaged));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
          return;
        }
        for (let index = 600; index < 900; index++) detector.update(index * second, 20);
      }),
      { numRuns: 200 },
    );
    expect(() => make().read(new ByteReader(bytes.subarray(0, bytes.length - 1)))).toThrow(RangeError);
  });

  test('calls next to nothing strange in a steady signal', () => {
    const random = noise(5);
    const values = Array.from({ length: 20_000 }, () => 50 + random());
    const strange = scores(make(), values).filter((score) => score >= 0.5).length;
    expect(strange).toBeLessThanOrEqual(12);
  });
});

/** What each is for: an ordinary time, then what it is to notice, from which row on, within so many rows. */
const noticed: Record<
  string,
  { values: (random: () => number) => number[]; from: number; within: number; stepMs?: number }
> = {
  auto: { values: (random) => [...steady(2000, random), 45], from: 2000, within: 1 },
  novelty: { values: (random) => [...steady(2000, random), 45], from: 2000, within: 1 },
  level: {
    // 30 is well known, for ten minutes an hour.
    values: (random) =>
      Array.from({ length: 2012 }, (_, index) => (index % 6 === 0 || index >= 2000 ? 30 : 20) + 0.1 * random()),
    from: 2000,
    within: 12,
    stepMs: 600 * second,
  },
  residual: { values: (random) => [...steady(2000, random), 45], from: 2000, within: 1 },
  peaks: { values: (random) => [...steady(2000, random), 45], from: 2000, within: 1 },
  change: {
    values: (random) => [...steady(2000, random), ...steady(10, random).map((value) => value + 8)],
    from: 2000,
    within: 8,
  },
  spread: {
    values: (random) => [...steady(2000, random), ...Array.from({ length: 30 }, () => 20 + 8 * random())],
    from: 2000,
    within: 30,
  },
  rate: { values: (random) => [...steady(2000, random), 60], from: 2000, within: 1 },
  stuck: {
    values: (random) => [...steady(2000, random), ...Array.from({ length: 60 }, () => 20.5)],
    from: 2000,
    within: 60,
  },
  seasonal: {
    // Noon's value at midnight.
    values: (random) => Array.from({ length: 96 * 7 }, (_, index) => daily(index) + 0.2 * random()).concat(daily(48)),
    from: 96 * 7,
    within: 1,
    stepMs: day / 96,
  },
  spectral: {
    values: (random) =>
      Array.from(
        { length: 256 * 60 },
        (_, index) => Math.sin(index / 3) + 0.3 * random() + (index > 256 * 58 ? Math.sin(index * 2.5) : 0),
      ),
    from: 256 * 58,
    within: 512,
  },
};

function steady(length: number, random: () => number): number[] {
  return Array.from({ length }, () => 20 + random());
}

function daily(index: number): number {
  return 20 - 8 * Math.cos((2 * Math.PI * index) / 96);
}

test.each(Object.entries(noticed))(
  '%s notices what it is for, at once, and says so',
  (key, { values, from, within, stepMs }) => {
    const detector = detectorKinds.find((kind) => kind.key === key)?.make();
    if (detector === undefined) throw new Error(key);
    const all = values(noise(6));
    const found = all.findIndex(
      (value, index) => detector.update(index * (stepMs ?? second), value) >= 0.4 && index >= from,
    );
    expect(found).toBeGreaterThanOrEqual(from);
    expect(found).toBeLessThan(from + within);
    expect(detector.explain()).toMatch(/\d/);
  },
);

test('silent notices a gap in what came every second', () => {
  const detector = detectorKinds.find(({ key }) => key === 'silent')?.make();
  for (let index = 0; index < 500; index++)
    expect(detector?.update(index * second + (index % 7) * 10, 1)).toBeLessThan(0.5);
  expect(detector?.update(530 * second, 1)).toBeGreaterThan(0.5);
  expect(detector?.explain()).toMatch(/silent for .*, where it speaks every/);
});

describe('several signals together', () => {
  const random = noise(7);
  const load = Array.from({ length: 4000 }, (_, index) => 5 + 3 * Math.sin(index / 40) + 0.1 * random());
  const pairs = load.map((current) => [current, 30 + 4 * current + 0.5 * random()]);

  test('are strange when each is ordinary and both are not', () => {
    const detector = new Multivariate(2);
    const before = pairs.map((pair, index) => detector.update(index * second, pair));
    expect(before.filter((score) => score >= 0.5).length).toBeLessThanOrEqual(4);
    // The motor draws its most and stays as cold as at its least.
    expect(detector.update(4000 * second, [8, 38])).toBeGreaterThan(0.5);
    expect(detector.explain()).toMatch(/together they are \d/);
  });

  test('go on after a restart, and score the same in other units', () => {
    const whole = new Multivariate(2);
    const wanted = pairs.map((pair, index) => whole.update(index * second, pair));
    const first = new Multivariate(2);
    const head = pairs.slice(0, 1000).map((pair, index) => first.update(index * second, pair));
    const bytes = new ByteWriter();
    first.write(bytes);
    const second_ = new Multivariate(2);
    second_.read(new ByteReader(bytes.take()));
    const tail = pairs.slice(1000).map((pair, index) => second_.update((1000 + index) * second, pair));
    expect([...head, ...tail]).toStrictEqual(wanted);
    const other = new Multivariate(2);
    for (const [index, [current = 0, temperature = 0]] of pairs.entries())
      expect(other.update(index * second, [current * 1000, temperature * 1.8 + 32])).toBeCloseTo(wanted[index] ?? 0, 6);
  });

  test('are at most 16', () => {
    expect(() => new Multivariate(17)).toThrow(RangeError);
  });
});
