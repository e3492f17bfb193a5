// Reads a recording: CSV with a header line, JSON lines, or Parquet (rows.ts).
//
// Long form: columns (or fields) time, signal, value, and device, arrival and quality where known; one reading a row. Wide
// form: a time and one column a signal, named as the signal or mapped to it; one reading a field; device, arrival and
// quality as in the long form, for all of them. The time column is the one called time, timestamp, t, ts or date, unless it
// is said. A quality is good, uncertain or bad; where a row says none, its readings are good.

import { qualities, type Quality } from '@weir/shared/model/quality.ts';
import { parseTime, type TimeUnit } from '../formats/time-field.ts';
import { readRows, type Row } from './rows.ts';

/** The recording says nothing anybody asked for; `message` says what it has. */
export class RecordingError extends Error {
  override readonly name = 'RecordingError';
}

export interface RecordingOptions {
  readonly time: string | undefined;
  readonly timeUnit: TimeUnit;
  /** Device of rows that name none. */
  readonly device: string;
  /** Column -> signal, for columns not named as their signal. */
  readonly map: ReadonlyMap<string, string>;
  readonly signals: ReadonlySet<string>;
}

export interface RecordedReading {
  readonly device: string;
  readonly signal: string;
  readonly time: number;
  /** NaN where the recording holds something else than a number. */
  readonly value: number;
  readonly quality: Quality;
  readonly arrival: number | undefined;
}

export interface RecordingLine {
  readonly readings: readonly RecordedReading[];
  /** What is wrong with the line, with its place. */
  readonly problem: string | undefined;
  readonly bytes: number;
}

/** What a row says of all its readings. */
type Circumstances = Omit<RecordedReading, 'signal' | 'value'>;

const timeColumns = new Set(['time', 'timestamp', 't', 'ts', 'date']);

/** @throws RecordingError when the recording has no time, or nothing the gateway file knows */
export async function* readRecording(path: string, options: RecordingOptions): AsyncGenerator<RecordingLine> {
  let checked = false;
  for await (const { number, row, bytes } of readRows(path)) {
    if (typeof row === 'string') {
      yield { readings: [], problem: `${path}:${number}: ${row}`, bytes };
      continue;
    }
    if (!checked) checkColumns(path, Object.keys(row), options);
    checked = true;
    const circumstances = circumstancesOf(row, options);
    if (typeof circumstances === 'string') {
      yield { readings: [], problem: `${path}:${number}: ${circumstances}`, bytes };
    } else yield { readings: toReadings(row, circumstances, options), problem: undefined, bytes };
  }
}

/** @returns what is wrong with the row, where it has none */
function circumstancesOf(row: Row, options: RecordingOptions): Circumstances | string {
  const { timeUnit } = options;
  const timeColumn = timeColumnOf(Object.keys(row), options) ?? '';
  const time = parseTime(row[timeColumn], timeUnit);
  if (!Number.isFinite(time)) return `"${String(row[timeColumn])}" is no time`;
  const device = typeof row['device'] === 'string' && row['device'] !== '' ? row['device'] : options.device;
  const arrival = saysNothing(row['arrival']) ? undefined : parseTime(row['arrival'], timeUnit);
  if (arrival !== undefined && !Number.isFinite(arrival)) return `"${String(row['arrival'])}" is no time of arrival`;
  const quality = qualityOf(row, options);
  if (quality === undefined) return `"${String(row['quality'])}" is no quality; write good, uncertain or bad`;
  return { device, time, quality, arrival };
}

/** @returns undefined when the row says something else than a quality */
function qualityOf(row: Row, { map, signals }: RecordingOptions): Quality | undefined {
  const isSignal = !isLong(row) && signals.has(map.get('quality') ?? 'quality');
  if (isSignal || saysNothing(row['quality'])) return 'good';
  return qualities.find((known) => known === row['quality']);
}

function toReadings(row: Row, circumstances: Circumstances, { map, signals }: RecordingOptions): RecordedReading[] {
  if (isLong(row)) return [{ ...circumstances, signal: row.signal, value: toNumber(row.value) }];
  const readings: RecordedReading[] = [];
  for (const [column, value] of Object.entries(row)) {
    const signal = map.get(column) ?? column;
    if (signals.has(signal) && value !== '') readings.push({ ...circumstances, signal, value: toNumber(value) });
  }
  return readings;
}

function isLong(row: Row): row is Row & { readonly signal: string; readonly value: unknown } {
  return typeof row['signal'] === 'string' && 'value' in row;
}

function saysNothing(field: unknown): boolean {
  return field === undefined || field === null || field === '';
}

function checkColumns(path: string, columns: readonly string[], options: RecordingOptions): void {
  if (timeColumnOf(columns, options) === undefined) {
    const missing = options.time === undefined ? 'no time column' : `no column "${options.time}"`;
    throw new RecordingError(`${path}: ${missing} among ${columns.join(', ')}; say which with --time`);
  }
  const long = columns.includes('signal') && columns.includes('value');
  if (!long && !columns.some((column) => options.signals.has(options.map.get(column) ?? column))) {
    const signals = [...options.signals].join(', ');
    throw new RecordingError(
      `${path}: none of the columns ${columns.join(', ')} is a signal (${signals}); say which with --map column=signal`,
    );
  }
}

function timeColumnOf(columns: readonly string[], { time }: RecordingOptions): string | undefined {
  if (time !== undefined) return columns.includes(time) ? time : undefined;
  return columns.find((column) => timeColumns.has(column.toLowerCase()));
}

function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : NaN;
}
