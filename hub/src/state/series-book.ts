// Which series there are, which windows each has panes of, and the unit of each signal: what the page offers to choose.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Pane } from '@weir/shared/model/pane.ts';
import { number, text } from './rows.ts';

export interface SeriesEntry {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  readonly unit: string;
  /** Shortest first. */
  readonly windows: readonly { readonly id: string; readonly sizeMs: number; readonly compute: readonly string[] }[];
}

/** Of (series, window) pairs. A gateway that makes up device names cannot exhaust the hub's memory. */
const maxEntries = 500_000;

export class SeriesBook {
  readonly #known = new Map<string, string>();
  readonly #put: StatementSync;
  readonly #all: StatementSync;
  readonly #compute: StatementSync;
  readonly #putUnit: StatementSync;

  constructor(database: DatabaseSync) {
    this.#put = database.prepare(
      `INSERT INTO series (gateway, device, signal, window, size_ms, compute) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET size_ms = excluded.size_ms, compute = excluded.compute`,
    );
    this.#all = database.prepare(
      `SELECT gateway, device, signal, window, size_ms, compute, coalesce(unit, '') AS unit
       FROM series LEFT JOIN units USING (gateway, signal) ORDER BY gateway, device, signal, size_ms`,
    );
    this.#compute = database.prepare(
      'SELECT compute FROM series WHERE gateway = ? AND device = ? AND signal = ? AND window = ?',
    );
    this.#putUnit = database.prepare(
      'INSERT INTO units (gateway, signal, unit) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET unit = excluded.unit',
    );
    this.reload();
  }

  /** After a transaction that was undone: what is known is what the table has. */
  reload(): void {
    this.#known.clear();
    for (const { gateway, device, signal, windows } of this.all()) {
      for (const { id, sizeMs, compute } of windows)
        this.#known.set(key(gateway, device, signal, id), shape(sizeMs, compute));
    }
  }

  /** @returns false when the book is full and the series is not in it: its panes are not taken */
  admits(gateway: string, { series, window }: Pane): boolean {
    return this.#known.size < maxEntries || this.#known.has(key(gateway, series.device, series.signal, window.id));
  }

  /** Run inside a transaction; cheap when nothing is new. */
  record(gateway: string, { series, window }: Pane): void {
    const name = key(gateway, series.device, series.signal, window.id);
    const described = shape(window.sizeMs, window.compute);
    if (this.#known.get(name) === described) return;
    this.#put.run(gateway, series.device, series.signal, window.id, window.sizeMs, window.compute.join(','));
    this.#known.set(name, described);
  }

  recordUnit(gateway: string, signal: string, unit: string): void {
    this.#putUnit.run(gateway, signal, unit);
  }

  /** What a window of a series computes, in the order of `statistics`; empty when there is no such series. */
  computeOf(gateway: string, device: string, signal: string, window: string): string[] {
    const row = this.#compute.get(gateway, device, signal, window);
    return row === undefined ? [] : split(text(row, 'compute'));
  }

  all(): SeriesEntry[] {
    const entries = new Map<string, SeriesEntry & { windows: { id: string; sizeMs: number; compute: string[] }[] }>();
    for (const row of this.#all.all()) {
      const names = { gateway: text(row, 'gateway'), device: text(row, 'device'), signal: text(row, 'signal') };
      const name = key(names.gateway, names.device, names.signal, '');
      let entry = entries.get(name);
      if (entry === undefined) entries.set(name, (entry = { ...names, unit: text(row, 'unit'), windows: [] }));
      const window = { id: text(row, 'window'), sizeMs: number(row, 'size_ms'), compute: split(text(row, 'compute')) };
      entry.windows.push(window);
    }
    return [...entries.values()];
  }

  get size(): number {
    return this.#known.size;
  }
}

function key(gateway: string, device: string, signal: string, window: string): string {
  return `${gateway}/${device}/${signal}/${window}`;
}

function shape(sizeMs: number, compute: readonly string[]): string {
  return `${sizeMs}:${compute.join(',')}`;
}

function split(compute: string): string[] {
  return compute === '' ? [] : compute.split(',');
}
