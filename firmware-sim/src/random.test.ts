// The seeded generator: repeatable, with streams that do not follow each other.

import { describe, expect, it } from 'vitest';
import { createRandom } from './random.ts';

function draw(seed: number, stream: string, count: number): number[] {
  const random = createRandom(seed, stream);
  return Array.from({ length: count }, () => random.uniform());
}

describe('random', () => {
  it('gives the same numbers for the same seed and stream', () => {
    expect(draw(7, 'line/pressure', 100)).toEqual(draw(7, 'line/pressure', 100));
  });

  it('gives other numbers for another seed and for another stream', () => {
    const numbers = draw(7, 'a', 100);
    for (const other of [draw(8, 'a', 100), draw(7, 'b', 100)]) {
      expect(other.filter((value) => numbers.includes(value))).toEqual([]);
    }
  });

  it('is uniform, normal and exponential where it says so', () => {
    const random = createRandom(1, 'moments');
    const count = 20_000;
    const mean = (sample: () => number): number => {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += sample();
      return sum / count;
    };
    expect(mean(() => random.uniform())).toBeCloseTo(0.5, 1);
    expect(mean(() => random.gaussian())).toBeCloseTo(0, 1);
    expect(mean(() => random.gaussian() ** 2)).toBeCloseTo(1, 1);
    expect(mean(() => random.exponential(10)) / 10).toBeCloseTo(1, 1);
  });
});
