// Opening a SQLite file the way the hub needs it: durable at commit, readable by another process, versioned.
//
// WAL with synchronous=FULL: a commit that returned survives a power cut, and `weir-hub gateway add` may write while the
// hub runs. The schema's version is PRAGMA user_version: entry n of `steps` takes a file from version n to n + 1.

import { DatabaseSync } from 'node:sqlite';
import { HubError, messageOf } from '../errors.ts';

export interface DatabaseOptions {
  /** How long to wait for another program's write to end. It blocks this one. */
  readonly busyTimeoutMs?: number;
  /** How much of the file is kept in memory. Default 2 MB. */
  readonly cacheBytes?: number;
}

/** Of the write-ahead log before it is written into the file: each page that changed meanwhile is written there once. */
const checkpointPages = 4000;

/** @throws HubError */
export function openDatabase(file: string, steps: readonly string[], options: DatabaseOptions = {}): DatabaseSync {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(file, { timeout: options.busyTimeoutMs ?? 2000 });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    database.exec(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
    if (options.cacheBytes !== undefined) database.exec(`PRAGMA cache_size = ${-Math.ceil(options.cacheBytes / 1024)}`);
  } catch (error) {
    throw new HubError('WEIR_HUB_DATA', `${file} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
  try {
    // Locked before the version is read: two programs may open a new file at the same time.
    transaction(database, () => upgrade(database, file, steps));
  } catch (error) {
    database.close();
    throw error;
  }
  return database;
}

/** All of `work` or nothing of it, durable when it returns. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk rolls back by itself; a second rollback would hide why.
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Codes of SQLite that mean trouble outside this program: what was tried may work later. */
const outsideTrouble = new Map([
  [5, 'busy'],
  [6, 'locked'],
  [7, 'out of memory'],
  [8, 'read-only'],
  [10, 'disk I/O error'],
  [13, 'disk full'],
  [14, 'cannot be opened'],
]);

/** @returns what is wrong with the disk, or undefined when the error is a bug of ours */
export function diskTrouble(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  // The primary code is the low byte of the extended one.
  const kind = outsideTrouble.get(error.errcode & 0xff);
  return kind === undefined ? undefined : `${kind}: ${error.message}`;
}

function upgrade(database: DatabaseSync, file: string, steps: readonly string[]): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
  if (version > steps.length) {
    throw new HubError(
      'WEIR_HUB_DATA',
      `${file} was written by a newer Weir (schema ${version}, this one knows ${steps.length}): update weir-hub`,
    );
  }
  for (const step of steps.slice(version)) database.exec(step);
  database.exec(`PRAGMA user_version = ${steps.length}`);
}
