// The embedded store, on a real disk.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { statistics } from '@weir/shared/model/pane.ts';
import { baseTime, pane, retraction, tempFolder, tumbling } from '../testing/fixtures.ts';
import { rawReadings, type ReadingRow } from '../testing/raw.ts';
import { SqliteStore } from './sqlite.ts';
import { StoreOutage } from './store.ts';
import { storeSuite } from './store.suite.ts';

const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());

storeSuite('SQLite', () => {
  const file = join(folder.path, 'panes.db');
  return {
    open: () => Promise.resolve(new SqliteStore(file)),
    clear: () => {
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
      return Promise.resolve();
    },
  };
});

test('what was stored before there were other windows than tumbling ones is still there', async () => {
  const file = join(folder.path, 'first.db');
  const database = new DatabaseSync(file);
  database.exec(`
    CREATE TABLE series (
      id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, device TEXT NOT NULL, signal TEXT NOT NULL, window TEXT NOT NULL,
      UNIQUE (gateway, device, signal, window)
    ) STRICT;
    CREATE TABLE panes (
      series INTEGER NOT NULL, start INTEGER NOT NULL, revision INTEGER NOT NULL, count INTEGER NOT NULL,
      accounted INTEGER NOT NULL, mean REAL, min REAL, max REAL, stddev REAL, p50 REAL, p95 REAL, p99 REAL,
      PRIMARY KEY (series, start)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO series VALUES (1, 'line-3', 'press', 'temperature', '10s');
    INSERT INTO panes VALUES (1, ${baseTime}, 2, 10, 9, 1, 2, 3, 4, 5, 6, NULL);
    PRAGMA user_version = 1;
  `);
  database.close();
  const store = new SqliteStore(file);
  const query = {
    gateway: 'line-3',
    device: 'press',
    signal: 'temperature',
    window: '10s',
    from: 0,
    to: 4e12,
    limit: 9,
  };
  const values = { mean: 1, min: 2, max: 3, stddev: 4, p50: 5, p95: 6 };
  expect(await store.panes(query)).toEqual([{ start: baseTime, end: undefined, revision: 2, count: 10, values }]);
  expect(await store.countStored()).toBe(9);
  await store.write({ panes: [{ gateway: 'line-3', pane: retraction(pane()) }], transitions: [] });
  expect(await store.countStored()).toBe(0);
  await store.close();
});

test('whatever sets of statistics come, a pane has those of its latest revision', async () => {
  const store = new SqliteStore(join(folder.path, 'sets.db'));
  const sets = statistics.flatMap((first, at) => statistics.slice(at + 1).map((second) => [first, second]));
  for (const [revision, compute] of sets.entries()) {
    const written = pane({ window: tumbling('10s', 10_000, compute), revision, values: [revision, -revision] });
    await store.write({ panes: [{ gateway: 'line-3', pane: written }], transitions: [] });
  }
  const query = {
    gateway: 'line-3',
    device: 'press',
    signal: 'temperature',
    window: '10s',
    from: 0,
    to: 4e12,
    limit: 9,
  };
  const last = sets.length - 1;
  expect(await store.panes(query)).toMatchObject([{ revision: last, values: { p95: last, p99: -last } }]);
  expect(Object.keys((await store.panes(query))[0]?.values ?? {})).toEqual(['p95', 'p99']);
  await store.close();
});

test('a database that another program holds locked is an outage, and what was tried can be tried again', async () => {
  const file = join(folder.path, 'locked.db');
  const store = new SqliteStore(file, { busyTimeoutMs: 1 });
  const other = new DatabaseSync(file);
  other.exec('BEGIN IMMEDIATE');
  const batch = { panes: [{ gateway: 'line-3', pane: pane() }], transitions: [] };
  await expect(store.write(batch)).rejects.toThrow(StoreOutage);
  other.exec('ROLLBACK');
  other.close();
  expect(await store.write(batch)).toEqual([]);
  expect(await store.countStored()).toBe(10);
  await store.close();
});

test('raw readings older than they are kept go, in slices between which others have their turn', async () => {
  const hour = 3_600_000;
  const now = Date.UTC(2026, 5, 1);
  const store = new SqliteStore(join(folder.path, 'raw.db'), { rawKeepMs: hour, now: () => now });
  const rows = Array.from({ length: 12_000 }, (_, index): ReadingRow => [now - 2 * hour + index * 500, index]);
  for (const device of ['press', 'oven']) {
    const raw = [{ gateway: 'line-3', raw: rawReadings({ device, rows }) }];
    await store.write({ panes: [], transitions: [], raw });
  }
  const old = [{ gateway: 'line-3', raw: rawReadings({ device: 'gone', rows: rows.slice(0, 5) }) }];
  await store.write({ panes: [], transitions: [], raw: old });
  const query = { gateway: 'line-3', signal: 'temperature', from: 0, to: 4e12, limit: 100_000 };
  let turns = 0;
  let trimming = true;
  const others = async (): Promise<void> => {
    for (; trimming; turns++) await new Promise((resolve) => setImmediate(resolve));
  };
  const other = others();
  await store.trimRaw(new AbortController().signal);
  trimming = false;
  await other;
  expect(turns).toBeGreaterThan(4);
  for (const device of ['press', 'oven']) {
    const left = await store.raw({ ...query, device });
    expect(left).toHaveLength(4800);
    expect(left[0]?.time).toBe(now - hour);
  }
  expect(await store.raw({ ...query, device: 'gone' })).toEqual([]);
  const reader = new DatabaseSync(join(folder.path, 'raw.db'), { readOnly: true });
  expect(reader.prepare('SELECT device FROM raw_series').all()).toEqual([{ device: 'press' }, { device: 'oven' }]);
  reader.close();
  // The series it was the last of is forgotten, and known again when it comes back.
  await store.write({ panes: [], transitions: [], raw: [{ gateway: 'line-3', raw: rawReadings({ device: 'gone' }) }] });
  expect(await store.raw({ ...query, device: 'gone' })).toHaveLength(3);
  await store.close();
});

test('trimming ends when the hub does', async () => {
  const store = new SqliteStore(join(folder.path, 'ends.db'), { rawKeepMs: 1 });
  await store.write({ panes: [], transitions: [], raw: [{ gateway: 'line-3', raw: rawReadings() }] });
  await store.trimRaw(AbortSignal.abort());
  const query = { gateway: 'line-3', device: 'press', signal: 'temperature', from: 0, to: 4e12, limit: 9 };
  expect(await store.raw(query)).toHaveLength(3);
  await store.close();
});
