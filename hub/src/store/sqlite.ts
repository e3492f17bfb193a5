// The embedded store: `panes.db` in the hub's data folder, for a hub that runs without InfluxDB.
//
// A series (gateway, device, signal, window) is interned to an integer; a pane is one row under (series, start), with one
// column for each statistic Weir knows. Undefined values are NULL. Alert transitions and gateway health are not kept
// here: the hub's own state (hub.db) has them, and nothing reads them from this store.

import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { z } from 'zod';
import { statistics, type Pane } from '@weir/shared/model/pane.ts';
import { diskTrouble, openDatabase, transaction, type DatabaseOptions } from '../state/database.ts';
import { number, type Row } from '../state/rows.ts';
import {
  StoreOutage,
  type OpenStore,
  type PaneQuery,
  type Refused,
  type Store,
  type StoreBatch,
  type StoredPane,
} from './store.ts';

/** `store: { sqlite: true }` */
export const sqliteStore = z.strictObject({ sqlite: z.literal(true) }).transform((): OpenStore => {
  return ({ dataFolder }) => Promise.resolve(new SqliteStore(join(dataFolder, 'panes.db')));
});

const columns = statistics.join(', ');

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
];

export class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #series = new Map<string, number>();
  readonly #findSeries: StatementSync;
  readonly #addSeries: StatementSync;
  readonly #put: StatementSync;
  readonly #panes: StatementSync;
  readonly #count: StatementSync;

  constructor(file: string, options: DatabaseOptions = {}) {
    const database = openDatabase(file, schema, options);
    this.#database = database;
    this.#findSeries = database.prepare(
      'SELECT id FROM series WHERE gateway = ? AND device = ? AND signal = ? AND window = ?',
    );
    this.#addSeries = database.prepare('INSERT INTO series (gateway, device, signal, window) VALUES (?, ?, ?, ?)');
    const restated = ['revision', 'count', ...statistics].map((column) => `${column} = excluded.${column}`);
    this.#put = database.prepare(
      `INSERT INTO panes (series, start, revision, count, accounted, ${columns})
       VALUES (?, ?, ?, ?, ?, ${statistics.map(() => '?').join(', ')})
       ON CONFLICT DO UPDATE SET ${restated.join(', ')},
         accounted = CASE WHEN excluded.accounted > 0 THEN excluded.accounted ELSE accounted END`,
    );
    this.#panes = database.prepare(
      `SELECT start, revision, count, ${columns} FROM panes
       WHERE series = ? AND start >= ? AND start < ? ORDER BY start DESC LIMIT ?`,
    );
    this.#count = database.prepare(
      `SELECT total(accounted) AS accounted FROM panes JOIN series ON series.id = panes.series
       WHERE ?1 IS NULL OR gateway = ?1`,
    );
  }

  write({ panes }: StoreBatch): Promise<Refused[]> {
    return this.#attempt(() => {
      try {
        transaction(this.#database, () => {
          for (const { gateway, pane } of panes) this.#write(gateway, pane);
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

  writeGateways(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  #write(gateway: string, pane: Pane): void {
    const { window, values } = pane;
    const row: (number | null)[] = statistics.map((statistic) => {
      const value = values[window.compute.indexOf(statistic)];
      return value === undefined || !Number.isFinite(value) ? null : value;
    });
    const accounted = pane.fresh > 0 ? pane.count : 0;
    this.#put.run(this.#seriesId(gateway, pane), Math.round(pane.start), pane.revision, pane.count, accounted, ...row);
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
  #attempt<T>(work: () => T): Promise<T> {
    try {
      return Promise.resolve(work());
    } catch (error) {
      const trouble = diskTrouble(error);
      return Promise.reject(
        trouble === undefined ? error : new StoreOutage(`the disk of panes.db: ${trouble}`, { cause: error }),
      );
    }
  }
}

function toStored(row: Row): StoredPane {
  const defined = statistics.filter((statistic) => row[statistic] !== null);
  return {
    start: number(row, 'start'),
    count: number(row, 'count'),
    revision: number(row, 'revision'),
    values: Object.fromEntries(defined.map((statistic) => [statistic, number(row, statistic)])),
  };
}
