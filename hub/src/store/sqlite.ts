// The embedded store: `panes.db` in the hub's data folder, for a hub that runs without InfluxDB.
//
// A series (gateway, device, signal, window) is interned to an integer; a pane is one row under (series, start), with one
// column for each statistic Weir knows. Undefined values are NULL. Raw readings have tables of their own (sqlite-raw.ts). Alert transitions and gateway health are not kept
// here: the hub's own state (hub.db) has them, and nothing reads them from this store.

import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import * as z from 'zod';
import { statistics, type Pane, type Statistic } from '@weir/shared/model/pane.ts';
import { diskTrouble, openDatabase, transaction, type DatabaseOptions } from '../state/database.ts';
import { number, numberOrNull, type Row } from '../state/rows.ts';
import { rawSchema, SqliteRaw } from './sqlite-raw.ts';
import {
  defaultRawKeepMs,
  storedEnd,
  storedStart,
  StoreOutage,
  type GatewayPane,
  type OpenStore,
  type PaneQuery,
  type RawQuery,
  type Refused,
  type Store,
  type StoreBatch,
  type StoredPane,
  type StoredReading,
} from './store.ts';

/** `store: { sqlite: true }` */
export const sqliteStore = z.strictObject({ sqlite: z.literal(true) }).transform((): OpenStore => {
  return ({ dataFolder, rawKeepMs, clock }) =>
    Promise.resolve(new SqliteStore(join(dataFolder, 'panes.db'), { rawKeepMs, now: () => clock.now() }));
});

const columns = statistics.map(quoted);

/** The ends of the series that are written to have room in it. */
const cacheBytes = 32 * 1024 * 1024;

/** Gateways choose what is computed, and must not fill the hub's memory with it. */
const maxPuts = 100;

const schema = [
  `
  CREATE TABLE series (
    id INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL, device TEXT NOT NULL, signal TEXT NOT NULL, window TEXT NOT NULL,
    UNIQUE (gateway, device, signal, window)
  ) STRICT;
  CREATE TABLE panes (
    series INTEGER NOT NULL, start INTEGER NOT NULL, -- epoch milliseconds
    revision INTEGER NOT NULL, count INTEGER NOT NULL,
    accounted INTEGER NOT NULL, -- count, in panes that reported fresh readings; 0 in the others
    mean REAL, min REAL, max REAL, stddev REAL, p50 REAL, p95 REAL, p99 REAL,
    PRIMARY KEY (series, start)
  ) STRICT, WITHOUT ROWID;
  `,
  // Starts between two milliseconds, ends, more statistics.
  `
  CREATE TABLE panes_2 (
    series INTEGER NOT NULL, start REAL NOT NULL, -- epoch milliseconds, to the microsecond
    "end" INTEGER, -- NULL where the window's length says it
    revision INTEGER NOT NULL, count INTEGER NOT NULL,
    accounted INTEGER NOT NULL,
    "sum" REAL, "mean" REAL, "stddev" REAL, "variance" REAL, "rms" REAL, "min" REAL, "max" REAL, "range" REAL,
    "first" REAL, "last" REAL, "time_mean" REAL, "integral" REAL, "duty" REAL, "increase" REAL, "rate" REAL,
    "changes" REAL, "duration" REAL, "completeness" REAL, "uncertain" REAL,
    "p5" REAL, "p25" REAL, "p50" REAL, "p75" REAL, "p90" REAL, "p95" REAL, "p99" REAL,
    PRIMARY KEY (series, start)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO panes_2 (series, start, revision, count, accounted, mean, min, max, stddev, p50, p95, p99)
    SELECT series, start, revision, count, accounted, mean, min, max, stddev, p50, p95, p99 FROM panes;
  DROP TABLE panes;
  ALTER TABLE panes_2 RENAME TO panes;
  `,
  rawSchema,
];

export interface SqliteStoreOptions extends DatabaseOptions {
  readonly rawKeepMs?: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

/** A pane and its key in the table. */
interface Placed {
  readonly pane: Pane;
  readonly series: number;
  readonly start: number;
}

export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #series = new Map<string, number>();
  readonly #findSeries: StatementSync;
  readonly #addSeries: StatementSync;
  /** What writes a pane, by the statistics it has: binding columns that are empty anyway is half the work. */
  readonly #puts = new Map<string, StatementSync>();
  readonly #delete: StatementSync;
  readonly #panes: StatementSync;
  readonly #count: StatementSync;
  readonly #raw: SqliteRaw;

  constructor(file: string, { rawKeepMs = defaultRawKeepMs, now = Date.now, ...options }: SqliteStoreOptions = {}) {
    const database = openDatabase(file, schema, { cacheBytes, ...options });
    this.#database = database;
    this.#raw = new SqliteRaw(database, { keepMs: rawKeepMs, now });
    this.#findSeries = database.prepare(
      'SELECT id FROM series WHERE gateway = ? AND device = ? AND signal = ? AND window = ?',
    );
    this.#addSeries = database.prepare('INSERT INTO series (gateway, device, signal, window) VALUES (?, ?, ?, ?)');
    this.#delete = database.prepare('DELETE FROM panes WHERE series = ? AND start = ?');
    this.#panes = database.prepare(
      `SELECT start, "end", revision, count, ${columns.join(', ')} FROM panes
       WHERE series = ? AND start >= ? AND start < ? ORDER BY start DESC LIMIT ?`,
    );
    this.#count = database.prepare(
      `SELECT total(accounted) AS accounted FROM panes JOIN series ON series.id = panes.series
       WHERE ?1 IS NULL OR gateway = ?1`,
    );
  }

  write({ panes, raw = [] }: StoreBatch): Promise<Refused[]> {
    return this.#attempt(() => {
      try {
        transaction(this.#database, () => {
          for (const row of this.#inTableOrder(panes)) this.#write(row);
          for (const block of raw) this.#raw.write(block);
        });
      } catch (error) {
        // Ids given out inside the transaction are gone with it.
        this.#series.clear();
        throw error;
      }
      return [];
    });
  }

  panes({ gateway, device, signal, window, from, to, limit }: PaneQuery): Promise<StoredPane[]> {
    return this.#attempt(() => {
      const row = this.#findSeries.get(gateway, device, signal, window);
      if (row === undefined) return [];
      return this.#panes.all(number(row, 'id'), from, to, limit).map(toStored).toReversed();
    });
  }

  countStored(gateway?: string): Promise<number> {
    return this.#attempt(() => number(this.#count.get(gateway ?? null) ?? {}, 'accounted'));
  }

  raw(query: RawQuery): Promise<StoredReading[]> {
    return this.#attempt(() => this.#raw.read(query));
  }

  trimRaw(signal: AbortSignal): Promise<void> {
    return this.#attempt(() => this.#raw.trim(signal));
  }

  writeGateways(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  /** Rows that are neighbours one after the other: half the work. What is written to one key stays in its order. */
  #inTableOrder(panes: readonly GatewayPane[]): Placed[] {
    const placed = panes.map(({ gateway, pane }): Placed => {
      return { pane, series: this.#seriesId(gateway, pane), start: storedStart(pane.start) };
    });
    return placed.sort((a, b) => a.series - b.series || a.start - b.start);
  }

  #write({ pane, series, start }: Placed): void {
    const { window, values, revision, count, accounted } = pane;
    if (pane.retracted) {
      this.#delete.run(series, start);
      return;
    }
    const row = window.compute.map((_, index) => {
      const value = values[index];
      return value === undefined || !Number.isFinite(value) ? null : value;
    });
    this.#putOf(window.compute).run(series, start, storedEnd(pane) ?? null, revision, count, accounted, ...row);
  }

  #putOf(compute: readonly Statistic[]): StatementSync {
    const key = compute.join(' ');
    const known = this.#puts.get(key);
    if (known !== undefined) return known;
    if (this.#puts.size >= maxPuts) this.#puts.clear();
    const given = ['series', 'start', '"end"', 'revision', 'count', 'accounted', ...compute.map(quoted)];
    // What a later revision does not have is not there any more.
    const restated = ['"end"', 'revision', 'count', ...columns].map((column) => `${column} = excluded.${column}`);
    const put = this.#database.prepare(
      `INSERT INTO panes (${given.join(', ')}) VALUES (${given.map(() => '?').join(', ')})
       ON CONFLICT DO UPDATE SET ${restated.join(', ')},
         accounted = CASE WHEN excluded.accounted > 0 THEN excluded.accounted ELSE accounted END`,
    );
    this.#puts.set(key, put);
    return put;
  }

  #seriesId(gateway: string, { series: { device, signal }, window }: Pane): number {
    const key = `${gateway}/${device}/${signal}/${window.id}`;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const row = this.#findSeries.get(gateway, device, signal, window.id);
    const id =
      row === undefined
        ? Number(this.#addSeries.run(gateway, device, signal, window.id).lastInsertRowid)
        : number(row, 'id');
    this.#series.set(key, id);
    return id;
  }

  /** As a promise, and with a full or failing disk told as an outage. */
  async #attempt<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const trouble = diskTrouble(error);
      throw trouble === undefined ? error : new StoreOutage(`the disk of panes.db: ${trouble}`, { cause: error });
    }
  }
}

/** Among the statistics are words of SQL. */
function quoted(statistic: Statistic): string {
  return `"${statistic}"`;
}

function toStored(row: Row): StoredPane {
  const defined = statistics.filter((statistic) => row[statistic] !== null);
  return {
    start: number(row, 'start'),
    end: numberOrNull(row, 'end') ?? undefined,
    count: number(row, 'count'),
    revision: number(row, 'revision'),
    values: Object.fromEntries(defined.map((statistic) => [statistic, number(row, statistic)])),
  };
}
