import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Envelope } from './envelope.ts';

const begin = Date.UTC(2026, 0, 1);

describe('the outline of a series', () => {
  it('holds the lowest and highest value of every piece of time, in whatever order they come', () => {
    const samples = fc.array(
      fc.tuple(fc.integer({ min: begin, max: begin + 1e9 }), fc.double({ noNaN: true, noDefaultInfinity: true })),
      { minLength: 1, maxLength: 300 },
    );
    fc.assert(
      fc.property(samples, (all) => {
        const envelope = new Envelope();
        for (const [time, value] of all) envelope.add(time, value);
        const { times, low, high, last } = envelope.outline();
        expect(times.length).toBeLessThanOrEqual(1200);
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        for (const [index, time] of times.entries()) {
          const until = times[index + 1] ?? Infinity;
          const inside = all.filter(([at]) => at >= time && at < until).map(([, value]) => value);
          expect(low[index]).toBe(Math.min(...inside));
          expect(high[index]).toBe(Math.max(...inside));
          expect(inside).toContain(last[index]);
        }
        expect(times[0]).toBeLessThanOrEqual(Math.min(...all.map(([time]) => time)));
      }),
    );
  });

  it('is to the second for a quarter of an hour, and takes no more room for a year', () => {
    const envelope = new Envelope();
    for (let second = 0; second < 900; second++) envelope.add(begin + second * 1000, second);
    expect(envelope.outline().times).toHaveLength(900);
    for (let hour = 0; hour < 8760; hour++) envelope.add(begin + hour * 3_600_000, hour);
    const { times, high } = envelope.outline();
    expect(times.length).toBeGreaterThan(500);
    expect(times.length).toBeLessThanOrEqual(1200);
    expect(Math.max(...high)).toBe(8759);
  });

  it('leaves out what is no number', () => {
    const envelope = new Envelope();
    envelope.add(NaN, 1);
    envelope.add(begin, NaN);
    envelope.add(Infinity, 1);
    expect(envelope.outline().times).toEqual([]);
  });
});
