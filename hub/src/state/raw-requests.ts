// Raw readings that were asked for: which series and range of event time, why, and what has come.
//
// A request is open until a block that says it is the last for it is durable: that is noted in the transaction that moves
// the lane's cursor, so a crash neither forgets an answer nor invents one. It is due when its range has passed; before, the
// gateway could not answer it whole. Bounded: the open ones by who makes them (../raw), of the others the oldest go.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { RawReadings } from '@weir/shared/wire/codec.ts';
import { number, numberOrNull, text, type Row } from './rows.ts';

export interface RawRange {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  /** Event times, epoch milliseconds: `fromMs` inclusive, `toMs` exclusive. */
  readonly fromMs: number;
  readonly toMs: number;
}

export interface RawRequest extends RawRange {
  /** Counts up. */
  readonly number: number;
  /** What it is called on the wire: also a hub that lost its state calls no two alike. */
  readonly id: string;
  /** `asked`, or `alert <rule>`. */
  readonly why: string;
  /** Hub's clock. */
  readonly askedMs: number;
  /** It has been sent to the gateway. */
  readonly sent: boolean;
  /** Undefined while it is open. */
  readonly doneMs: number | undefined;
  /** That came and are stored; those that came twice count twice. */
  readonly readings: number;
  /** Why there is less than was asked for; empty when all is there. */
  readonly shortfall: string;
}

export const rawRequestsSchema = `
  CREATE TABLE raw_requests (
    number INTEGER PRIMARY KEY,
    gateway TEXT NOT NULL, device TEXT NOT NULL, signal TEXT NOT NULL,
    from_ms REAL NOT NULL, to_ms REAL NOT NULL,
    why TEXT NOT NULL, asked_ms INTEGER NOT NULL, due_ms REAL NOT NULL,
    sent INTEGER NOT NULL DEFAULT 0, done_ms REAL, readings INTEGER NOT NULL DEFAULT 0, shortfall TEXT NOT NULL DEFAULT ''
  ) STRICT;
  CREATE INDEX raw_requests_open ON raw_requests (gateway, device, signal) WHERE done_ms IS NULL;
  CREATE INDEX raw_requests_due ON raw_requests (due_ms) WHERE done_ms IS NULL;
`;

/** Requests remembered, the open ones apart. */
const maxRemembered = 10_000;
const maxShortfall = 500;
/** After its range a request waits so long: for readings on their way, and for the gateway to write them down. */
const slackMs = 5000;
/** A clock that is far ahead must not hold a request back for ever. */
const maxWaitMs = 3_600_000;

export class RawRequests {
  readonly #add: StatementSync;
  readonly #extend: StatementSync;
  readonly #trim: StatementSync;
  readonly #find: StatementSync;
  readonly #openOf: StatementSync;
  readonly #openOfSeries: StatementSync;
  readonly #countOpen: StatementSync;
  readonly #due: StatementSync;
  readonly #newlyDue: StatementSync;
  readonly #sent: StatementSync;
  readonly #take: StatementSync;
  readonly #expire: StatementSync;
  readonly #newest: StatementSync;
  readonly #last: StatementSync;
  readonly #changed = new Set<number>();

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      `INSERT INTO raw_requests (gateway, device, signal, from_ms, to_ms, why, asked_ms, due_ms)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#extend = database.prepare('UPDATE raw_requests SET from_ms = ?, to_ms = ?, due_ms = ? WHERE number = ?');
    this.#trim = database.prepare('DELETE FROM raw_requests WHERE number <= ? AND done_ms IS NOT NULL');
    this.#find = database.prepare('SELECT * FROM raw_requests WHERE number = ?');
    const open = 'SELECT * FROM raw_requests WHERE done_ms IS NULL';
    this.#openOf = database.prepare(`${open} AND gateway = ? AND due_ms <= ? ORDER BY number`);
    this.#openOfSeries = database.prepare(`${open} AND gateway = ? AND device = ? AND signal = ? ORDER BY from_ms`);
    this.#countOpen = database.prepare(
      'SELECT count(*) AS open FROM raw_requests WHERE done_ms IS NULL AND (?1 IS NULL OR gateway = ?1)',
    );
    this.#due = database.prepare(`${open} AND due_ms > ? AND due_ms <= ? ORDER BY number`);
    this.#newlyDue = database.prepare(`${open} AND number > ? AND due_ms <= ? ORDER BY number`);
    this.#sent = database.prepare('UPDATE raw_requests SET sent = 1 WHERE number = ?');
    this.#take = database.prepare(
      `UPDATE raw_requests SET readings = readings + ?, shortfall = ?, done_ms = CASE WHEN ? THEN coalesce(done_ms, ?) ELSE done_ms END
       WHERE number = ?`,
    );
    this.#expire = database.prepare(
      `UPDATE raw_requests SET done_ms = ?, shortfall = ? WHERE done_ms IS NULL AND to_ms < ? RETURNING number`,
    );
    this.#newest = database.prepare(
      'SELECT * FROM raw_requests WHERE ?1 IS NULL OR gateway = ?1 ORDER BY number DESC LIMIT ?2',
    );
    this.#last = database.prepare('SELECT coalesce(max(number), 0) AS number FROM raw_requests');
  }

  add({ gateway, device, signal, fromMs, toMs }: RawRange, why: string, nowMs: number): RawRequest {
    const askedMs = Math.floor(nowMs);
    const done = this.#add.run(gateway, device, signal, fromMs, toMs, why, askedMs, dueMs(toMs, nowMs));
    const added = Number(done.lastInsertRowid);
    this.#trim.run(added - maxRemembered);
    this.#changed.add(added);
    return toRequest(this.#find.get(added) ?? {});
  }

  /** Of one that was not sent yet. */
  extend({ number: which, askedMs }: RawRequest, fromMs: number, toMs: number): void {
    this.#extend.run(fromMs, toMs, dueMs(toMs, askedMs), which);
    this.#changed.add(which);
  }

  find(id: string): RawRequest | undefined {
    const row = this.#find.get(Number.parseInt(id, 10) || 0);
    const request = row === undefined ? undefined : toRequest(row);
    return request?.id === id ? request : undefined;
  }

  /** The open ones of a series, by where they begin. */
  openOfSeries({ gateway, device, signal }: Omit<RawRange, 'fromMs' | 'toMs'>): RawRequest[] {
    return this.#openOfSeries.all(gateway, device, signal).map(toRequest);
  }

  /** Of this gateway, or of all. */
  countOpen(gateway?: string): number {
    return number(this.#countOpen.get(gateway ?? null) ?? {}, 'open');
  }

  /** The open ones of a gateway that are due, oldest first. */
  dueOf(gateway: string, nowMs: number): RawRequest[] {
    return this.#openOf.all(gateway, nowMs).map(toRequest);
  }

  /** The open ones that became due after `sinceMs`, or that are due and were made after `after`; oldest first. */
  dueSince(sinceMs: number, after: number, nowMs: number): RawRequest[] {
    const rows = [...this.#due.all(sinceMs, nowMs), ...this.#newlyDue.all(after, nowMs)].map(toRequest);
    return [...new Map(rows.map((request) => [request.number, request])).values()];
  }

  /** The number of the newest; 0 when there never was one. */
  last(): number {
    return number(this.#last.get() ?? {}, 'number');
  }

  markSent(requests: readonly RawRequest[]): void {
    for (const { number: which } of requests) {
      this.#sent.run(which);
      this.#changed.add(which);
    }
  }

  /** Whether these readings answer something that was asked of this gateway. */
  isAskedFor(gateway: string, { request: id, series }: RawReadings): boolean {
    const request = this.find(id);
    return request?.gateway === gateway && request.device === series.device && request.signal === series.signal;
  }

  /**
   * Readings that are durable now. Run inside a transaction.
   * @param refused how many of them the store did not take, and why
   */
  take(
    { request: id, last, shortfall, times }: RawReadings,
    refused: ReadonlyMap<string, number>,
    nowMs: number,
  ): void {
    const request = this.find(id);
    if (request === undefined) return;
    const reasons = [...refused.keys()].map((reason) => `not stored: ${reason}`);
    const said = [request.shortfall, ...reasons, shortfall].filter((part) => part !== '');
    // Each once: the blocks of an answer are refused for the same reason.
    const whole = said.filter((part, index) => !said.slice(0, index).some((before) => before.includes(part)));
    const missing = [...refused.values()].reduce((sum, count) => sum + count, 0);
    const why = whole.join('; ').slice(0, maxShortfall);
    this.#take.run(times.length - missing, why, last ? 1 : 0, nowMs, request.number);
    this.#changed.add(request.number);
  }

  /** Gives up what nobody answered and the store would not keep any more. */
  expire(keepMs: number, nowMs: number): void {
    const why = 'never answered, and now older than raw readings are kept';
    for (const row of this.#expire.all(nowMs, why, nowMs - keepMs)) this.#changed.add(number(row, 'number'));
  }

  /** Newest first. */
  newest(limit: number, gateway?: string): RawRequest[] {
    return this.#newest.all(gateway ?? null, limit).map(toRequest);
  }

  /** Those that are new or changed since it was asked last, by this program. */
  takeChanged(): RawRequest[] {
    const changed = [...this.#changed].map((which) => this.#find.get(which)).filter((row) => row !== undefined);
    this.#changed.clear();
    return changed.map(toRequest);
  }
}

function dueMs(toMs: number, nowMs: number): number {
  return Math.max(nowMs, Math.min(toMs + slackMs, nowMs + maxWaitMs));
}

function toRequest(row: Row): RawRequest {
  const [which, askedMs] = [number(row, 'number'), number(row, 'asked_ms')];
  return {
    number: which,
    id: `${which}-${askedMs}`,
    gateway: text(row, 'gateway'),
    device: text(row, 'device'),
    signal: text(row, 'signal'),
    fromMs: number(row, 'from_ms'),
    toMs: number(row, 'to_ms'),
    why: text(row, 'why'),
    askedMs,
    sent: number(row, 'sent') === 1,
    doneMs: numberOrNull(row, 'done_ms') ?? undefined,
    readings: number(row, 'readings'),
    shortfall: text(row, 'shortfall'),
  };
}
