// What could not be stored, kept whole, so that it can be stored later: by a hub that knows more, or when the store takes
// it. Rows are listed, retried and dropped by `weir-hub quarantine`, also while the hub runs: a retry is only asked for
// here, and the ingest, the only one who writes to the store, sees to it (../ingest/retry.ts).
//
// Bounded: the oldest rows go first. Their readings stay counted as quarantined in the cursors, whatever becomes of a row,
// until a retry has stored them.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { lanes } from '@weir/shared/wire/topics.ts';
import type { CursorKey } from './cursors.ts';
import { bytesOrNull, number, text, type Row } from './rows.ts';

/** A whole batch as it came, one entry of it, or, as a Frame, what the store or the hub refused of one. */
export const quarantineKinds = ['batch', 'frame', 'refused'] as const;

export type QuarantineKind = (typeof quarantineKinds)[number];

export interface Quarantined extends CursorKey {
  readonly kind: QuarantineKind;
  readonly reason: string;
  /** Of the lane's readings, those that count as quarantined because of it. */
  readonly readings: number;
  readonly payload: Uint8Array;
}

export interface QuarantineRow {
  readonly id: number;
  readonly timeMs: number;
  readonly gateway: string;
  readonly lane: string;
  readonly kind: string;
  readonly reason: string;
  readonly readings: number;
  /** Bytes. */
  readonly size: number;
  /** It is kept whole: a retry can be tried. */
  readonly whole: boolean;
  /** A retry is asked for. */
  readonly asked: boolean;
}

/** One that is to be tried again. */
export interface Asked extends Quarantined {
  readonly id: number;
}

const maxRows = 10_000;
const maxBytes = 64 * 1024 * 1024;
const maxPayloadBytes = 1024 * 1024;
const maxReason = 500;

const listed = 'id, time_ms, gateway, lane, kind, reason, readings, size, payload IS NOT NULL AS whole, retry';

export class Quarantine {
  readonly #add: StatementSync;
  readonly #trimRows: StatementSync;
  readonly #bytes: StatementSync;
  readonly #oldest: StatementSync;
  readonly #rows: StatementSync;
  readonly #ask: StatementSync;
  readonly #isAsked: StatementSync;
  readonly #asked: StatementSync;
  readonly #remove: StatementSync;
  readonly #replace: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      `INSERT INTO quarantine (time_ms, gateway, incarnation, lane, kind, reason, readings, size, payload)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trimRows = database.prepare(
      `DELETE FROM quarantine WHERE id <= (SELECT id FROM quarantine ORDER BY id DESC LIMIT 1 OFFSET ${maxRows})`,
    );
    this.#bytes = database.prepare('SELECT total(length(payload)) AS bytes FROM quarantine');
    this.#oldest = database.prepare('DELETE FROM quarantine WHERE id = (SELECT min(id) FROM quarantine)');
    this.#rows = database.prepare(`SELECT ${listed} FROM quarantine WHERE ?1 IS NULL OR gateway = ?1 ORDER BY id DESC`);
    this.#ask = database.prepare('UPDATE quarantine SET retry = 1 WHERE id = ? AND payload IS NOT NULL');
    this.#isAsked = database.prepare('SELECT id FROM quarantine WHERE retry = 1 LIMIT 1');
    this.#asked = database.prepare('SELECT * FROM quarantine WHERE retry = 1 ORDER BY id LIMIT 1');
    this.#remove = database.prepare('DELETE FROM quarantine WHERE id = ?');
    this.#replace = database.prepare(
      'UPDATE quarantine SET retry = 0, kind = ?, reason = ?, readings = ?, size = ?, payload = ? WHERE id = ?',
    );
  }

  /** Run inside a transaction. */
  add(rows: readonly Quarantined[], nowMs: number): void {
    if (rows.length === 0) return;
    for (const { gateway, incarnation, lane, kind, reason, readings, payload } of rows) {
      const kept = payload.length <= maxPayloadBytes ? payload : null;
      const why = reason.slice(0, maxReason);
      this.#add.run(nowMs, gateway, incarnation, lane, kind, why, readings, payload.length, kept);
    }
    this.#trimRows.run();
    while (number(this.#bytes.get() ?? {}, 'bytes') > maxBytes) this.#oldest.run();
  }

  /** Newest first. */
  rows(gateway?: string): QuarantineRow[] {
    return this.#rows.all(gateway ?? null).map((row) => ({
      id: number(row, 'id'),
      timeMs: number(row, 'time_ms'),
      gateway: text(row, 'gateway'),
      lane: text(row, 'lane'),
      kind: text(row, 'kind'),
      reason: text(row, 'reason'),
      readings: number(row, 'readings'),
      size: number(row, 'size'),
      whole: number(row, 'whole') === 1,
      asked: number(row, 'retry') === 1,
    }));
  }

  /** Asks the running hub to try a row again. @returns false when there is none that could be */
  ask(id: number): boolean {
    return this.#ask.run(id).changes === 1;
  }

  /** Whether a retry is asked for of any row. */
  isAsked(): boolean {
    return this.#isAsked.get() !== undefined;
  }

  /** The oldest row a retry is asked for. */
  nextAsked(): Asked | undefined {
    const row = this.#asked.get();
    return row === undefined ? undefined : toAsked(row);
  }

  /** @returns false when it is gone already */
  remove(id: number): boolean {
    return this.#remove.run(id).changes === 1;
  }

  /** It was tried again, and this is what is left of it. @returns false when it is gone */
  keep(id: number, { kind, reason, readings, payload }: Omit<Quarantined, keyof CursorKey>): boolean {
    const why = reason.slice(0, maxReason);
    return this.#replace.run(kind, why, readings, payload.length, payload, id).changes === 1;
  }
}

function toAsked(row: Row): Asked {
  const [name, laneName] = [text(row, 'kind'), text(row, 'lane')];
  const kind = quarantineKinds.find((known) => known === name);
  const lane = lanes.find((known) => known === laneName);
  const payload = bytesOrNull(row, 'payload');
  if (kind === undefined || lane === undefined || payload === null)
    throw new TypeError(`quarantine of a kind that cannot be retried: ${name}`);
  return {
    id: number(row, 'id'),
    gateway: text(row, 'gateway'),
    incarnation: text(row, 'incarnation'),
    lane,
    kind,
    reason: text(row, 'reason'),
    readings: number(row, 'readings'),
    payload,
  };
}
