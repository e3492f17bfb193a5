// What went wrong with data, kept to be looked at: sequence numbers that never came, and what could not be stored.
// Both lists are bounded: the oldest rows go, the counts stay in the metrics and in the cursors.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { CursorKey } from './cursors.ts';
import { bytesOrNull, number, text } from './rows.ts';

/** Entries of a lane that were never seen: the gateway evicted them, or the hub lost its cursor. */
export interface Gap extends CursorKey {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface Quarantined {
  readonly gateway: string;
  /** What it was: a whole batch, one frame of it, one pane, one transition, a status. */
  readonly kind: 'batch' | 'frame' | 'pane' | 'transition' | 'status';
  readonly reason: string;
  /** Readings lost with it, as far as it can be told. */
  readonly readings: number;
  /** The first bytes of it. */
  readonly payload: Uint8Array | null;
}

const maxRows = 1000;
const maxPayloadBytes = 1024;

export class Incidents {
  readonly #addGap: StatementSync;
  readonly #trimGaps: StatementSync;
  readonly #gaps: StatementSync;
  readonly #quarantine: StatementSync;
  readonly #trimQuarantine: StatementSync;
  readonly #quarantined: StatementSync;

  constructor(database: DatabaseSync) {
    this.#addGap = database.prepare(
      'INSERT INTO gaps (time_ms, gateway, incarnation, lane, first_seq, last_seq) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#trimGaps = database.prepare('DELETE FROM gaps WHERE id <= ?');
    this.#gaps = database.prepare('SELECT * FROM gaps WHERE gateway = ? ORDER BY id DESC');
    this.#quarantine = database.prepare(
      'INSERT INTO quarantine (time_ms, gateway, kind, reason, readings, payload) VALUES (?, ?, ?, ?, ?, ?)',
    );
    this.#trimQuarantine = database.prepare('DELETE FROM quarantine WHERE id <= ?');
    this.#quarantined = database.prepare('SELECT * FROM quarantine WHERE gateway = ? ORDER BY id DESC');
  }

  recordGap(gap: Gap, nowMs: number): void {
    const { gateway, incarnation, lane, firstSeq, lastSeq } = gap;
    const { lastInsertRowid } = this.#addGap.run(nowMs, gateway, incarnation, lane, firstSeq, lastSeq);
    this.#trimGaps.run(Number(lastInsertRowid) - maxRows);
  }

  /** Newest first. */
  gaps(gateway: string): { incarnation: string; lane: string; firstSeq: number; lastSeq: number; timeMs: number }[] {
    return this.#gaps.all(gateway).map((row) => ({
      incarnation: text(row, 'incarnation'),
      lane: text(row, 'lane'),
      firstSeq: number(row, 'first_seq'),
      lastSeq: number(row, 'last_seq'),
      timeMs: number(row, 'time_ms'),
    }));
  }

  quarantine({ gateway, kind, reason, readings, payload }: Quarantined, nowMs: number): void {
    const sample = payload?.subarray(0, maxPayloadBytes) ?? null;
    const { lastInsertRowid } = this.#quarantine.run(nowMs, gateway, kind, reason.slice(0, 500), readings, sample);
    this.#trimQuarantine.run(Number(lastInsertRowid) - maxRows);
  }

  /** Newest first. */
  quarantined(gateway: string): {
    kind: string;
    reason: string;
    readings: number;
    payload: Uint8Array | null;
    timeMs: number;
  }[] {
    return this.#quarantined.all(gateway).map((row) => ({
      kind: text(row, 'kind'),
      reason: text(row, 'reason'),
      readings: number(row, 'readings'),
      payload: bytesOrNull(row, 'payload'),
      timeMs: number(row, 'time_ms'),
    }));
  }
}
