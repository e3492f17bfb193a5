import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesPerSync, Pace, yearsOf } from './pace.ts';

const hourMs = 3_600_000;

/** Runs commits for so long, each with so many syncs and bytes, and says what the last hour wrote. */
function run(budgetYears: number | undefined, { enduranceBytes = 30e12, syncs = 2, bytesPerMs = 0.1, hours = 3 } = {}) {
  let now = 0;
  let total = { bytes: 0, syncs: 0 };
  const clock = { monotonicMs: () => now };
  const pace = new Pace({ commitMs: 500, enduranceBytes, budgetYears, written: () => total, clock });
  let before = { at: 0, ...total };
  while (now < hours * hourMs) {
    const waitMs = pace.next();
    now += waitMs;
    total = { bytes: total.bytes + waitMs * bytesPerMs, syncs: total.syncs + syncs };
    if (now < (hours - 1) * hourMs) before = { at: now, ...total };
  }
  const share = (now - before.at) / hourMs;
  const years = yearsOf(enduranceBytes, (total.bytes - before.bytes) / share, (total.syncs - before.syncs) / share);
  return { commitMs: pace.commitMs, years: years ?? Infinity };
}

describe('the pace of commits', () => {
  it('is what was asked for as long as nobody sets a budget', () => {
    expect(run(undefined).commitMs).toBe(500);
  });

  it('is what was asked for when the card lasts long enough so', () => {
    expect(run(0.5).commitMs).toBe(500);
  });

  it('is slowed down until the card lasts as long as the budget says, and no further', () => {
    for (const budget of [3, 5, 10]) {
      const { commitMs, years } = run(budget);
      expect(commitMs).toBeGreaterThan(500);
      expect(commitMs).toBeLessThan(30_000);
      expect(years / budget).toBeGreaterThan(0.98);
      expect(years / budget).toBeLessThan(1.05);
    }
  });

  it('is never slower than half a minute, whatever the budget and the writing', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 1000, noNaN: true }),
        fc.double({ min: 0, max: 1e4, noNaN: true }),
        fc.integer({ min: 0, max: 6 }),
        (budget, bytesPerMs, syncs) => {
          const { commitMs } = run(budget, { bytesPerMs, syncs, hours: 0.2 });
          expect(commitMs).toBeGreaterThanOrEqual(500);
          expect(commitMs).toBeLessThanOrEqual(30_000);
        },
      ),
      { numRuns: 30 },
    );
  });
});

it('a card is worn by what is written, and by what each sync makes the file system and the card write', () => {
  const hoursAYear = 365.25 * 24;
  expect(yearsOf(1e12 * hoursAYear, 1e9, 0)).toBeCloseTo(100);
  expect(yearsOf(1e12 * hoursAYear, 0, 1e9 / bytesPerSync)).toBeCloseTo(100);
  expect(yearsOf(1e12, 0, 0)).toBeUndefined();
});
