// Entries that never came, so that a hole in a lane is a row of the ledger and not a silence. The oldest rows go; what the
// gaps of a gateway cost in readings stays in its cursors, as what was reported and is neither stored nor quarantined.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { CursorKey } from './cursors.ts';
import { number, text } from './rows.ts';

/** Entries of a lane that were never seen: the gateway evicted them or its disk lost them, or the hub lost its cursor. */
export interface Gap extends CursorKey {
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Readings their panes reported for the first time. */
  readonly readings: number;
}

export interface NotedGap extends Omit<Gap, 'gateway' | 'lane'> {
  readonly lane: string;
  /** Hub's clock. */
  readonly timeMs: number;
}

const maxRows = 1000;

export class Gaps {
  readonly #add: StatementSync;
  readonly #trim: StatementSync;
  readonly #of: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      `INSERT INTO gaps (time_ms, gateway, incarnation, lane, first_seq, last_seq, readings)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#trim = database.prepare('DELETE FROM gaps WHERE id <= ?');
    this.#of = database.prepare('SELECT * FROM gaps WHERE gateway = ? ORDER BY id DESC LIMIT ?');
    this.#count = database.prepare('SELECT count(*) AS gaps FROM gaps WHERE gateway = ?');
  }

  /** Run inside a transaction. */
  note({ gateway, incarnation, lane, firstSeq, lastSeq, readings }: Gap, nowMs: number): void {
    const { lastInsertRowid } = this.#add.run(nowMs, gateway, incarnation, lane, firstSeq, lastSeq, readings);
    this.#trim.run(Number(lastInsertRowid) - maxRows);
  }

  count(gateway: string): number {
    return number(this.#count.get(gateway) ?? {}, 'gaps');
  }

  /** Newest first. */
  of(gateway: string, limit = maxRows): NotedGap[] {
    return this.#of.all(gateway, limit).map((row) => ({
      incarnation: text(row, 'incarnation'),
      lane: text(row, 'lane'),
      firstSeq: number(row, 'first_seq'),
      lastSeq: number(row, 'last_seq'),
      readings: number(row, 'readings'),
      timeMs: number(row, 'time_ms'),
    }));
  }
}
