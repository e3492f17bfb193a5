import { describe, expect, it } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatEnd,
  formatRate,
  formatTick,
  formatTime,
  formatValue,
  formatValueWithUnit,
  formatWindow,
  formatYears,
} from './format.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

describe('numbers', () => {
  it('keeps every digit of a count', () => {
    expect(formatCount(18_273_646)).toBe('18,273,646');
  });

  it.each([
    [31.4159, '31.42'],
    [34.9, '34.90'],
    [1013.25, '1,013'],
    [123456.7, '123,457'],
    [0.012345, '0.01235'],
    [-0.5, '-0.5000'],
    [72, '72'],
    [0, '0'],
    [1e-9, '1.00e-9'],
  ])('shows %d with four significant digits, and whole numbers as they are', (value, text) => {
    expect(formatValue(value)).toBe(text);
  });

  it.each([
    [null, '–'],
    [0.01, 'under a month'],
    [0.1, '1 month'],
    [0.7, '8 months'],
    [1.04, '1 year'],
    [3.44, '3.4 years'],
    [49.6, '50 years'],
    [1e6, 'over 100 years'],
  ])('shows %d years as what a person plans with', (years, text) => {
    expect(formatYears(years)).toBe(text);
  });

  it('shows a dash where a statistic is undefined', () => {
    expect([formatValue(null), formatValue(undefined), formatValue(NaN)]).toEqual(['–', '–', '–']);
  });

  it('puts the unit behind the value, except for pure numbers and states', () => {
    expect(formatValueWithUnit(31.5, '°C')).toBe('31.50\u00a0°C');
    expect(formatValueWithUnit(3, '1')).toBe('3');
    expect(formatValueWithUnit(1, 'state')).toBe('1');
  });

  it('shows a slow rate with one decimal and a fast one without', () => {
    expect([formatRate(3.24), formatRate(61.4)]).toEqual(['3.2', '61']);
  });

  it('counts bytes in thousands, as cards are sold', () => {
    expect([999, 1000, 18_324, 812_345_678, 2e12].map(formatBytes)).toEqual([
      '999 B',
      '1 kB',
      '18.3 kB',
      '812 MB',
      '2 TB',
    ]);
  });
});

describe('times', () => {
  it.each([
    [0, '0 s'],
    [59_999, '59 s'],
    [minute, '1 min'],
    [3 * minute + 20 * second, '3 min 20 s'],
    [2 * hour + 5 * minute + 59 * second, '2 h 5 min'],
    [3 * day + 4 * hour, '3 d 4 h'],
    [-5 * second, '0 s'],
  ])('tells the duration %d in its two largest parts', (durationMs, text) => {
    expect(formatDuration(durationMs)).toBe(text);
  });

  it('tells the past in its largest part, and says when a time is ahead', () => {
    const ages = [0, 12 * second, 5 * minute, 26 * hour, 3 * day, -3 * minute];
    const texts = ages.map((age) => formatAgo(1e12 - age, 1e12));
    expect(texts).toEqual(['just now', '12 s ago', '5 min ago', '26 h ago', '3 days ago', '3 min ahead']);
  });

  it('says of a window that is still open when it ends, of one that is over how long it has been', () => {
    const texts = [45 * minute, 3 * second, 2 * second, -2 * second].map((leftMs) => formatEnd(1e12 + leftMs, 1e12));
    expect(texts).toEqual(['ends in 45 min', 'ends in 3 s', 'just now', '2 s ago']);
  });

  it('adds the date to a time that was not today, the same day of another year included', () => {
    const now = new Date(2026, 2, 14, 18, 0).getTime();
    expect(formatTime(new Date(2026, 2, 14, 8, 5, 3).getTime(), now)).toBe('08:05:03');
    expect(formatTime(new Date(2026, 2, 13, 8, 5, 3).getTime(), now)).toBe('13 Mar, 08:05:03');
    expect(formatTime(new Date(2025, 2, 14, 8, 5, 3).getTime(), now)).toBe('14 Mar 2025, 08:05:03');
  });

  it('labels an axis no finer than its ticks are apart, and midnight with the day', () => {
    const time = new Date(2026, 2, 14, 8, 5, 30).getTime();
    expect([formatTick(time, 10 * second), formatTick(time, minute), formatTick(time, day)]).toEqual([
      '08:05:30',
      '08:05',
      '14 Mar',
    ]);
    expect(formatTick(new Date(2026, 2, 14).getTime(), hour)).toBe('14 Mar');
  });
});

describe('windows', () => {
  it('are called by their length, and where they have none by what they are', () => {
    const windows = [
      { id: '1m', kind: 'tumbling' },
      { id: '1d@America/Port-au-Prince', kind: 'tumbling' },
      { id: '1h/1m', kind: 'hopping' },
      { id: 'session-10m', kind: 'session' },
      { id: 'count-100', kind: 'count' },
    ];
    expect(windows.map(formatWindow)).toEqual(['1m', '1d@America/Port-au-Prince', '1h/1m', 'session 10m', 'count 100']);
  });
});
