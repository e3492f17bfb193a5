// The embedded store, on a real disk.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { pane, tempFolder } from '../testing/fixtures.ts';
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
