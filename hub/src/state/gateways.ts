// Which gateways there are, the hashes of their keys, and the last status each sent.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { bytesOrNull, number, text } from './rows.ts';

export interface GatewayRow {
  readonly name: string;
  readonly addedMs: number;
  /** Hub's clock at the last status; 0 when there was none yet. */
  readonly seenMs: number;
  /** The last Status as it came. */
  readonly status: Uint8Array | null;
}

export class Gateways {
  readonly #add: StatementSync;
  readonly #remove: StatementSync;
  readonly #keyHash: StatementSync;
  readonly #all: StatementSync;
  readonly #saveStatus: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(
      'INSERT INTO gateways (name, key_hash, added_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    );
    this.#remove = database.prepare('DELETE FROM gateways WHERE name = ?');
    this.#keyHash = database.prepare('SELECT key_hash FROM gateways WHERE name = ?');
    this.#all = database.prepare('SELECT name, added_ms, seen_ms, status FROM gateways ORDER BY name');
    this.#saveStatus = database.prepare('UPDATE gateways SET seen_ms = ?, status = ? WHERE name = ?');
  }

  /** @returns false when there is a gateway of this name already */
  add(name: string, keyHash: string, nowMs: number): boolean {
    return this.#add.run(name, keyHash, nowMs).changes === 1;
  }

  /** @returns false when there is none of this name */
  remove(name: string): boolean {
    return this.#remove.run(name).changes === 1;
  }

  keyHash(name: string): string | undefined {
    const row = this.#keyHash.get(name);
    return row === undefined ? undefined : text(row, 'key_hash');
  }

  all(): GatewayRow[] {
    return this.#all.all().map((row) => ({
      name: text(row, 'name'),
      addedMs: number(row, 'added_ms'),
      seenMs: number(row, 'seen_ms'),
      status: bytesOrNull(row, 'status'),
    }));
  }

  saveStatus(name: string, seenMs: number, status: Uint8Array): void {
    this.#saveStatus.run(seenMs, status, name);
  }
}
