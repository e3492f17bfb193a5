import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it } from 'vitest';
import { Router } from './router.ts';

describe('the router of a source', () => {
  const signals = new Map([
    ['temp', 'temperature'],
    ['rh', 'humidity'],
  ]);

  it('gives each device and channel the number of its series, always the same', () => {
    const series = new SeriesTable(10);
    const router = new Router(signals, series);
    const first = router.route('press', 'temp');
    expect(router.route('press', 'temp')).toBe(first);
    expect(series.intern('press', 'temperature')?.id).toBe(first);
    expect(
      new Set([first, router.route('press', 'rh'), router.route('oven', 'temp'), router.route('oven', 'rh')]).size,
    ).toBe(4);
    expect(new Router(signals, series).route('press', 'temp')).toBe(first);
  });

  it('knows which channels any signal takes', () => {
    const router = new Router(signals, new SeriesTable(10));
    expect([router.takes('temp'), router.takes('noise'), router.takes('temperature')]).toEqual([true, false, false]);
    expect(router.channels()).toEqual(['temp', 'rh']);
  });

  it.each(['', 'a/b', 'a b', 'ü', '-x', 'x'.repeat(65), '#'])(
    'refuses a device called "%s", and spends no series on it',
    (device) => {
      const series = new SeriesTable(10);
      expect(new Router(signals, series).route(device, 'temp')).toBe('unmapped');
      expect(series.size).toBe(0);
    },
  );

  it('has no series for a channel no signal takes', () => {
    expect(new Router(signals, new SeriesTable(10)).route('press', 'noise')).toBe('unmapped');
  });

  it('says so when the table is full, and goes on with what it knows', () => {
    const router = new Router(signals, new SeriesTable(1));
    const known = router.route('press', 'temp');
    expect(router.route('oven', 'temp')).toBe('too_many_series');
    expect(router.route('press', 'temp')).toBe(known);
  });
});
