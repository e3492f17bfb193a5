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

/** Readings up to a cursor. What is reported and neither stored nor quarantined was never seen here: it lay in a gap. */
export interface Readings {
  /** Reported for the first time by everything the lane ever held up to the cursor: the gateway's word. */
  readonly reported: number;
  /** Of those, durable in the store. */
  readonly stored: number;
  /** Of those, in entries or panes that are kept aside, or were. */
  readonly quarantined: number;
}

export interface Cursor extends CursorKey, Readings {
  /** Every entry up to here is durable in the store, quarantined, or in a gap that was noted. */
  readonly seq: number;
}

/** A gateway whose disk is replaced again and again leaves no more cursors than this per lane. */
const maxIncarnations = 16;

const sums = 'total(reported) AS reported, total(stored) AS stored, total(quarantined) AS quarantined';

export class Cursors {
  readonly #find: StatementSync;
  readonly #put: StatementSync;
  readonly #restore: StatementSync;
  readonly #prune: StatementSync;
  readonly #inUse: StatementSync;
  readonly #total: StatementSync;
  #moved: number;

  constructor(database: DatabaseSync) {
    this.#find = database.prepare('SELECT * FROM cursors WHERE gateway = ? AND incarnation = ? AND lane = ?');
    this.#put = database.prepare(
      `INSERT INTO cursors (gateway, incarnation, lane, seq, reported, stored, quarantined, moved)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET seq = excluded.seq, reported = excluded.reported, stored = excluded.stored,
         quarantined = excluded.quarantined, moved = excluded.moved`,
    );
    this.#restore = database.prepare(
      `UPDATE cursors SET stored = stored + min(?4, quarantined), quarantined = quarantined - min(?4, quarantined)
       WHERE gateway = ?1 AND incarnation = ?2 AND lane = ?3`,
    );
    this.#prune = database.prepare(
      `DELETE FROM cursors WHERE gateway = ?1 AND lane = ?2 AND moved <= (
         SELECT moved FROM cursors WHERE gateway = ?1 AND lane = ?2 ORDER BY moved DESC LIMIT 1 OFFSET ${maxIncarnations})`,
    );
    // With a bare max() SQLite takes the other columns from the row that has the maximum.
    this.#inUse = database.prepare('SELECT *, max(moved) FROM cursors WHERE gateway = ? GROUP BY lane');
    this.#total = database.prepare(`SELECT ${sums} FROM cursors`);
    this.#moved = Number(database.prepare('SELECT max(moved) AS moved FROM cursors').get()?.['moved'] ?? 0);
  }

  find(key: CursorKey): Cursor | undefined {
    const row = this.#find.get(key.gateway, key.incarnation, key.lane);
    return row === undefined ? undefined : toCursor(row);
  }

  put(cursor: Cursor): void {
    const { gateway, incarnation, lane, seq, reported, stored, quarantined } = cursor;
    this.#put.run(gateway, incarnation, lane, seq, reported, stored, quarantined, ++this.#moved);
    this.#prune.run(gateway, lane);
  }

  /** Readings that had been quarantined are in the store now. */
  restore({ gateway, incarnation, lane }: CursorKey, readings: number): void {
    this.#restore.run(gateway, incarnation, lane, readings);
  }

  /** One for each lane that ever sent something. */
  inUse(gateway: string): Cursor[] {
    return this.#inUse.all(gateway).map(toCursor);
  }

  /** Of the incarnations in use: what the gateway's own count of readings taken can be compared with. */
  readings(gateway: string): Readings {
    const cursors = this.inUse(gateway);
    const sum = (of: (cursor: Cursor) => number): number => cursors.reduce((total, cursor) => total + of(cursor), 0);
    return {
      reported: sum(({ reported }) => reported),
      stored: sum(({ stored }) => stored),
      quarantined: sum(({ quarantined }) => quarantined),
    };
  }

  /** Of all gateways and incarnations. */
  total(): Readings {
    return toReadings(this.#total.get() ?? {});
  }
}

function toReadings(row: Row): Readings {
  return {
    reported: number(row, 'reported'),
    stored: number(row, 'stored'),
    quarantined: number(row, 'quarantined'),
  };
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
    ...toReadings(row),
  };
}
