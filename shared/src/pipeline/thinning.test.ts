// Thinned panes hold what the coarse window would have held: the same readings go through a fine and a coarse window, and the
// panes of the fine one are thinned and held against those of the coarse one.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statistics, type Pane, type Statistic } from '../model/pane.ts';
import { coalesce, coarseWindows, isThinned, thin } from '../model/thin.ts';
import { planOf, readingOf, signalOf, specOf } from '../testing/plans.ts';
import { Pipeline } from './pipeline.ts';

const minute = 60_000;
const [tenMinutes, hour] = coarseWindows;

/** Told exactly, or to rounding, by the panes alone. */
const mergeable = new Set<Statistic>([
  'sum',
  'mean',
  'stddev',
  'variance',
  'rms',
  'min',
  'max',
  'range',
  'first',
  'last',
  'increase',
  'changes',
  'completeness',
  'uncertain',
]);

const row = fc.record({
  device: fc.constantFrom('a', 'b'),
  time: fc.oneof(
    fc.integer({ min: 0, max: 3 * hour.sizeMs }),
    fc.integer({ min: 0, max: tenMinutes.sizeMs }),
    fc.integer({ min: 0, max: 180 }).map((minutes) => minutes * minute),
  ),
  value: fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: -1e3, max: 1e3, noNaN: true })),
  isUncertain: fc.integer({ min: 0, max: 9 }).map((chance) => chance === 0),
  commits: fc.boolean(),
});

const run = fc.record({
  rows: fc.array(row, { minLength: 20, maxLength: 120 }),
  /** On top of every value: what is far from 0 must not lose its digits. */
  level: fc.constantFrom(0, 0, 1e6, -1e9),
  epoch: fc.constantFrom(0, -3 * hour.sizeMs, 1.7e12 - (1.7e12 % hour.sizeMs)),
  accounts: fc.constantFrom('fine', 'coarse'),
  early: fc.constantFrom(0, 30_000),
  lateShare: fc.constantFrom(0, 1),
});

type Run = typeof run extends fc.Arbitrary<infer T> ? T : never;

/** All panes a pipeline gives of the readings, in order. */
function panesOf({ rows, level, epoch, accounts, early, lateShare }: Run): Pane[] {
  const tumbling = (sizeMs: number) => ({ kind: 'tumbling', sizeMs, zone: undefined }) as const;
  const fine = specOf(tumbling(minute), { compute: statistics, id: '1m', earlyEveryMs: early });
  const others = coarseWindows.map(({ sizeMs }) => specOf(tumbling(sizeMs), { compute: statistics }));
  const windows = accounts === 'fine' ? [fine, ...others] : [...others, fine];
  const latenessMs = lateShare * 4 * hour.sizeMs;
  const signal = signalOf({ windows, latenessMs, expectMs: 7000, disorderMs: 4 * hour.sizeMs * (1 - lateShare) });
  const pipeline = new Pipeline(planOf([signal], { maxAheadMs: 9 * hour.sizeMs, idleAfterMs: 30 * minute }));
  const panes: Pane[] = [];
  let now = epoch + hour.sizeMs;
  for (const { device, time, value, isUncertain, commits } of rows) {
    const reading = readingOf(pipeline, epoch + time, level + value, { device });
    pipeline.ingest({ ...reading, quality: isUncertain ? 'uncertain' : 'good' }, now);
    now += 10_000;
    if (commits) pipeline.tick(now);
    if (commits) panes.push(...pipeline.drain().panes);
  }
  pipeline.tick(now + 10 * hour.sizeMs);
  panes.push(...pipeline.drain().panes);
  return panes;
}

const keyOf = ({ series, window, start }: Pane): string => `${series.device} ${window.id} ${start}`;
const fresh = (panes: readonly Pane[]): number => panes.reduce((sum, pane) => sum + pane.fresh, 0);
/** Whether there are panes of other windows in the same coarse one. */
function hasCompany({ series, start }: Pane, panes: readonly Pane[], sizeMs: number): boolean {
  const coarse = (time: number): number => Math.floor(time / sizeMs);
  return panes.some((other) => other.series.device === series.device && other.start !== start && coarse(other.start) === coarse(start)); // prettier-ignore
}
const isFine = ({ window }: Pane): boolean => window.id === '1m';

describe('thinning what a pipeline gives', () => {
  it.each(coarseWindows)('is computing the coarse window at once ($mark)', (coarse) => {
    let compared = 0;
    fc.assert(
      fc.property(run, (given) => {
        const all = panesOf(given);
        const direct = new Map(all.map((pane) => [`${pane.series.device} ${pane.window.shape.kind === 'tumbling' ? pane.window.shape.sizeMs : 0} ${pane.start}`, pane])); // prettier-ignore
        const fine = all.filter(isFine);
        const steps = coarse === hour ? [thin(fine, hour), thin(thin(fine, tenMinutes), hour)] : [thin(fine, coarse)];
        for (const thinned of steps) {
          expect(fresh(thinned)).toBe(fresh(fine));
          if (thinned !== steps[1]) expect(thinned.filter((pane) => isFine(pane) && hasCompany(pane, fine, coarse.sizeMs))).toEqual([]); // prettier-ignore
          expect(new Set(thinned.map(keyOf)).size).toBe(thinned.length);
          const inCoarse = thinned.filter(({ window }) => window.id === `1m${coarse.mark}`);
          for (const pane of inCoarse) {
            const wanted = direct.get(`${pane.series.device} ${coarse.sizeMs} ${pane.start}`);
            if (wanted === undefined) throw new Error('there is no such window');
            // In the second of two steps nobody knows any more of some corrected windows whether their first pane has gone.
            const isInIt = ({ series, start, window }: Pane): boolean =>
              window.id !== pane.window.id &&
              series.device === pane.series.device &&
              start >= pane.start &&
              start < pane.end;
            if (thinned.some(isInIt)) continue;
            expectAlike(pane, wanted, Math.abs(given.level) + 1e3);
            if (given.accounts === 'fine') expect(pane.accounted).toBe(pane.fresh);
            compared += 1;
          }
        }
      }),
      { numRuns: 100 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  it('keeps every reading and every series in its order, and has nothing left to do the second time', () => {
    fc.assert(
      fc.property(run, fc.constantFrom(...coarseWindows), fc.nat(200), (given, coarse, dropped) => {
        // What is in front is at the hub already: it begins in the middle of chains of revisions.
        const panes = panesOf(given).slice(Math.min(dropped, 40));
        const thinned = thin(panes, coarse);
        expect(fresh(thinned)).toBe(fresh(panes));
        expect(thin(thinned, coarse)).toEqual(thinned);
        expect(coalesce(coalesce(panes))).toEqual(coalesce(panes));
        for (const pane of thinned) expect(pane.fresh).toBeLessThanOrEqual(pane.accounted);
        const rest = thinned.filter((pane) => !isThinned(pane));
        const order = coalesce(panes).map((pane) => `${keyOf(pane)} ${pane.revision}`);
        const places = rest.map((pane) => order.indexOf(`${keyOf(pane)} ${pane.revision}`));
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(places).not.toContain(-1);
        // A key whose first revision is not here may be at the hub: none of its readings goes elsewhere.
        const known = new Set(panes.filter((pane) => !panes.some((first) => keyOf(first) === keyOf(pane) && first.revision === 0)).map(keyOf)); // prettier-ignore
        const left = new Set(thinned.map(keyOf));
        for (const key of known) {
          const all = panes.filter((pane) => keyOf(pane) === key);
          const isAllNew = all.some(({ accounted }) => accounted > 0) && fresh(all) === all.at(-1)?.accounted;
          if (!isAllNew) expect(left).toContain(key);
        }
      }),
      { numRuns: 100 },
    );
  });
});

function expectAlike(pane: Pane, wanted: Pane, largest: number): void {
  expect(pane.count).toBe(wanted.count);
  expect(pane.end).toBe(wanted.end);
  const eps = 2 ** -52;
  const at = (of: Pane, statistic: Statistic): number => of.values[statistics.indexOf(statistic)] ?? NaN;
  const deviation = Math.sqrt(at(wanted, 'variance'));
  for (const statistic of statistics) {
    const [found, exact] = [at(pane, statistic), at(wanted, statistic)];
    if (!mergeable.has(statistic)) {
      expect(found, statistic).toBeNaN();
      continue;
    }
    if (Number.isNaN(exact)) {
      expect(found, statistic).toBeNaN();
      continue;
    }
    const rounding = { sum: wanted.count * largest, increase: wanted.count * largest, mean: largest, rms: largest };
    // The means of the fine windows are rounded; deviations from them are off by as much.
    const ofMeans = 8 * eps * largest;
    const tolerance =
      statistic === 'variance'
        ? 1e-12 * exact + 4 * ofMeans * deviation + ofMeans ** 2
        : statistic === 'stddev'
          ? 1e-12 * exact + 4 * ofMeans
          : statistic === 'completeness'
            ? 16 * eps * exact
            : statistic in rounding
              ? 16 * eps * (Object.entries(rounding).find(([name]) => name === statistic)?.[1] ?? 0)
              : 0;
    expect(Math.abs(found - exact), `${statistic} ${found} instead of ${exact}`).toBeLessThanOrEqual(tolerance);
  }
}
