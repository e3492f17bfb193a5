// The readings of a journal block, in columns: they come back in the very order in which they arrived.
//
//   order of series    unless there is only one: lengths of runs in which each series is followed by the one that followed it
//                      last (at first: by the next), and behind each run but the last the series that came instead. Sensors
//                      that take turns cost nothing
//   layout             (all good ? 0 : 16) + (arrivals near the tick ? 0 : 8) + times * 2 + (a column a series ? 1 : 0)
//   arrivals           in order of arrival: from the tick of the block, or as they are
//   qualities          in order of arrival, unless all are good
//   times              by series: nothing where each is its arrival, else how far each is from its arrival, or as they are
//   values             by series: one column for all, or one for each series
//
// By series: all readings of the first, then all of the second, and so on. A column for each series packs long series well, and
// is a waste where each has a few readings only, which is how most blocks are.

import { ByteWriter, type ByteReader } from '@weir/shared/model/bytes.ts';
import { readColumn, writeColumn } from '@weir/shared/model/columns.ts';

/** In order of arrival. The arrays may be longer than `count`. */
export interface ReadingColumns {
  readonly count: number;
  /** Indexes into the names of the block. */
  readonly series: Uint32Array;
  readonly arrivals: Float64Array;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** Indexes into `qualities`. */
  readonly qualities: Uint8Array;
}

export const noReadings: ReadingColumns = {
  count: 0,
  series: new Uint32Array(0),
  arrivals: new Float64Array(0),
  times: new Float64Array(0),
  values: new Float64Array(0),
  qualities: new Uint8Array(0),
};

/** Memory is taken for as many as the bytes say; more are no block's. */
const maxReadings = 2 ** 24;
/** From so many readings a series on, each has a column of values of its own. */
const longSeries = 16;
/** Values that need more have little in common: each series is given a column on trial. */
const goodBytesEach = 4;

const equalToArrivals = 0;
const nearArrivals = 1;
const asTheyAre = 2;

const trials = [new ByteWriter(1024), new ByteWriter(1024)] as const;

interface Surroundings {
  readonly seriesCount: number;
  /** What arrivals are near to: the tick of the block. */
  readonly base: number;
}

/** At least one reading. */
export function writeReadings(to: ByteWriter, readings: ReadingColumns, { seriesCount, base }: Surroundings): void {
  const { count, series, arrivals, times, values, qualities } = readings;
  if (seriesCount > 1) writeOrder(to, series, count, seriesCount);
  const { places, ends } = groupBySeries(series, count, seriesCount);
  const offsets = differences(arrivals, count, () => base);
  const isAllGood = qualities.subarray(0, count).every((quality) => quality === 0);
  const head = (isAllGood ? 0 : 16) + (offsets === undefined ? 8 : 0);

  const grouped = pick(times, places);
  const distances = differences(grouped, count, (i) => arrivals[places[i] ?? 0] ?? NaN);
  const [near, plain] = trials;
  let layout = asTheyAre;
  let packedTimes = plain;
  for (const trial of trials) trial.clear();
  if (distances?.every((distance) => distance === 0) === true) layout = equalToArrivals;
  else {
    writeColumn(plain, grouped, count);
    if (distances !== undefined) writeColumn(near, distances, count);
    if (near.length > 0 && near.length < plain.length) [layout, packedTimes] = [nearArrivals, near];
  }
  const packed = packedTimes.take();
  const packedValues = packValues(pick(values, places), ends);

  to.varint(head + layout * 2 + (packedValues.each ? 1 : 0));
  writeColumn(to, offsets ?? arrivals, count);
  if (!isAllGood) writeColumn(to, Float64Array.from(qualities.subarray(0, count)), count);
  to.bytes(packed);
  to.bytes(packedValues.bytes);
}

/** @throws RangeError when the bytes are no such readings */
export function readReadings(
  from: ByteReader,
  { count, seriesCount, base }: Surroundings & { readonly count: number },
): ReadingColumns {
  if (count > maxReadings) throw new RangeError(`${count} readings in one block`);
  const series = new Uint32Array(count);
  if (seriesCount > 1) readOrder(from, series, seriesCount);
  const layout = from.varint();
  const arrivals = readColumn(from, count);
  if ((layout & 8) === 0) for (let i = 0; i < count; i++) arrivals[i] = base + (arrivals[i] ?? NaN);
  const qualities = new Uint8Array(count);
  if ((layout & 16) !== 0) qualities.set(readColumn(from, count));
  const { places, ends } = groupBySeries(series, count, seriesCount);
  const times = arrivals.slice();
  const timing = (layout >> 1) & 3;
  if (timing !== equalToArrivals) {
    const grouped = readColumn(from, count);
    for (let i = 0; i < count; i++) {
      const place = places[i] ?? 0;
      const time = grouped[i] ?? NaN;
      times[place] = timing === nearArrivals ? (arrivals[place] ?? NaN) + time : time;
    }
  }
  const values = new Float64Array(count);
  const isEach = (layout & 1) !== 0;
  let at = 0;
  for (const end of isEach ? ends : [count]) {
    for (const value of readColumn(from, end - at)) values[places[at++] ?? 0] = value;
  }
  return { count, series, arrivals, times, values, qualities };
}

export interface Groups {
  /** Places of the readings in order of arrival, series by series. */
  readonly places: Uint32Array;
  /** Where each series ends in there. */
  readonly ends: Uint32Array;
}

export function groupBySeries(series: Uint32Array, count: number, seriesCount: number): Groups {
  const ends = new Uint32Array(seriesCount);
  for (let i = 0; i < count; i++) addTo(ends, series[i] ?? 0, 1);
  let sum = 0;
  for (let s = 0; s < seriesCount; s++) {
    const length = ends[s] ?? 0;
    ends[s] = sum;
    sum += length;
  }
  const places = new Uint32Array(count);
  for (let i = 0; i < count; i++) places[addTo(ends, series[i] ?? 0, 1)] = i;
  return { places, ends };
}

/** @returns what was there before */
function addTo(numbers: Uint32Array, at: number, more: number): number {
  const before = numbers[at] ?? 0;
  numbers[at] = before + more;
  return before;
}

export function pick(numbers: Float64Array | Uint8Array, places: Uint32Array): Float64Array {
  const picked = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) picked[i] = numbers[places[i] ?? 0] ?? NaN;
  return picked;
}

/** How far each is from its base; undefined when adding that to the base would not give back every bit. */
export function differences(
  numbers: Float64Array,
  count: number,
  baseOf: (index: number) => number,
): Float64Array | undefined {
  const distances = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const number = numbers[i] ?? NaN;
    const base = baseOf(i);
    const distance = number - base;
    if (!Object.is(base + distance, number)) return undefined;
    distances[i] = distance;
  }
  return distances;
}

function packValues(values: Float64Array, ends: Uint32Array): { each: boolean; bytes: Uint8Array } {
  const [together, apart] = trials;
  for (const trial of trials) trial.clear();
  const count = values.length;
  const isLong = ends.length > 1 && count >= longSeries * ends.length;
  if (!isLong) {
    writeColumn(together, values, count);
    if (ends.length === 1 || together.length <= goodBytesEach * count) return { each: false, bytes: together.take() };
  }
  let at = 0;
  for (const end of ends) {
    writeColumn(apart, values.subarray(at, end), end - at);
    at = end;
  }
  const each = isLong || apart.length < together.length;
  return { each, bytes: (each ? apart : together).take() };
}

/** Which series is expected behind each: the one that followed it last. */
function firstFollowers(seriesCount: number): Uint32Array {
  return Uint32Array.from({ length: seriesCount }, (_, index) => (index + 1) % seriesCount);
}

function writeOrder(to: ByteWriter, series: Uint32Array, count: number, seriesCount: number): void {
  const followers = firstFollowers(seriesCount);
  let before = seriesCount - 1;
  let run = 0;
  for (let i = 0; i < count; i++) {
    const current = series[i] ?? 0;
    if (followers[before] === current) run += 1;
    else {
      to.varint(run);
      to.varint(current);
      run = 0;
      followers[before] = current;
    }
    before = current;
  }
  if (run > 0) to.varint(run);
}

function readOrder(from: ByteReader, series: Uint32Array, seriesCount: number): void {
  const followers = firstFollowers(seriesCount);
  let before = seriesCount - 1;
  for (let i = 0; i < series.length; i++) {
    let run = from.varint();
    if (run > series.length - i) throw new RangeError('order of series goes on behind the end of the block');
    for (; run > 0; run--) {
      before = followers[before] ?? 0;
      series[i++] = before;
    }
    if (i === series.length) return;
    const current = from.varint();
    if (current >= seriesCount) throw new RangeError(`no series ${current} in the block`);
    followers[before] = current;
    series[i] = current;
    before = current;
  }
}
