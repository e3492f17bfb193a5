// The rows of a recording, however it is written: CSV with a header line, JSON lines, or Parquet.
//
// Parquet is read by hyparquet, one row group after the other; memory is that of a row group.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';

export type Row = Readonly<Record<string, unknown>>;

export interface NumberedRow {
  /** Line of the file; row of a Parquet file. */
  readonly number: number;
  /** What is wrong with it, where it is none. */
  readonly row: Row | string;
  /** Of the file; of a row of a Parquet file its share. */
  readonly bytes: number;
}

/** @throws the file system's error, or hyparquet's when a Parquet file is damaged */
export function readRows(path: string): AsyncGenerator<NumberedRow> {
  return path.endsWith('.parquet') ? parquetRows(path) : lineRows(path);
}

async function* lineRows(path: string): AsyncGenerator<NumberedRow> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Infinity });
  let header: string[] | undefined;
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    if (header === undefined && !line.startsWith('{')) {
      header = line.split(',').map((name) => name.trim());
      continue;
    }
    const row = header === undefined ? parseJson(line) : parseCsv(line, header);
    yield { number, row, bytes: Buffer.byteLength(line) + 1 };
  }
}

const compressors = {
  GZIP: (input: Uint8Array) => new Uint8Array(gunzipSync(input)),
  BROTLI: (input: Uint8Array) => new Uint8Array(brotliDecompressSync(input)),
  ZSTD: (input: Uint8Array) => new Uint8Array(zstdDecompressSync(input)),
};

async function* parquetRows(path: string): AsyncGenerator<NumberedRow> {
  // Loaded when first needed: an agent without Parquet files does not pay for it.
  const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } = await import('hyparquet');
  const [{ size }, file] = [await stat(path), await asyncBufferFromFile(path)];
  const metadata = await parquetMetadataAsync(file);
  const bytes = size / Math.max(1, Number(metadata.num_rows));
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    const rows = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors });
    for (const [index, row] of rows.entries()) yield { number: rowStart + index + 1, row: plain(row), bytes };
    rowStart = rowEnd;
  }
}

/** Integers of 64 bits and times, as the other recordings write them. */
function plain(row: Record<string, unknown>): Row {
  const cell = (value: unknown): unknown =>
    typeof value === 'bigint' ? Number(value) : value instanceof Date ? value.toISOString() : value;
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, cell(value)]));
}

function parseJson(line: string): Row | string {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : 'not a JSON object';
  } catch (error) {
    return error instanceof Error ? error.message : 'not JSON';
  }
}

function parseCsv(line: string, header: readonly string[]): Row | string {
  const fields = line.split(',');
  if (fields.length !== header.length) return `${fields.length} fields instead of ${header.length}`;
  return Object.fromEntries(header.map((name, index) => [name, fields[index]?.trim() ?? '']));
}
