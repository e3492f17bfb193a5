// CSV lines without quoting, as boards print them: `1760000000000,61.2,18.4`. The columns are named in the gateway file; a
// column called `-` is passed over. An empty field is no reading: the board had nothing to say.

import type { ReadingBatch } from './batch.ts';
import { parseTime, type TimeUnit } from './time-field.ts';

export interface CsvOptions {
  readonly columns: readonly string[];
  readonly separator: string;
  /** Column with the event time; without it the arrival time is taken. */
  readonly time: string | undefined;
  readonly timeUnit: TimeUnit;
}

export function decodeCsvLine(line: string, device: string, options: CsvOptions, batch: ReadingBatch): void {
  const fields = line.split(options.separator);
  if (fields.length !== options.columns.length) {
    batch.dead('malformed', device, `${fields.length} fields instead of ${options.columns.length}`, line);
    return;
  }
  let time = batch.arrival;
  if (options.time !== undefined) {
    time = parseTime(fields[options.columns.indexOf(options.time)]?.trim(), options.timeUnit);
    if (!Number.isFinite(time)) {
      batch.dead('bad_time', device, `column "${options.time}" holds no event time`, line);
      return;
    }
  }
  for (const [index, column] of options.columns.entries()) {
    const field = fields[index]?.trim() ?? '';
    if (column === '-' || column === options.time || field === '' || !batch.takes(column)) continue;
    const value = Number(field);
    batch.value(device, column, time, Number.isNaN(value) ? field : value, line);
  }
}
