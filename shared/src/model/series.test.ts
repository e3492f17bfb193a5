import { expect, test } from 'vitest';
import { SeriesTable, type SeriesId } from './series.ts';

test('the same names give the same series, other names another, numbered from 0', () => {
  const table = new SeriesTable(10);
  const first = table.intern('oven', 'temperature');
  expect(first).toStrictEqual({ id: 0, device: 'oven', signal: 'temperature' });
  expect(table.intern('oven', 'pressure')?.id).toBe(1);
  expect(table.intern('press', 'temperature')?.id).toBe(2);
  expect(table.intern('oven', 'temperature')).toBe(first);
  expect(table.all().map(({ id }) => id)).toStrictEqual([0, 1, 2]);
});

test('a full table knows its series and makes no new ones', () => {
  const table = new SeriesTable(1);
  const first = table.intern('a', 't');
  expect(table.intern('b', 't')).toBeUndefined();
  expect(table.intern('a', 'u')).toBeUndefined();
  expect(table.intern('a', 't')).toBe(first);
  expect(table.size).toBe(1);
});

test('a series that was never interned is an error', () => {
  expect(() => new SeriesTable(1).at(0 as SeriesId)).toThrow(RangeError);
});
