// The Parquet files in fixtures/ were written by Apache Arrow: six rows in two row groups.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readRows, type NumberedRow } from './rows.ts';

async function all(path: string): Promise<NumberedRow[]> {
  const rows: NumberedRow[] = [];
  for await (const row of readRows(path)) rows.push(row);
  return rows;
}

describe('a Parquet file', () => {
  it.each(['snappy', 'zstd', 'gzip', 'brotli'])('compressed by %s gives its rows', async (compression) => {
    const rows = await all(join(import.meta.dirname, 'fixtures', `${compression}.parquet`));
    expect(rows.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(rows.map(({ row }) => row)).toEqual(
      [20.5, 21, null, 22, 22.5, 23].map((temp, index) => ({
        time: `2024-01-01T00:00:0${index}.000Z`,
        temp,
        count: index,
        device: index % 2 === 0 ? 'a' : 'b',
      })),
    );
  });

  it('that is none is refused', async () => {
    await expect(all(join(import.meta.dirname, 'fixtures', 'none.parquet'))).rejects.toThrow('ENOENT');
  });
});
