// Raw readings in the embedded store: a row each, under (series, event time), beside the panes in panes.db.
//
// What is older than it is kept goes in slices of its own transactions, and between two of them everything else has its
// turn: a retention of days may fall due at once when the setting is made shorter.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as yieldToIo } from 'node:timers/promises';
import { qualities } from '@weir/shared/model/quality.ts';
import { transaction } from '../state/database.ts';
import { number, numberOrNull, type Row } from '../state/rows.ts';
import { storedStart, type GatewayRaw, type RawQuery, type StoredReading } from './store.ts';

export const rawSchema = `
  CREATE TABLE raw_series (
    id INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL, device TEXT NOT NULL, signal TEXT NOT NULL,
    UNIQUE (gateway, device, signal)
  ) STRICT;
  CREATE TABLE raw_readings (
    series INTEGER NOT NULL, time REAL NOT NULL, -- epoch milliseconds, to the microsecond
    value REAL, quality INTEGER NOT NULL, -- place in shared/src/model/quality.ts
    PRIMARY KEY (series, time)
  ) STRICT, WITHOUT ROWID;
`;

/** Rows deleted at a time: few enough that nothing else waits long. */
const sliceRows = 1000;

export interface RawRetention {
  readonly keepMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export class SqliteRaw {
  readonly #database: DatabaseSync;
  readonly #retention: RawRetention;
  readonly #findSeries: StatementSync;
  readonly #addSeries: StatementSync;
  readonly #nextSeries: StatementSync;
  readonly #dropEmptySeries: StatementSync;
  readonly #put: StatementSync;
  readonly #read: StatementSync;
  readonly #deleteSlice: StatementSync;

  constructor(database: DatabaseSync, retention: RawRetention) {
    this.#database = database;
    this.#retention = retention;
    this.#findSeries = database.prepare('SELECT id FROM raw_series WHERE gateway = ? AND device = ? AND signal = ?');
    this.#addSeries = database.prepare('INSERT INTO raw_series (gateway, device, signal) VALUES (?, ?, ?)');
    this.#nextSeries = database.prepare('SELECT min(id) AS id FROM raw_series WHERE id > ?');
    this.#dropEmptySeries = database.prepare(
      'DELETE FROM raw_series WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM raw_readings WHERE series = ?1)',
    );
    this.#put = database.prepare(
      `INSERT INTO raw_readings (series, time, value, quality) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET value = excluded.value, quality = excluded.quality`,
    );
    this.#read = database.prepare(
      `SELECT time, value, quality FROM raw_readings
       WHERE series = ? AND time >= ? AND time < ? ORDER BY time DESC LIMIT ?`,
    );
    this.#deleteSlice = database.prepare(
      `DELETE FROM raw_readings WHERE series = ?1 AND time IN (
         SELECT time FROM raw_readings WHERE series = ?1 AND time < ?2 ORDER BY time LIMIT ${sliceRows})`,
    );
  }

  /** Run inside a transaction. */
  write({ gateway, raw: { series, times, values, qualities: marks } }: GatewayRaw): void {
    if (times.length === 0) return;
    const id = this.#seriesId(gateway, series);
    for (const [index, time] of times.entries()) {
      const value = values[index];
      const mark = marks[index] ?? 'good';
      const kept = value !== undefined && Number.isFinite(value) ? value : null;
      this.#put.run(id, storedStart(time), kept, qualities.indexOf(mark));
    }
  }

  read({ gateway, device, signal, from, to, limit }: RawQuery): StoredReading[] {
    const series = this.#findSeries.get(gateway, device, signal);
    if (series === undefined) return [];
    return this.#read.all(number(series, 'id'), from, to, limit).map(toReading).toReversed();
  }

  async trim(signal: AbortSignal): Promise<void> {
    const before = this.#retention.now() - this.#retention.keepMs;
    for (let series = this.#seriesAfter(0); series !== undefined; series = this.#seriesAfter(series)) {
      for (let deleted = sliceRows; deleted === sliceRows;) {
        if (signal.aborted) return;
        deleted = this.#trimSlice(series, before);
        await yieldToIo();
      }
    }
  }

  #trimSlice(series: number, before: number): number {
    return transaction(this.#database, () => {
      const deleted = Number(this.#deleteSlice.run(series, before).changes);
      if (deleted < sliceRows) this.#dropEmptySeries.run(series);
      return deleted;
    });
  }

  #seriesAfter(id: number): number | undefined {
    return numberOrNull(this.#nextSeries.get(id) ?? { id: null }, 'id') ?? undefined;
  }

  #seriesId(gateway: string, { device, signal }: { device: string; signal: string }): number {
    const row = this.#findSeries.get(gateway, device, signal);
    return row === undefined ? Number(this.#addSeries.run(gateway, device, signal).lastInsertRowid) : number(row, 'id');
  }
}

function toReading(row: Row): StoredReading {
  return {
    time: number(row, 'time'),
    value: numberOrNull(row, 'value') ?? undefined,
    quality: qualities[number(row, 'quality')] ?? 'bad',
  };
}
