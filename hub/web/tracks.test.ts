import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hopping, oneMinute, paneOf, pointOf, seriesOf, session, tenSeconds, trackOf } from './sample-views.ts';
import type { SeriesView } from '../src/http/views.ts';
import {
  defaultWindow,
  maxPoints,
  planTracks,
  pointsOf,
  takeHistory,
  takePanes,
  trackKey,
  windowsOf,
  type Tracks,
} from './tracks.ts';

const key = trackKey(seriesOf());
const empty: Tracks = planTracks(new Map(), [seriesOf()], 'line-3', undefined);
const means = (tracks: Tracks): unknown[] =>
  tracks.get(key)?.points.map(({ start, values }) => [start, values.mean]) ?? [];

describe('which tracks are kept', () => {
  it('takes the shortest window unless another is chosen', () => {
    expect(empty.get(key)?.window).toEqual(tenSeconds);
    expect(planTracks(new Map(), [seriesOf()], 'line-3', '1m').get(key)?.window).toEqual(oneMinute);
  });

  it('falls back to the shortest window of a series that lacks the chosen one', () => {
    const short = seriesOf({ windows: [tenSeconds] });
    expect(planTracks(new Map(), [short], 'line-3', '1m').get(key)?.window).toEqual(tenSeconds);
  });

  it('takes the shortest window that neither overlaps nor waits for the readings to cease', () => {
    const shown = (windows: SeriesView['windows']): unknown =>
      planTracks(new Map(), [seriesOf({ windows })], 'line-3', undefined).get(key)?.window;
    expect(shown([hopping, oneMinute, session])).toEqual(oneMinute);
    expect(shown([hopping, session])).toEqual(hopping);
    expect(shown([session])).toEqual(session);
  });

  it('leaves out other gateways', () => {
    expect(planTracks(new Map(), [seriesOf({ gateway: 'line-4' })], 'line-3', undefined).size).toBe(0);
  });

  it('keeps the points of a track that stays, and drops those of another window', () => {
    const known = takePanes(empty, [paneOf(0, 31)], 1);
    expect(means(planTracks(known, [seriesOf()], 'line-3', '10s'))).toEqual([[0, 31]]);
    expect(means(planTracks(known, [seriesOf()], 'line-3', '1m'))).toEqual([]);
  });

  it('does not take the points of a gateway whose device has the same name', () => {
    const known = takePanes(empty, [paneOf(0, 31)], 1);
    expect(means(planTracks(known, [seriesOf({ gateway: 'line-4' })], 'line-4', '10s'))).toEqual([]);
  });

  it('offers every window of the gateway once, shortest first', () => {
    const series = [seriesOf({ windows: [oneMinute] }), seriesOf({ signal: 'humidity' })];
    expect(windowsOf(series, 'line-3').map((window) => window.id)).toEqual(['10s', '1m']);
  });

  it('offers windows of no fixed length last', () => {
    const everyTen = { ...hopping, id: '1m/10s', sizeMs: 60_000 };
    const series = [seriesOf({ windows: [session, everyTen, oneMinute, tenSeconds] })];
    const offered = windowsOf(series, 'line-3');
    expect(offered.map((window) => window.id)).toEqual(['10s', '1m', '1m/10s', 'session-10m']);
    expect(defaultWindow(offered)).toEqual(tenSeconds);
  });
});

describe('panes of the stream', () => {
  it('come in by start, whatever order they arrive in', () => {
    const tracks = takePanes(empty, [paneOf(20_000, 33), paneOf(0, 31), paneOf(10_000, 32)], 1);
    expect(means(tracks)).toEqual([[0, 31], [10_000, 32], [20_000, 33]]); // prettier-ignore
  });

  it('overwrite the pane of the same start, also with a lower revision: order is the guard', () => {
    const first = takePanes(empty, [paneOf(0, 31, { revision: 4 }), paneOf(10_000, 32)], 1);
    expect(means(takePanes(first, [paneOf(0, 30, { revision: 0 })], 2))).toEqual([[0, 30], [10_000, 32]]); // prettier-ignore
  });

  it('that are retracted are gone, also within one event, and come back when they are written again', () => {
    const retracted = { retracted: true };
    const first = takePanes(empty, [paneOf(0, 31), paneOf(10_000, 32), paneOf(10_000, 0, retracted)], 1);
    expect(means(first)).toEqual([[0, 31]]);
    const second = takePanes(first, [paneOf(0, 0, retracted), paneOf(20_000, 0, retracted)], 2);
    expect(means(second)).toEqual([]);
    expect(means(takePanes(second, [paneOf(0, 0, retracted), paneOf(0, 33)], 3))).toEqual([[0, 33]]);
  });

  it('that are retracted are remembered up to a limit', () => {
    const panes = Array.from({ length: maxPoints + 25 }, (_, index) => paneOf(index * 10_000, 0, { retracted: true }));
    const remembered = [...(takePanes(empty, panes, 1).get(key)?.retracted.keys() ?? [])];
    expect([remembered.length, remembered[0]]).toEqual([maxPoints, 250_000]);
  });

  it('of another gateway, window or series change nothing', () => {
    const others = [{ gateway: 'line-4' }, { window: '1m' }, { device: 'cooling' }, { signal: 'humidity' }];
    const panes = others.map((other) => paneOf(0, 31, other));
    expect(takePanes(empty, panes, 1)).toBe(empty);
  });

  it('never fill a track beyond its limit, and the oldest go', () => {
    const panes = Array.from({ length: maxPoints + 25 }, (_, index) => paneOf(index * 10_000, index));
    const points = takePanes(empty, panes, 1).get(key)?.points ?? [];
    expect([points.length, points[0]?.start]).toEqual([maxPoints, 250_000]);
  });
});

describe('history', () => {
  it('replaces what was known when it was asked', () => {
    const track = takeHistory(trackOf([pointOf(0, 31, 3)]), [pointOf(0, 30, 5)], 5);
    expect(track.points.map((point) => point.values.mean)).toEqual([30]);
  });

  it('gives way to what the stream brought after it was asked', () => {
    const track = takeHistory(trackOf([pointOf(0, 31, 6), pointOf(10_000, 32, 7)]), [pointOf(0, 30, 5)], 5);
    expect(track.points.map((point) => point.values.mean)).toEqual([31, 32]);
  });

  it('drops panes the hub no longer has', () => {
    expect(takeHistory(trackOf([pointOf(0, 31, 1)]), [], 5).points).toEqual([]);
  });

  it('does not bring back what was retracted after it was asked, and forgets what was retracted before', () => {
    const gone = [paneOf(0, 0, { retracted: true })];
    const track = takePanes(new Map([[key, trackOf([])]]), gone, 6).get(key) ?? trackOf([]);
    expect(takeHistory(track, [pointOf(0, 30), pointOf(10_000, 31)], 5).points.map(({ start }) => start)).toEqual([
      10_000,
    ]);
    const later = takeHistory(track, [pointOf(0, 30)], 6);
    expect([later.points.length, later.retracted.size]).toEqual([1, 0]);
  });

  it('and stream together end at the hub’s last word on every start, whenever the answer comes', () => {
    const start = fc.integer({ min: 0, max: 5 });
    const written = fc.record({ start, mean: fc.integer(), retracted: fc.boolean() });
    fc.assert(
      fc.property(fc.array(written, { maxLength: 30 }), fc.nat(), fc.nat(), fc.nat(), (writes, a, b, c) => {
        // The question is asked after some writes, answered by the hub after some more, and arrives after yet more.
        const [asked = 0, answered = 0, arrived = 0] = [a, b, c]
          .map((n) => n % (writes.length + 1))
          .sort((x, y) => x - y);
        const store = lastWords(writes.slice(0, answered));
        let track = trackOf([]);
        const live = (from: number, to: number): void => {
          for (const [index, write] of writes.slice(from, to).entries()) {
            const pane = paneOf(write.start, write.mean, { retracted: write.retracted });
            const tracks = takePanes(new Map([[key, track]]), [pane], from + index + 1);
            track = tracks.get(key) ?? track;
          }
        };
        live(0, arrived);
        track = takeHistory(track, [...store].map(([at, mean]) => pointOf(at, mean, asked)), asked); // prettier-ignore
        live(arrived, writes.length);
        expect(new Map(track.points.map((point) => [point.start, point.values.mean]))).toEqual(lastWords(writes));
      }),
    );
  });

  it('is read from columns, with null where a statistic is undefined', () => {
    const columns = ['start', 'end', 'count', 'revision', 'mean', 'stddev'];
    const answer = { columns, rows: [[10_000, 20_000, 1, 2, 31.5, null]] };
    expect(pointsOf(answer, 7)).toEqual([
      { start: 10_000, end: 20_000, count: 1, revision: 2, values: { mean: 31.5, stddev: null }, order: 7 },
    ]);
  });
});

/** What is left of each start, in the end. */
function lastWords(writes: readonly { start: number; mean: number; retracted: boolean }[]): Map<number, number> {
  const left = new Map<number, number>();
  for (const { start, mean, retracted } of writes) {
    if (retracted) left.delete(start);
    else left.set(start, mean);
  }
  return left;
}
