import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';
import { systemClock } from './clock.ts';

describe('the backoff', () => {
  it('doubles its ceiling up to the limit, and starts anew when it works again', () => {
    const backoff = new Backoff(100, 1000, () => 1 - Number.EPSILON);
    const waits = Array.from({ length: 6 }, () => Math.round(backoff.next()));
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
    backoff.reset();
    expect(Math.round(backoff.next())).toBe(100);
  });

  it('stays between a tenth of the ceiling and the ceiling, for ever', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(2000), (chance, failures) => {
        const backoff = new Backoff(100, 60_000, () => chance);
        let wait = 0;
        for (let i = 0; i <= failures; i++) wait = backoff.next();
        const ceiling = Math.min(60_000, 100 * 2 ** failures);
        expect(wait).toBeGreaterThanOrEqual(ceiling / 10);
        expect(wait).toBeLessThanOrEqual(ceiling);
      }),
    );
  });
});

describe('the clock of the machine', () => {
  it('wakes a sleeper when the signal aborts, and does not let one sleep whose signal has', async () => {
    const end = new AbortController();
    const sleeping = systemClock.sleep(2 ** 30, end.signal);
    end.abort();
    expect(await sleeping).toBeUndefined();
    expect(await systemClock.sleep(2 ** 30, end.signal)).toBeUndefined();
  });

  it('says epoch milliseconds, and a monotonic time', () => {
    expect(systemClock.now()).toBeGreaterThan(Date.UTC(2024, 0));
    expect(systemClock.monotonicMs()).toBeLessThanOrEqual(systemClock.monotonicMs());
  });
});
