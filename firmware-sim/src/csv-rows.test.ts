// Recorded series as they are found: columns chosen by name, three ways to write a time, and mistakes with their place.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CsvOptions, readRows, type Row } from './csv-rows.ts';

let file = '';

beforeAll(() => {
  file = join(mkdtempSync(join(tmpdir(), 'weir-sim-test-')), 'series.csv');
});

afterAll(() => rmSync(join(file, '..'), { recursive: true }));

async function rows(text: string, options: Omit<CsvOptions, 'file'> = {}): Promise<Row[]> {
  writeFileSync(file, text);
  const found: Row[] = [];
  for await (const row of readRows({ file, ...options })) found.push(row);
  return found;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

describe('a recorded series', () => {
  it('takes the first column as the time and all others as values', async () => {
    expect(await rows('t,hr,steps\n1000,61,5\n2000,62,6\n')).toEqual([
      { timeMs: 1000, values: { hr: 61, steps: 5 } },
      { timeMs: 2000, values: { hr: 62, steps: 6 } },
    ]);
  });

  it('takes the columns that are named, in any place, and renames them', async () => {
    const options = { time: 'when', values: ['value'], rename: { hr: 'value' } };
    expect(await rows('id,value,when\n7,61,1000', options)).toEqual([{ timeMs: 1000, values: { hr: 61 } }]);
  });

  it('reads epoch seconds with a fraction, and ISO times where a missing zone is UTC', async () => {
    expect((await rows('t,v\n1.5,1', { timeUnit: 's' }))[0]?.timeMs).toBe(1500);
    const iso = 't,v\n2014-04-01 00:10:00,1\n2014-04-01T00:10:00Z,1\n2014-04-01T02:10:00+02:00,1\n2014-04-01,1';
    const tenPast = Date.UTC(2014, 3, 1, 0, 10);
    expect((await rows(iso, { timeUnit: 'iso' })).map(({ timeMs }) => timeMs)).toEqual([
      tenPast,
      tenPast,
      tenPast,
      Date.UTC(2014, 3, 1),
    ]);
  });

  it('leaves out empty cells, empty lines, a byte order mark and carriage returns', async () => {
    expect(await rows('\uFEFFt,a,b\r\n\r\n1,,2\r\n2,3\r\n')).toEqual([
      { timeMs: 1, values: { b: 2 } },
      { timeMs: 2, values: { a: 3 } },
    ]);
  });

  it('reads quoted fields with commas and quotes in them', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', ' ', 'é'), maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(field, field, async (before, after) => {
        const text = `note,t,more,v\n${quoted(before)},1000,${quoted(after)},2.5`;
        expect(await rows(text, { time: 't', values: ['v'] })).toEqual([{ timeMs: 1000, values: { v: 2.5 } }]);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ['t,v\n1000,61\n2000,n/a\n', {}, /series\.csv:3:6: "n\/a" is not a number/],
    ['t,v\nyesterday,61\n', {}, /series\.csv:2:1: "yesterday" is not a time in epoch ms/],
    ['t,v\n1000,61\n', { timeUnit: 'iso' as const }, /series\.csv:2:1: "1000" is not an ISO time/],
    ['t,v\n1000,61\n', { values: ['hr'] }, /series\.csv:1:1: there is no column "hr"; columns: t, v/],
    ['t\n1000\n', {}, /no column of values/],
    ['', {}, /the file is empty/],
  ])('says where the mistake is in %j', async (text, options, message) => {
    await expect(rows(text, options)).rejects.toMatchObject({
      code: 'SERIES_INVALID',
      message: expect.stringMatching(message),
    });
  });
});
