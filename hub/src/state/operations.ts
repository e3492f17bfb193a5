// What operators do to alarms of gateways, until the gateway says that it has done so. An order that nobody takes for a week is
// given up: by then it speaks of another alarm.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { operationKinds, type Operation } from '@weir/shared/model/alert.ts';
import * as z from 'zod';
import { number, numberOrNull, text, type Row } from './rows.ts';

export interface Order {
  /** What it is called on the wire. */
  readonly id: string;
  readonly gateway: string;
  readonly operation: Operation;
  /** Hub's clock. */
  readonly orderedMs: number;
  readonly doneMs: number | undefined;
}

export const operationsSchema = `
  ALTER TABLE transitions ADD COLUMN reason TEXT NOT NULL DEFAULT '';
  ALTER TABLE transitions ADD COLUMN quiet TEXT NOT NULL DEFAULT '';
  -- What an episode can come to more than once: it does not start or end it.
  CREATE TABLE alarm_events (
    id INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL, rule TEXT NOT NULL, device TEXT NOT NULL, signal TEXT NOT NULL, since_ms REAL NOT NULL,
    state TEXT NOT NULL, time_ms REAL NOT NULL, quiet TEXT NOT NULL, operator TEXT NOT NULL, comment TEXT NOT NULL,
    UNIQUE (gateway, rule, device, signal, since_ms, state, time_ms)
  ) STRICT;
  CREATE TABLE operations (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, gateway TEXT NOT NULL, operation TEXT NOT NULL,
    ordered_ms REAL NOT NULL, done_ms REAL
  ) STRICT;
  CREATE INDEX operations_open ON operations (gateway) WHERE done_ms IS NULL;
`;

const maxRemembered = 10_000;
const giveUpMs = 7 * 86_400_000;

const stored = z.object({
  kind: z.enum(operationKinds),
  rule: z.string(),
  series: z.object({ device: z.string(), signal: z.string() }).nullable(),
  since: z.number().nullable(),
  until: z.number().nullable(),
  by: z.string(),
  comment: z.string(),
});

export class Operations {
  readonly #add: StatementSync;
  readonly #trim: StatementSync;
  readonly #open: StatementSync;
  readonly #done: StatementSync;
  readonly #newest: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare('INSERT INTO operations (id, gateway, operation, ordered_ms) VALUES (?, ?, ?, ?)');
    this.#trim = database.prepare('DELETE FROM operations WHERE number <= ?');
    this.#open = database.prepare(
      'SELECT * FROM operations WHERE done_ms IS NULL AND gateway = ? AND ordered_ms > ? ORDER BY number',
    );
    this.#done = database.prepare('UPDATE operations SET done_ms = ? WHERE id = ? AND gateway = ? AND done_ms IS NULL');
    this.#newest = database.prepare('SELECT * FROM operations ORDER BY number DESC LIMIT ?');
  }

  add(id: string, gateway: string, { series, since, until, ...rest }: Operation, nowMs: number): void {
    const value = { ...rest, series: series ?? null, since: since ?? null, until: Number.isNaN(until) ? null : until };
    const { lastInsertRowid } = this.#add.run(id, gateway, JSON.stringify(value), nowMs);
    this.#trim.run(Number(lastInsertRowid) - maxRemembered);
  }

  /** Those a gateway has yet to carry out, oldest first. */
  openOf(gateway: string, nowMs: number): Order[] {
    return this.#open.all(gateway, nowMs - giveUpMs).map(toOrder);
  }

  /** The gateway says so; what it says again changes nothing. */
  done(gateway: string, ids: readonly string[], nowMs: number): void {
    for (const id of ids) this.#done.run(nowMs, id, gateway);
  }

  newest(limit: number): Order[] {
    return this.#newest.all(limit).map(toOrder);
  }
}

function toOrder(row: Row): Order {
  const { series, since, until, ...rest } = stored.parse(JSON.parse(text(row, 'operation')));
  return {
    id: text(row, 'id'),
    gateway: text(row, 'gateway'),
    operation: { ...rest, series: series ?? undefined, since: since ?? undefined, until: until ?? Number.NaN },
    orderedMs: number(row, 'ordered_ms'),
    doneMs: numberOrNull(row, 'done_ms') ?? undefined,
  };
}
