// One record of the black box: some thousand readings out of consecutive journal blocks, series by series, each in the order in
// which it arrived.
//
//   version 2                     1 is the same without starts
//   journal text, block, taken    which journal they are from, and up to where: so many readings of that block and all before.
//                                 The next record goes on from there
//   span                          column of four: lowest and highest event time, lowest and highest arrival
//   starts                        how many, and f64 each: arrival times at which the agent began to listen, with one of the
//                                 readings here the first it heard
//   names {device, signal}*       block-names.ts
//   series*                       blob: how many readings, layout = arrivals * 2 + (all good ? 0 : 1), then columns of
//                                 event times | values | arrivals: nothing where each is its event time, else how far each is
//                                 from it, or as they are | qualities, unless all are good
//
// A search passes over a record by its span, and in it over other series.

import { ByteReader, ByteWriter } from '@weir/shared/model/bytes.ts';
import { readColumn, writeColumn } from '@weir/shared/model/columns.ts';
import { readNames, writeNames, type SeriesName } from './block-names.ts';
import { differences } from './block-readings.ts';
import type { Seq } from './segment.ts';

const version = 2;
const withoutStarts = 1;
/** Memory is taken for as many as the bytes say; more are no archive's. */
const maxReadings = 2 ** 24;

const equalToTimes = 0;
const nearTimes = 1;
const asTheyAre = 2;

/** A place between two readings of a journal. */
export interface JournalPlace {
  /** Incarnation of the journal. */
  readonly journal: string;
  readonly block: Seq;
  /** How many of the block's readings lie before. */
  readonly taken: number;
}

export interface Span {
  readonly firstTime: number;
  readonly lastTime: number;
  readonly firstArrival: number;
  readonly lastArrival: number;
}

/** One series; the arrays may be longer than `count`. */
export interface ArchiveSeries {
  readonly name: SeriesName;
  readonly count: number;
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly arrivals: Float64Array;
  /** Indexes into `qualities`. */
  readonly qualities: Uint8Array;
}

export interface ArchiveHead {
  readonly end: JournalPlace;
  readonly span: Span;
  /** Arrival times at which the agent began to listen. */
  readonly starts: readonly number[];
  readonly names: readonly SeriesName[];
}

/** Writes a record, one series at a time. */
export class ArchiveWriter {
  readonly #to = new ByteWriter(64 * 1024);
  readonly #series = new ByteWriter(16 * 1024);
  readonly #trial = new ByteWriter(16 * 1024);

  constructor({ end, span, starts, names }: ArchiveHead) {
    const to = this.#to;
    to.varint(version);
    to.text(end.journal);
    to.varint(end.block);
    to.varint(end.taken);
    writeColumn(to, Float64Array.of(span.firstTime, span.lastTime, span.firstArrival, span.lastArrival), 4);
    to.varint(starts.length);
    for (const start of starts) to.float(start);
    writeNames(to, names);
  }

  /** In the order of the names. */
  add({ count, times, values, arrivals, qualities }: Omit<ArchiveSeries, 'name'>): void {
    const to = this.#series;
    to.clear();
    to.varint(count);
    const distances = differences(arrivals, count, (i) => times[i] ?? NaN);
    const isEqual = distances?.every((_, i) => Object.is(times[i], arrivals[i])) === true;
    const isNear = !isEqual && distances !== undefined && this.#isShorter(distances, arrivals, count);
    const isAllGood = qualities.subarray(0, count).every((quality) => quality === 0);
    to.varint((isEqual ? equalToTimes : isNear ? nearTimes : asTheyAre) * 2 + (isAllGood ? 0 : 1));
    writeColumn(to, times, count);
    writeColumn(to, values, count);
    if (!isEqual) writeColumn(to, isNear && distances !== undefined ? distances : arrivals, count);
    if (!isAllGood) writeColumn(to, Float64Array.from(qualities.subarray(0, count)), count);
    this.#to.blob(to.view());
  }

  take(): Uint8Array {
    return this.#to.take();
  }

  #isShorter(one: Float64Array, other: Float64Array, count: number): boolean {
    const trial = this.#trial;
    trial.clear();
    writeColumn(trial, one, count);
    const length = trial.length;
    writeColumn(trial, other, count);
    return length <= trial.length - length;
  }
}

/** @throws RangeError when the bytes are no archive record, or of another version */
export function readArchiveHead(record: Uint8Array): ArchiveHead {
  return readHead(new ByteReader(record));
}

/**
 * The series of that name, or all.
 * @throws RangeError when the bytes are no archive record, or of another version
 */
export function* readArchive(record: Uint8Array, wanted?: SeriesName): Generator<ArchiveSeries> {
  const from = new ByteReader(record);
  for (const name of readHead(from).names) {
    const bytes = from.blob();
    if (wanted !== undefined && (name.device !== wanted.device || name.signal !== wanted.signal)) continue;
    yield readSeries(name, new ByteReader(bytes));
  }
}

function readHead(from: ByteReader): ArchiveHead {
  const found = from.varint();
  if (found !== version && found !== withoutStarts)
    throw new RangeError(`archive record version ${found}, this agent reads ${version}`);
  const end = { journal: from.text(), block: from.varint(), taken: from.varint() };
  const [firstTime = NaN, lastTime = NaN, firstArrival = NaN, lastArrival = NaN] = readColumn(from, 4);
  const starts: number[] = [];
  for (let left = found === withoutStarts ? 0 : from.varint(); left > 0; left--) starts.push(from.float());
  return { end, span: { firstTime, lastTime, firstArrival, lastArrival }, starts, names: readNames(from) };
}

function readSeries(name: SeriesName, from: ByteReader): ArchiveSeries {
  const count = from.varint();
  if (count > maxReadings) throw new RangeError(`${count} readings in one record`);
  const layout = from.varint();
  const times = readColumn(from, count);
  const values = readColumn(from, count);
  const mode = layout >> 1;
  const arrivals = mode === equalToTimes ? times : readColumn(from, count);
  if (mode === nearTimes) for (let i = 0; i < count; i++) arrivals[i] = (times[i] ?? NaN) + (arrivals[i] ?? NaN);
  const qualities = (layout & 1) === 0 ? new Uint8Array(count) : Uint8Array.from(readColumn(from, count));
  return { name, count, times, values, arrivals, qualities };
}
