// The line protocol, against what a real influxd reads from it.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { Influxd, influxdInstalled } from '../testing/influxd.ts';
import { encodePoint, encodeSeries } from './line-protocol.ts';

describe('a line', () => {
  test('escapes what would end a name', () => {
    expect(encodeSeries('a b,c', { 'k=1': 'v ,=' })).toBe(String.raw`a\ b\,c,k\=1=v\ \,\=`);
  });
  test('leaves out empty tags, NaN and infinite fields', () => {
    expect(encodeSeries('m', { empty: '', full: 'x' })).toBe('m,full=x');
    expect(encodePoint('m', { a: Number.NaN, b: 1, c: -Infinity }, 5.4)).toBe('m b=1 5400');
  });
  test('is none when no field is left', () => {
    expect(encodePoint('m', { a: Number.NaN }, 5)).toBeUndefined();
  });
  test('tells integers, floats and strings apart', () => {
    expect(encodePoint('m', { i: { integer: 3 }, f: 3, s: String.raw`a"b\c` }, 5)).toBe(
      String.raw`m i=3i,f=3,s="a\"b\\c" 5000`,
    );
  });
  test('cannot be ended by a line break or a backslash in a name', () => {
    expect(encodeSeries('m', { tag: 'a\nb\\' })).toBe(String.raw`m,tag=a\ b/`);
  });
});

const answerSchema = z.object({
  results: z.tuple([
    z.object({
      series: z.array(
        z.object({
          name: z.string(),
          tags: z.record(z.string(), z.string()),
          values: z.array(z.tuple([z.number(), z.number().nullable(), z.number().nullable(), z.string().nullable()])),
        }),
      ),
    }),
  ]),
});

describe.skipIf(!influxdInstalled)('influxd', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await Influxd.start();
    await influxd.query('', 'CREATE DATABASE lines');
  });
  afterAll(() => influxd[Symbol.asyncDispose]());

  test('reads back every measurement, tag, number and text as it was written', async () => {
    const nasty = fc.string({
      unit: fc.constantFrom('a', 'B', '0', ' ', ',', '=', '\\', '"', "'", 'é', '%', '{', '\n'),
      maxLength: 8,
    });
    const double = fc.double({ noNaN: true, noDefaultInfinity: true });
    const point = fc.record({ measurement: nasty, tag: nasty, float: double, integer: fc.integer(), text: nasty });
    let time = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(point, { minLength: 1, maxLength: 40 }), async (points) => {
        // A name starts with a letter here, as all of Weir's do: InfluxDB reads a line that starts with # as a comment.
        const written = points.map((point) => ({ ...point, measurement: `m${point.measurement}`, time: time++ }));
        const lines = written.map(({ measurement, tag, float, integer, text, time }) =>
          encodePoint(
            encodeSeries(measurement, { tag, id: String(time) }),
            { float, integer: { integer }, text },
            time,
          ),
        );
        const answer = await influxd.write('lines', lines.join('\n'));
        expect(answer.status).toBe(204);
        const query = `SELECT "float", "integer", "text" FROM /.*/ WHERE time >= ${written[0]?.time}ms GROUP BY "tag", "id"`;
        const { results } = answerSchema.parse(await influxd.query('lines', query));
        const read = results[0].series.map(({ name, tags, values: [row] }) => ({ name, tag: tags['tag'], row }));
        const expected = written.map(({ measurement, tag, float, integer, text, time }) => ({
          name: sayable(measurement),
          tag: sayable(tag),
          // JavaScript writes -0 as 0.
          row: [time, float + 0, integer, text],
        }));
        expect(byTime(read)).toEqual(byTime(expected));
      }),
      { numRuns: 60 },
    );
  });
});

/** What the format cannot say is changed: see line-protocol.ts. */
function sayable(name: string): string {
  return name.replaceAll('\n', ' ').replaceAll('\\', '/');
}

function byTime<T extends { row: readonly unknown[] | undefined }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => Number(a.row?.[0]) - Number(b.row?.[0]));
}
