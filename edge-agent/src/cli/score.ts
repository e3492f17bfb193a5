// `weir-agent score`: a detector's score for every row of a CSV file, so that others' benchmarks can be run on what a gateway
// would have seen. One pass, row by row, as the gateway does it: the whole file is never in memory.

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { detectorKinds } from '@weir/shared/detect/registry.ts';
import { parseTime } from '../formats/time-field.ts';
import { CommandError, usable } from './gateway-file.ts';

export interface ScoreOptions {
  readonly csv: string;
  readonly out: string;
  /** The alert whose detector it is; the first with one when left out. */
  readonly alert: string | undefined;
  readonly warn: (line: string) => void;
}

const warningsShown = 10;

/** @returns rows scored @throws CommandError when a file cannot be used, or the gateway file has no such detector */
export async function score(file: GatewayFile, { csv, out, alert, warn }: ScoreOptions): Promise<number> {
  const detector = detectorOf(file, alert).make();
  const source = createReadStream(csv);
  await usable(csv, once(source, 'open'));
  const sink = createWriteStream(out);
  await usable(out, once(sink, 'open'));
  const lines = createInterface({ input: source, crlfDelay: Infinity });
  let rows = 0;
  let number = 0;
  let problems = 0;
  let columns: { time: number; value: number } | undefined;
  let newest = -Infinity;
  for await (const line of lines) {
    number += 1;
    if (line.trim() === '') continue;
    const cells = line.split(',').map((cell) => cell.trim());
    if (columns === undefined) {
      columns = columnsOf(cells, csv);
      await write(sink, 'timestamp,value,anomaly_score');
      continue;
    }
    const [stamp = '', text = ''] = [cells[columns.time], cells[columns.value]];
    const time = timeOf(stamp);
    const value = text === '' ? NaN : Number(text);
    const isGood = Number.isFinite(time) && Number.isFinite(value);
    if (!isGood && ++problems <= warningsShown) warn(`${csv}:${number}: "${line}" is no time and number; it scores 0`);
    // Detectors take readings in order; one from before the newest counts as of then.
    if (isGood) newest = Math.max(newest, time);
    const found = isGood ? detector.update(newest, value) : 0;
    await write(sink, `${stamp},${text},${found}`);
    rows += 1;
  }
  sink.end();
  await finished(sink);
  if (columns === undefined) throw new CommandError(`${csv}: is empty; a line "timestamp,value" comes first`);
  if (problems > warningsShown) warn(`and ${problems - warningsShown} more lines like these`);
  return rows;
}

function detectorOf({ alerts }: GatewayFile, wanted: string | undefined) {
  const found = [...alerts].find(([id, { anomaly, when = '' }]) =>
    wanted === undefined ? anomaly !== undefined || when.includes('anomaly(') : id === wanted,
  );
  if (wanted !== undefined && found === undefined) {
    throw new CommandError(`no alert "${wanted}" in the gateway file; there are: ${[...alerts.keys()].join(', ')}`);
  }
  const key = found?.[1].detector ?? 'auto';
  const kind = detectorKinds.find((known) => known.key === key);
  if (kind === undefined) throw new CommandError(`no detector "${key}"`);
  return kind;
}

function columnsOf(head: readonly string[], csv: string): { time: number; value: number } {
  const time = head.findIndex((name) => /^(?:timestamp|time|date|datetime)$/i.test(name));
  const value = head.findIndex((name, index) => index !== time && /^value$/i.test(name));
  const other = head.findIndex((_, index) => index !== time);
  if (time === -1 || other === -1)
    throw new CommandError(
      `${csv}:1: the first line names the columns, such as timestamp,value; found "${head.join(',')}"`,
    );
  return { time, value: value === -1 ? other : value };
}

/** Seconds or milliseconds since 1970, or a date; without a zone it is UTC. */
function timeOf(stamp: string): number {
  return parseTime(stamp, Math.abs(Number(stamp)) < 1e11 ? 's' : 'ms');
}

async function write(sink: Writable, line: string): Promise<void> {
  if (!sink.write(`${line}\n`)) await once(sink, 'drain');
}
