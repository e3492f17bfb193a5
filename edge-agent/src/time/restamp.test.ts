import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Block, BlockReading } from '../log/journal-block.ts';
import { DeviceClocks } from './device-clocks.ts';
import { estimateMoves, restamp } from './restamp.ts';

const now = Date.UTC(2026, 10, 1);
const hour = 3_600_000;

function reading(device: string, arrival: number, time = arrival): BlockReading {
  return { device, signal: 'temperature', arrival, time, value: 20, quality: 'good' };
}

function block(readings: readonly BlockReading[]): Block {
  const nothing = {
    interned: [],
    refusals: new Map(),
    evicted: { readings: 0, through: 0 },
    acted: [],
    awake: NaN,
    operations: [],
  };
  return { line: 'line', jumpMs: 0, tick: now + 500, readings, ...nothing };
}

describe('a provisional block', () => {
  it('is moved with its tick and arrivals, and the event times that are arrivals', () => {
    const moved = restamp(
      block([reading('plain', now), reading('clocked', now + 1, now - 700), reading('plain', now + 2)]),
      hour,
      new DeviceClocks(300_000),
    );
    expect(moved.tick).toBe(now + 500 + hour);
    expect(moved.readings.map(({ device, arrival, time }) => [device, arrival, time])).toStrictEqual([
      ['plain', now + hour, now + hour],
      ['clocked', now + hour + 1, now - 700],
      ['plain', now + hour + 2, now + hour + 2],
    ]);
  });

  it('shows which sensors are from the future only when it is at its place', () => {
    const all = block([
      reading('right', now, now + hour),
      reading('ahead', now, now + 3 * hour - 10),
      reading('ahead', now, now + 3 * hour),
    ]);
    const times = (ms: number, clocks: DeviceClocks) => restamp(all, ms, clocks).readings.map(({ time }) => time);
    expect(times(0, new DeviceClocks(Infinity))).toStrictEqual([now + hour, now + 3 * hour - 10, now + 3 * hour]);
    expect(times(hour, new DeviceClocks(300_000))).toStrictEqual([now + hour, now + hour - 10, now + hour]);
  });

  it('keeps the order of its readings', () => {
    const readings = Array.from({ length: 9 }, (_, index) => ({
      ...reading('plain', now + Math.floor(index / 2)),
      value: index,
    }));
    const moved = restamp(block(readings), -hour, new DeviceClocks(300_000)).readings;
    expect(moved.map(({ value }) => value)).toStrictEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });
});

describe('lines of earlier starts', () => {
  it('stay where they seem to be when that is before what follows', () => {
    const spans = [
      { line: 'a', begin: now, end: now + 1000 },
      { line: 'b', begin: now + 1000, end: now + 3000 },
    ];
    expect([...estimateMoves(spans, now + hour, now)]).toStrictEqual([
      ['b', 0],
      ['a', 0],
    ]);
  });

  it('are put before what follows, one before the other, but not before the last time known', () => {
    const spans = [
      { line: 'a', begin: now, end: now + 1000 },
      { line: 'b', begin: now + 1000, end: now + 3000 },
    ];
    expect(Object.fromEntries(estimateMoves(spans, now - hour, -Infinity))).toStrictEqual({
      b: -hour - 3000,
      a: -hour - 3000,
    });
    expect(Object.fromEntries(estimateMoves(spans, now - hour, now - 1000))).toStrictEqual({
      b: -2000,
      a: -2000 + 1000,
    });
  });

  it('never overlap, and never move ahead', () => {
    const lengths = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: -hour, max: hour }), (all, off) => {
        let at = now;
        const spans = all.map((length, index) => ({ line: String(index), begin: at, end: (at += length) }));
        const moves = estimateMoves(spans, at + off, -Infinity);
        let next = at + off;
        for (const { line, begin, end } of spans.toReversed()) {
          const ms = moves.get(line) ?? NaN;
          expect(ms).toBeLessThanOrEqual(0);
          expect(end + ms).toBeLessThanOrEqual(next);
          next = begin + ms;
        }
      }),
    );
  });
});
