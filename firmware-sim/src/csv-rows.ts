// Recorded series: a CSV file with a header, a column of times and one or more columns of values.
//
// Fields are separated by commas and may stand in double quotes (RFC 4180, without line breaks inside a field). Times are
// epoch ms, epoch s, or ISO 8601, where a missing zone means UTC ("2014-04-01 00:10:00" is read too). An empty cell means
// that nothing was measured; a cell that is no number or no time is a mistake in the file.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { SimError } from './errors.ts';

/** One time of a series and what was measured then, by signal. */
export interface Row {
  /** Event time, epoch ms. */
  readonly timeMs: number;
  readonly values: Readonly<Record<string, number>>;
}

export type TimeUnit = 'ms' | 's' | 'iso';

export interface CsvOptions {
  readonly file: string;
  /** Column of times. Default: the first. */
  readonly time?: string | undefined;
  readonly timeUnit?: TimeUnit | undefined;
  /** Columns of values. Default: all others. */
  readonly values?: readonly string[] | undefined;
  /** Signal names for columns: { hr: 'value' } calls the column "value" hr. */
  readonly rename?: Readonly<Record<string, string>> | undefined;
}

/** What is to be read from each row. */
interface Layout {
  readonly timeIndex: number;
  readonly columns: readonly { signal: string; index: number }[];
}

/** @throws SimError with file:line:column of the first mistake */
export async function* readRows(options: CsvOptions): AsyncGenerator<Row, void, undefined> {
  let layout: Layout | undefined;
  let lineNumber = 0;
  for await (const line of readLines(options.file)) {
    lineNumber++;
    if (line.trim() === '') continue;
    const fields = splitFields(lineNumber === 1 ? line.replace(/^\uFEFF/, '') : line);
    if (layout === undefined) {
      layout = layoutOf(
        fields.map(({ text }) => text),
        options,
      );
      continue;
    }
    yield rowOf(fields, layout, options, lineNumber);
  }
  if (layout === undefined) throw new SimError('SERIES_INVALID', `${options.file}: the file is empty`);
}

/** The signals a file will give, in order. @throws SimError */
export async function readSignals(options: CsvOptions): Promise<string[]> {
  for await (const line of readLines(options.file)) {
    if (line.trim() === '') continue;
    const names = splitFields(line.replace(/^\uFEFF/, '')).map(({ text }) => text);
    return layoutOf(names, options).columns.map(({ signal }) => signal);
  }
  throw new SimError('SERIES_INVALID', `${options.file}: the file is empty`);
}

async function* readLines(file: string): AsyncGenerator<string, void, undefined> {
  const input = createReadStream(file);
  try {
    yield* createInterface({ input, crlfDelay: Infinity });
  } catch (error) {
    throw new SimError('SERIES_INVALID', `${file} cannot be read: ${String(error)}`, { cause: error });
  } finally {
    input.destroy();
  }
}

function layoutOf(names: readonly string[], { file, time, values, rename = {} }: CsvOptions): Layout {
  const indexOf = (column: string): number => {
    const index = names.indexOf(column);
    if (index !== -1) return index;
    throw new SimError('SERIES_INVALID', `${file}:1:1: there is no column "${column}"; columns: ${names.join(', ')}`);
  };
  const timeIndex = time === undefined ? 0 : indexOf(time);
  const indices = values === undefined ? [...names.keys()].filter((index) => index !== timeIndex) : values.map(indexOf);
  if (indices.length === 0) throw new SimError('SERIES_INVALID', `${file}:1:1: there is no column of values`);
  const signals = new Map(Object.entries(rename).map(([signal, column]) => [indexOf(column), signal]));
  const columns = indices.map((index) => ({ signal: signals.get(index) ?? names[index] ?? '', index }));
  return { timeIndex, columns };
}

interface Field {
  readonly text: string;
  readonly column: number;
}

function splitFields(line: string): Field[] {
  if (!line.includes('"')) {
    let column = 1;
    return line.split(',').map((text) => {
      const field = { text: text.trim(), column };
      column += text.length + 1;
      return field;
    });
  }
  return Array.from(line.matchAll(/(?:^|,)(?:\s*"((?:[^"]|"")*)"\s*|([^,]*))/g), (match) => ({
    text: (match[1]?.replaceAll('""', '"') ?? match[2] ?? '').trim(),
    column: match.index + (match[0].startsWith(',') ? 2 : 1),
  }));
}

function rowOf(fields: readonly Field[], { timeIndex, columns }: Layout, options: CsvOptions, line: number): Row {
  const place = (field: Field | undefined): string => `${options.file}:${line}:${field?.column ?? 1}`;
  const time = fields[timeIndex];
  const timeMs = time === undefined ? undefined : parseTime(time.text, options.timeUnit ?? 'ms');
  if (timeMs === undefined) {
    const expected = { ms: 'a time in epoch ms', s: 'a time in epoch s', iso: 'an ISO time' }[options.timeUnit ?? 'ms'];
    throw new SimError(
      'SERIES_INVALID',
      `${place(time)}: "${time?.text ?? ''}" is not ${expected}; see --time and --time-unit`,
    );
  }
  const values: Record<string, number> = {};
  for (const { signal, index } of columns) {
    const field = fields[index];
    if (field === undefined || field.text === '') continue;
    const value = Number(field.text);
    if (!Number.isFinite(value))
      throw new SimError('SERIES_INVALID', `${place(field)}: "${field.text}" is not a number`);
    values[signal] = value;
  }
  return { timeMs, values };
}

function parseTime(text: string, unit: TimeUnit): number | undefined {
  if (unit === 'iso') return parseIso(text);
  const number = text === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(number)) return undefined;
  return unit === 's' ? Math.round(number * 1e6) / 1000 : number;
}

function parseIso(text: string): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)\s*(Z|[+-]\d\d:?\d\d)?)?$/.exec(text);
  if (match === null) return undefined;
  const ms = Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`);
  return Number.isNaN(ms) ? undefined : ms;
}
