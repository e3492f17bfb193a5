// The hub's own memory, `hub.db` in its data folder: gateways and their keys, how far each outbox lane is stored, alerts,
// which series there are, and what went wrong. Panes are not here: they are the store's (../store).
//
// The ingest moves cursors, alerts and counts in one transaction, after the store has the panes. A crash between the two
// makes the gateway send again, and both the store's upserts and this transaction then give the same result once.

import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { HubError, messageOf } from '../errors.ts';
import { AlertBook } from './alert-book.ts';
import { Cursors } from './cursors.ts';
import { openDatabase, transaction } from './database.ts';
import { Gaps } from './gaps.ts';
import { Gateways } from './gateways.ts';
import { Operations, operationsSchema } from './operations.ts';
import { Quarantine } from './quarantine.ts';
import { RawRequests, rawRequestsSchema } from './raw-requests.ts';
import { SeriesBook } from './series-book.ts';

/** Step n takes a folder from version n to n + 1. */
export const schema = [
  `
  CREATE TABLE gateways (
    name TEXT PRIMARY KEY, key_hash TEXT NOT NULL, added_ms REAL NOT NULL,
    seen_ms REAL NOT NULL DEFAULT 0, status BLOB
  ) STRICT;
  CREATE TABLE cursors (
    gateway TEXT NOT NULL, incarnation TEXT NOT NULL, lane TEXT NOT NULL,
    seq INTEGER NOT NULL, stored INTEGER NOT NULL, quarantined INTEGER NOT NULL,
    moved INTEGER NOT NULL, -- counts up with every move: the highest is the one in use
    PRIMARY KEY (gateway, incarnation, lane)
  ) STRICT;
  CREATE TABLE transitions (
    id INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL, rule TEXT NOT NULL, device TEXT NOT NULL, signal TEXT NOT NULL, since_ms REAL NOT NULL,
    state TEXT NOT NULL, severity TEXT NOT NULL, time_ms REAL NOT NULL, value REAL,
    UNIQUE (gateway, rule, device, signal, since_ms, state)
  ) STRICT;
  CREATE INDEX transitions_by_since ON transitions (since_ms);
  CREATE TABLE notifications (
    id INTEGER PRIMARY KEY,
    transition_id INTEGER NOT NULL REFERENCES transitions (id) ON DELETE CASCADE,
    target TEXT NOT NULL, added_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX notifications_by_target ON notifications (target, id);
  CREATE TABLE series (
    gateway TEXT NOT NULL, device TEXT NOT NULL, signal TEXT NOT NULL, window TEXT NOT NULL,
    size_ms REAL NOT NULL, compute TEXT NOT NULL,
    PRIMARY KEY (gateway, device, signal, window)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE units (
    gateway TEXT NOT NULL, signal TEXT NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (gateway, signal)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE gaps (
    id INTEGER PRIMARY KEY, time_ms REAL NOT NULL, gateway TEXT NOT NULL, incarnation TEXT NOT NULL, lane TEXT NOT NULL,
    first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, time_ms REAL NOT NULL, gateway TEXT NOT NULL, kind TEXT NOT NULL,
    reason TEXT NOT NULL, readings INTEGER NOT NULL, payload BLOB
  ) STRICT;
  `,
  // Windows other than tumbling ones.
  `
  ALTER TABLE series ADD COLUMN kind TEXT NOT NULL DEFAULT 'tumbling';
  ALTER TABLE series ADD COLUMN step_ms REAL NOT NULL DEFAULT 0;
  UPDATE series SET step_ms = size_ms;
  `,
  // Readings counted by the lane, and quarantine that can be tried again: what there was had kept its first bytes only.
  `
  ALTER TABLE cursors ADD COLUMN reported INTEGER NOT NULL DEFAULT 0;
  UPDATE cursors SET reported = stored + quarantined;
  ALTER TABLE gaps ADD COLUMN readings INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE quarantine ADD COLUMN incarnation TEXT NOT NULL DEFAULT '';
  ALTER TABLE quarantine ADD COLUMN lane TEXT NOT NULL DEFAULT '';
  ALTER TABLE quarantine ADD COLUMN size INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE quarantine ADD COLUMN retry INTEGER NOT NULL DEFAULT 0;
  UPDATE quarantine SET size = coalesce(length(payload), 0), payload = NULL;
  CREATE INDEX quarantine_retry ON quarantine (id) WHERE retry = 1;
  `,
  rawRequestsSchema,
  operationsSchema,
];

export class State {
  readonly gateways: Gateways;
  readonly cursors: Cursors;
  readonly alerts: AlertBook;
  readonly series: SeriesBook;
  readonly gaps: Gaps;
  readonly quarantine: Quarantine;
  readonly rawRequests: RawRequests;
  readonly operations: Operations;
  readonly #database: DatabaseSync;

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.gateways = new Gateways(database);
    this.cursors = new Cursors(database);
    this.alerts = new AlertBook(database);
    this.series = new SeriesBook(database);
    this.gaps = new Gaps(database);
    this.quarantine = new Quarantine(database);
    this.rawRequests = new RawRequests(database);
    this.operations = new Operations(database);
  }

  /** @throws HubError when the folder cannot be used */
  static open(folder: string): State {
    try {
      makeFolder(folder);
    } catch (error) {
      throw new HubError('WEIR_HUB_DATA', `the data folder ${folder} cannot be made: ${messageOf(error)}`);
    }
    return new State(openDatabase(join(folder, 'hub.db'), schema));
  }

  /** @param database opened by `openDatabase` with `schema` */
  static over(database: DatabaseSync): State {
    return new State(database);
  }

  /** All of `work` or nothing of it, durable when it returns. */
  transaction<T>(work: () => T): T {
    try {
      return transaction(this.#database, work);
    } catch (error) {
      this.series.reload();
      throw error;
    }
  }

  close(): void {
    this.#database.close();
  }
}

/** Step by step, and not by mkdir's own recursion, which never ends where a folder cannot be made (below /proc). */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (!existsSync(dirname(folder))) makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}
