// Raw readings of one series in a range of event times, out of archive records and journal blocks.

import { qualities, type Quality } from '@weir/shared/model/quality.ts';
import type { ArchiveSeries, Span } from './archive-block.ts';
import type { ReadingColumns } from './block-readings.ts';
import type { PackedBlock } from './journal-block.ts';

export interface RawRange {
  readonly device: string;
  readonly signal: string;
  /** Event times, epoch milliseconds: from `from`, and before `to`. */
  readonly from: number;
  readonly to: number;
}

/** Readings of one series in the order in which they arrived. */
export interface RawRun {
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly qualities: readonly Quality[];
}

export function overlaps(
  { firstTime, lastTime }: Pick<Span, 'firstTime' | 'lastTime'>,
  { from, to }: RawRange,
): boolean {
  return lastTime >= from && firstTime < to;
}

export type SeriesReadings = Pick<ArchiveSeries, 'count' | 'times' | 'values' | 'qualities'>;

/** What a block holds of the series, in whatever range, from its reading number `from` on. */
export function seriesOf(
  { names, columns }: PackedBlock,
  from: number,
  { device, signal }: RawRange,
  moveMs: number,
): SeriesReadings {
  const wanted = names.findIndex((name) => name.device === device && name.signal === signal);
  const places = wanted < 0 ? [] : placesOf(columns, wanted, from);
  const times = Float64Array.from(places, (place) => {
    const time = columns.times[place] ?? NaN;
    return moveMs !== 0 && time === columns.arrivals[place] ? time + moveMs : time;
  });
  const values = Float64Array.from(places, (place) => columns.values[place] ?? NaN);
  const marks = Uint8Array.from(places, (place) => columns.qualities[place] ?? 0);
  return { count: places.length, times, values, qualities: marks };
}

function placesOf({ series, count }: ReadingColumns, wanted: number, from: number): number[] {
  const places: number[] = [];
  for (let i = from; i < count; i++) if (series[i] === wanted) places.push(i);
  return places;
}

/** Those in the range, without the first `skipped`; undefined when there are none. */
export function runOf(
  { count, times, values, qualities: marks }: SeriesReadings,
  skipped: number,
  { from, to }: RawRange,
): RawRun | undefined {
  const places: number[] = [];
  for (let i = skipped; i < count; i++) {
    const time = times[i] ?? NaN;
    if (time >= from && time < to) places.push(i);
  }
  if (places.length === 0) return undefined;
  return {
    times: Float64Array.from(places, (place) => times[place] ?? NaN),
    values: Float64Array.from(places, (place) => values[place] ?? NaN),
    qualities: places.map((place) => qualities[marks[place] ?? 2] ?? 'bad'),
  };
}
