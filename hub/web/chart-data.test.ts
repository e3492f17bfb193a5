import { describe, expect, it } from 'vitest';
import {
  alignTracks,
  drawnStatistics,
  lonelyColumns,
  mainStatistic,
  maxDetailedDevices,
  valueRange,
} from './chart-data.ts';
import { hopping, pointOf, session, trackOf } from './sample-views.ts';

const mean = [['mean'], ['mean']];

describe('the lines of a chart', () => {
  it('share one time column, oldest first', () => {
    const a = trackOf([pointOf(0, 1), pointOf(10_000, 2)]);
    const b = trackOf([pointOf(10_000, 5), pointOf(20_000, 6)]);
    const { times, lines } = alignTracks([a, b], mean);
    expect(times).toEqual([0, 10_000, 20_000]);
    expect(lines).toEqual([[[1, 2, undefined]], [[undefined, 5, 6]]]);
  });

  it('break where panes of their own are missing', () => {
    const { times, lines } = alignTracks([trackOf([pointOf(0, 1), pointOf(40_000, 2)])], mean);
    expect([times, lines[0]?.[0]]).toEqual([[0, 10_000, 40_000], [1, null, 2]]); // prettier-ignore
  });

  it('break at every column of a gap, also those of other devices', () => {
    const silent = trackOf([pointOf(0, 1), pointOf(30_000, 2)]);
    const steady = trackOf([0, 10_000, 20_000, 30_000].map((start) => pointOf(start, 7)));
    expect(alignTracks([silent, steady], mean).lines).toEqual([[[1, null, null, 2]], [[7, 7, 7, 7]]]);
  });

  it('do not break where only the panes of two devices start at different times', () => {
    const a = trackOf([pointOf(0, 1), pointOf(10_000, 2)]);
    const b = trackOf([pointOf(4000, 5), pointOf(14_000, 6)]);
    expect(alignTracks([a, b], mean).lines[0]?.[0]).toEqual([1, undefined, 2, undefined]);
  });

  it('break where a pane of overlapping windows is missing: it is their step that counts, not their length', () => {
    const points = [pointOf(0, 1), pointOf(10_000, 2), pointOf(30_000, 3)];
    const { times, lines } = alignTracks([trackOf(points, { window: hopping })], mean);
    expect([times, lines[0]?.[0]]).toEqual([[0, 10_000, 20_000, 30_000], [1, 2, null, 3]]); // prettier-ignore
  });

  it('have every pane of windows that follow at no fixed step, and no gaps', () => {
    const points = [pointOf(0, 1), pointOf(4000, 2), pointOf(9_000_000, 3)];
    const data = alignTracks([trackOf(points, { window: session })], mean);
    expect(data).toEqual({ times: [0, 4000, 9_000_000], lines: [[[1, 2, 3]]], fromMs: 0, toMs: 9_000_000 });
    const others = trackOf([pointOf(2000, 5)], { window: session, device: 'cooling' });
    const { lines } = alignTracks([trackOf(points, { window: session }), others], mean);
    expect(lines[0]?.[0]).toEqual([1, undefined, 2, 3]);
  });

  it('leave some width to the time axis, be it for one pane of no fixed step', () => {
    const { fromMs, toMs } = alignTracks([trackOf([pointOf(5000, 1)], { window: session })], mean);
    expect([fromMs, toMs]).toEqual([5000, 6000]);
    expect(alignTracks([trackOf([pointOf(5000, 1)])], mean)).toMatchObject({ fromMs: 5000, toMs: 15_000 });
  });

  it('break where a statistic is undefined', () => {
    const points = [pointOf(0, 1), pointOf(10_000, null), pointOf(20_000, 3)];
    expect(alignTracks([trackOf(points)], mean).lines[0]?.[0]).toEqual([1, null, 3]);
  });

  it('show no more than the last windows', () => {
    const { times } = alignTracks([trackOf([pointOf(0, 1), pointOf(5_000_000, 2)])], mean);
    expect(times).toEqual([5_000_000]);
  });

  it('of no panes are empty', () => {
    expect(alignTracks([trackOf([])], mean)).toMatchObject({ times: [], lines: [[[]]] });
  });
});

describe('what a device is drawn with', () => {
  it('is its mean, or the nearest thing its window computes', () => {
    const windows = [['min', 'mean'], ['p50', 'max'], ['max'], ['stddev'], []];
    expect(windows.map(mainStatistic)).toEqual(['mean', 'p50', 'max', 'stddev', 'count']);
  });

  it('has a band only where both edges are computed', () => {
    expect(drawnStatistics(['mean', 'min', 'max'], 1, false)).toEqual(['mean', 'max', 'min']);
    expect(drawnStatistics(['mean', 'max'], 1, false)).toEqual(['mean']);
  });

  it('has a percentile only when asked for', () => {
    expect(drawnStatistics(['mean', 'p95'], 1, true)).toEqual(['mean', 'p95']);
    expect(drawnStatistics(['mean', 'p95'], 1, false)).toEqual(['mean']);
  });

  it('is only a line where devices are many', () => {
    expect(drawnStatistics(['mean', 'min', 'max', 'p95'], maxDetailedDevices + 1, true)).toEqual(['mean']);
  });
});

describe('single panes', () => {
  it('are found between gaps and at both ends, passing over columns of other devices', () => {
    expect(lonelyColumns([1, null, 2, 3, null, undefined, 4, undefined, null, 5])).toEqual([0, 6, 9]);
  });
});

describe('the value axis', () => {
  it('leaves air above and below', () => {
    expect(valueRange(10, 20)).toEqual([8.8, 21.2]);
  });

  it('does not go below zero for what never does', () => {
    expect(valueRange(0, 1)[0]).toBe(0);
    expect(valueRange(-1, 1)[0]).toBeLessThan(-1);
  });

  it('puts a flat line in the middle', () => {
    const [low, high] = valueRange(31, 31);
    expect((low + high) / 2).toBe(31);
    expect(high).toBeGreaterThan(low);
  });

  it('is there before any value is', () => {
    expect(valueRange(null, null)).toEqual([0, 1]);
  });
});
