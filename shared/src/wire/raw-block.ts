// Raw readings to bytes and back: what a gateway answers when the hub asks for the readings behind a pane or an alert.

import { create } from '@bufbuild/protobuf';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import { readColumn, writeColumn } from '../model/columns.ts';
import { qualities, type Quality } from '../model/quality.ts';
import type { Series } from '../model/series.ts';
import { maxRows } from './pane-block.ts';
import { namedSeries } from './series.ts';
import { RawBlockSchema } from './weir_pb.js';
import type { RawBlock } from './weir_pb.js';
import { fail, WireError } from './wire-error.ts';

/** Readings of one series in the order they arrived; part of the answer to one request. */
export interface RawReadings {
  /** Identity of the request. */
  readonly request: string;
  /** Nothing comes after this: the request is answered. */
  readonly last: boolean;
  /** On the last: why there is less than was asked for; empty when all is there. */
  readonly shortfall: string;
  readonly series: Pick<Series, 'device' | 'signal'>;
  /** Event times, epoch milliseconds. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly qualities: readonly Quality[];
}

export function toRawBlock({ times, values, qualities: marks, ...rest }: RawReadings): RawBlock {
  const { device, signal } = rest.series;
  const to = new ByteWriter(64 + times.length * 4);
  writeColumn(to, times, times.length);
  writeColumn(to, values, times.length);
  writeColumn(
    to,
    Float64Array.from(marks, (mark) => qualities.indexOf(mark)),
    times.length,
  );
  return create(RawBlockSchema, { ...rest, series: { device, signal }, rows: times.length, columns: to.take() });
}

/** @throws WireError */
export function fromRawBlock({ request, last, shortfall, series, rows, columns }: RawBlock): RawReadings {
  if (rows > maxRows) throw new WireError(`raw: ${rows} in one block, at most ${maxRows}`);
  if (request.length > 64) throw new WireError('raw: request');
  const from = new ByteReader(columns);
  try {
    const [times, values, marks] = [readColumn(from, rows), readColumn(from, rows), readColumn(from, rows)];
    if (!from.done) throw new WireError('raw: more columns than there should be');
    const wrong = times.find((time) => !Number.isFinite(time));
    if (wrong !== undefined) throw new WireError(`raw: time ${wrong}`);
    return {
      request,
      last,
      shortfall,
      series: namedSeries(series),
      times,
      values,
      qualities: Array.from(marks, (mark) => qualities[mark] ?? fail(`raw: quality ${mark}`)),
    };
  } catch (error) {
    if (error instanceof RangeError) throw new WireError(`raw: columns: ${error.message}`);
    throw error;
  }
}
