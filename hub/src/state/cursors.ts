// How far each outbox lane of each gateway is stored, and how many readings that made.
//
// A cursor belongs to (gateway, incarnation, lane): an outbox that starts empty is a new incarnation and counts its
// sequence numbers from 1 again. A lane's cursor in use is the one that moved last.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { lanes, type Lane } from '@weir/shared/wire/topics.ts';
import { number, text, type Row } from './rows.ts';

export interface CursorKey {
  readonly gateway: string;
  readonly incarnation: string;
  readonly lane: Lane;
}

export interface Cursor extends CursorKey {
  /** Every entry up to here is durable in the store, or quarantined. */
  readonly seq: number;
  /** Readings these entries reported for the first time, without the quarantined ones. */
  readonly stored: number;
  readonly quarantined: number;
}

export interface Readings {
  readonly stored: number;
  readonly quarantined: number;
}

/** A gateway whose disk is replaced again and again leaves no more cursors than this per lane. */
const maxIncarnations = 16;

export class Cursors {
  readonly #find: StatementSync;
  readonly #put: StatementSync;
  readonly #prune: StatementSync;
  readonly #inUse: StatementSync;
  readonly #total: StatementSync;
  #moved: number;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare('SELECT * FROM cursors WHERE gateway = ? AND incarnation = ? AND lane = ?');
    this.#put = database.prepare(
      `INSERT INTO cursors (gateway, incarnation, lane, seq, stored, quarantined, moved) VALUES (?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET seq = excluded.seq, stored = excluded.stored, quarantined = excluded.quarantined,
         moved = excluded.moved`,
    );
    this.#prune = database.prepare(
      `DELETE FROM cursors WHERE gateway = ?1 AND lane = ?2 AND moved <= (
         SELECT moved FROM cursors WHERE gateway = ?1 AND lane = ?2 ORDER BY moved DESC LIMIT 1 OFFSET ${maxIncarnations})`,
    );
    // With a bare max() SQLite takes the other columns from the row that has the maximum.
    this.#inUse = database.prepare('SELECT *, max(moved) FROM cursors WHERE gateway = ? GROUP BY lane');
    this.#total = database.prepare('SELECT total(stored) AS stored, total(quarantined) AS quarantined FROM cursors');
    this.#moved = Number(database.prepare('SELECT max(moved) AS moved FROM cursors').get()?.['moved'] ?? 0);
  }

  find(key: CursorKey): Cursor | undefined {
    const row = this.#find.get(key.gateway, key.incarnation, key.lane);
    return row === undefined ? undefined : toCursor(row);
  }

  put(cursor: Cursor): void {
    const { gateway, incarnation, lane, seq, stored, quarantined } = cursor;
    this.#put.run(gateway, incarnation, lane, seq, stored, quarantined, ++this.#moved);
    this.#prune.run(gateway, lane);
  }

  /** One for each lane that ever sent something. */
  inUse(gateway: string): Cursor[] {
    return this.#inUse.all(gateway).map(toCursor);
  }

  /** Of the incarnations in use: what the gateway's own count of readings taken can be compared with. */
  readings(gateway: string): Readings {
    const cursors = this.inUse(gateway);
    return {
      stored: cursors.reduce((sum, cursor) => sum + cursor.stored, 0),
      quarantined: cursors.reduce((sum, cursor) => sum + cursor.quarantined, 0),
    };
  }

  /** Of all gateways and incarnations. */
  total(): Readings {
    const row = this.#total.get() ?? {};
    return { stored: number(row, 'stored'), quarantined: number(row, 'quarantined') };
  }
}

function toCursor(row: Row): Cursor {
  const name = text(row, 'lane');
  const lane = lanes.find((known) => known === name);
  if (lane === undefined) throw new TypeError(`cursor of an unknown lane ${name}`);
  return {
    gateway: text(row, 'gateway'),
    incarnation: text(row, 'incarnation'),
    lane,
    seq: number(row, 'seq'),
    stored: number(row, 'stored'),
    quarantined: number(row, 'quarantined'),
  };
}
