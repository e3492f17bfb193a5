import { describe, expect, it } from 'vitest';
import { RecentReadings } from './recent-readings.ts';

const start = 1_700_000_000_000;

describe('the readings taken in last', () => {
  it('are known again by series, time and value, each of which counts', () => {
    const recent = new RecentReadings();
    recent.add(1, start, 21.5);
    expect(recent.has(1, start, 21.5)).toBe(true);
    expect([recent.has(2, start, 21.5), recent.has(1, start + 1, 21.5), recent.has(1, start, 21.25)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('are not mistaken for others, however alike those are', () => {
    const recent = new RecentReadings();
    const each = (visit: (series: number, time: number, value: number) => void, shift: number): void => {
      for (let series = 0; series < 20; series++)
        for (let step = 0; step < 50; step++)
          for (let value = 0; value < 40; value++) visit(series, start + step * 1000, value / 2 + shift);
    };
    each((series, time, value) => recent.add(series, time, value), 0);
    let known = 0;
    each((...reading) => (known += recent.has(...reading) ? 1 : 0), 0);
    expect(known).toBe(40_000);
    let mistaken = 0;
    for (const shift of [0.25, 100, -50]) each((...reading) => (mistaken += recent.has(...reading) ? 1 : 0), shift);
    expect(mistaken).toBe(0);
  });

  it('are forgotten, but never the last 40,000', () => {
    const recent = new RecentReadings();
    const total = 210_000;
    for (let index = 0; index < total; index++) recent.add(0, start + index, 0);
    for (let back = 1; back <= 40_000; back++) expect(recent.has(0, start + total - back, 0)).toBe(true);
    let known = 0;
    for (let index = 0; index < total; index++) known += recent.has(0, start + index, 0) ? 1 : 0;
    expect(known).toBeLessThanOrEqual(80_000);
  });
});
