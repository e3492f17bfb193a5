import { describe, expect, it } from 'vitest';
import { parseTime, type TimeUnit } from './time-field.ts';

const noon = Date.UTC(2013, 6, 4, 12);
const midnight = Date.UTC(2013, 6, 4);

describe('an event time', () => {
  it.each<[unknown, TimeUnit, number]>([
    [1_372_939_200_000, 'ms', noon],
    [1_372_939_200, 's', noon],
    [1_372_939_200.25, 's', noon + 250],
    [1_372_939_200_000.5, 'ms', noon + 0.5],
    ['1372939200000', 'ms', noon],
    [' 1372939200 ', 's', noon],
    ['1.3729392e12', 'ms', noon],
    [0, 'ms', 0],
    [-1000, 's', -1_000_000],
    ['2013-07-04T12:00:00Z', 'ms', noon],
    ['2013-07-04T12:00:00.250Z', 's', noon + 250],
    ['2013-07-04T14:00:00+02:00', 'ms', noon],
    ['2013-07-04T07:00:00-0500', 'ms', noon],
    ['2013-07-04 14:00:00+02:00', 'ms', noon],
    ['2013-07-04T12:00:00', 'ms', noon],
    ['2013-07-04T12:00', 'ms', noon],
    ['2013-07-04 00:00:00', 'ms', midnight], // as in the Numenta Anomaly Benchmark
    ['2013-07-04 00:00:00.125', 's', midnight + 125],
    [' 2013-07-04 00:00:00 ', 'ms', midnight],
    [' 2013-07-04T00:00:00Z ', 'ms', midnight],
    ['2013-07-04', 'ms', midnight],
  ])('%j in %s is %d', (value, unit, expected) => {
    expect(parseTime(value, unit)).toBe(expected);
  });

  it.each([
    undefined,
    null,
    true,
    [],
    {},
    '',
    '  ',
    'n/a',
    'now',
    'ERR 12',
    'door 1',
    '1 2 3',
    '12:30',
    'NaN',
    '2013-13-04T00:00:00Z',
    '2013-07-04T25:00:00',
    '4.7.2013',
    'sensor-2013',
  ])('%j is none', (value) => {
    expect(parseTime(value, 'ms')).toBeNaN();
  });

  it('does not depend on the time zone of the gateway', () => {
    const zone = process.env['TZ'];
    try {
      for (const other of ['America/New_York', 'Asia/Tokyo']) {
        process.env['TZ'] = other;
        expect(parseTime('2013-07-04 00:00:00', 'ms')).toBe(midnight);
        expect(parseTime('2013-07-04', 'ms')).toBe(midnight);
      }
    } finally {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    }
  });
});
