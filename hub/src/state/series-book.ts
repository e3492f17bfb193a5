// Which series there are, which windows each has panes of, and the unit of each signal: what the page offers to choose.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { nominalSizeMs, stepMs, type Pane } from '@weir/shared/model/pane.ts';
import { number, text, type Row } from './rows.ts';

export interface WindowEntry {
  readonly id: string;
  /** tumbling, hopping, session or count. */
  readonly kind: string;
  /** Length of its windows; 0 where it is not fixed. */
  readonly sizeMs: number;
  /** From one start to the next; 0 where it is not fixed. */
  readonly stepMs: number;
  readonly compute: readonly string[];
}

export interface SeriesEntry {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  readonly unit: string;
  /** Shortest first, those of no fixed length last. */
  readonly windows: readonly WindowEntry[];
}

/** Of (series, window) pairs. A gateway that makes up device names cannot exhaust the hub's memory. */
const maxEntries = 500_000;

export class SeriesBook {
  /** What is in the table, as text, by series and window. */
  readonly #known = new Map<string, string>();
  readonly #described = new WeakMap<Pane['window'], string>();
  readonly #put: StatementSync;
  readonly #all: StatementSync;
  readonly #find: StatementSync;
  readonly #putUnit: StatementSync;

  constructor(database: DatabaseSync) {
    this.#put = database.prepare(
      `INSERT INTO series (gateway, device, signal, window, kind, size_ms, step_ms, compute)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET kind = excluded.kind, size_ms = excluded.size_ms, step_ms = excluded.step_ms,
         compute = excluded.compute`,
    );
    const columns = 'window, kind, size_ms, step_ms, compute';
    this.#all = database.prepare(
      `SELECT gateway, device, signal, ${columns}, coalesce(unit, '') AS unit
       FROM series LEFT JOIN units USING (gateway, signal)
       ORDER BY gateway, device, signal, size_ms = 0, size_ms, window`,
    );
    this.#find = database.prepare(
      `SELECT ${columns} FROM series WHERE gateway = ? AND device = ? AND signal = ? AND window = ?`,
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
      for (const window of windows) this.#known.set(key(gateway, device, signal, window.id), describe(window));
    }
  }

  /** @returns false when the book is full and the series is not in it: its panes are not taken */
  admits(gateway: string, { series, window }: Pane): boolean {
    return this.#known.size < maxEntries || this.#known.has(key(gateway, series.device, series.signal, window.id));
  }

  /** Run inside a transaction; cheap when nothing is new. */
  record(gateway: string, { series: { device, signal }, window }: Pane): void {
    const { id, compute } = window;
    const name = key(gateway, device, signal, id);
    const described = this.#describe(window);
    if (this.#known.get(name) === described) return;
    const { kind, sizeMs, stepMs: step } = entryOf(window);
    this.#put.run(gateway, device, signal, id, kind, sizeMs, step, compute.join(','));
    this.#known.set(name, described);
  }

  /** The panes of one block share their window. */
  #describe(window: Pane['window']): string {
    let described = this.#described.get(window);
    if (described === undefined) this.#described.set(window, (described = describe(entryOf(window))));
    return described;
  }

  recordUnit(gateway: string, signal: string, unit: string): void {
    this.#putUnit.run(gateway, signal, unit);
  }

  /** @returns undefined when there is no such series, or none of such a window */
  find(gateway: string, device: string, signal: string, window: string): WindowEntry | undefined {
    const row = this.#find.get(gateway, device, signal, window);
    return row === undefined ? undefined : toWindow(row);
  }

  all(): SeriesEntry[] {
    const entries = new Map<string, SeriesEntry & { windows: WindowEntry[] }>();
    for (const row of this.#all.all()) {
      const names = { gateway: text(row, 'gateway'), device: text(row, 'device'), signal: text(row, 'signal') };
      const name = key(names.gateway, names.device, names.signal, '');
      let entry = entries.get(name);
      if (entry === undefined) entries.set(name, (entry = { ...names, unit: text(row, 'unit'), windows: [] }));
      entry.windows.push(toWindow(row));
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

function entryOf({ id, shape, compute }: Pane['window']): WindowEntry {
  return { id, kind: shape.kind, sizeMs: nominalSizeMs(shape), stepMs: stepMs(shape), compute };
}

function describe({ kind, sizeMs, stepMs, compute }: WindowEntry): string {
  return `${kind}:${sizeMs}:${stepMs}:${compute.join(',')}`;
}

function toWindow(row: Row): WindowEntry {
  const compute = text(row, 'compute');
  return {
    id: text(row, 'window'),
    kind: text(row, 'kind'),
    sizeMs: number(row, 'size_ms'),
    stepMs: number(row, 'step_ms'),
    compute: compute === '' ? [] : compute.split(','),
  };
}
