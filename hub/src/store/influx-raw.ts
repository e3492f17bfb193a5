// Raw readings in InfluxDB, under a retention policy of their own: `weir_raw`, made with the first of them, and altered when
// hub.yaml says another time.
//
// An InfluxDB that does not make the policy (no privilege; a version that knows no policies) has the raw readings refused,
// with what it said: panes and alerts must not wait for them.

import { escape } from 'influx';
import { qualities } from '@weir/shared/model/quality.ts';
import { InfluxWriter } from './influx-client.ts';
import { encodeRaw, measurementOf, timeLiteral } from './influx-schema.ts';
import type { GatewayRaw, RawQuery, Refused, StoredReading } from './store.ts';

export const rawPolicy = 'weir_raw';

export interface InfluxRawParts {
  readonly url: URL;
  readonly database: string;
  readonly keepMs: number;
  readonly createDatabase: () => Promise<void>;
  /** Rows of an answer, times in microseconds. @throws StoreOutage */
  readonly query: (query: string) => Promise<Readonly<Record<string, number | string | null>>[]>;
}

/** InfluxDB does not make the policy. */
class PolicyRefused extends Error {}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

export class InfluxRaw {
  readonly #parts: InfluxRawParts;
  readonly #writer: InfluxWriter;

  constructor(parts: InfluxRawParts) {
    this.#parts = parts;
    const create = async (): Promise<void> => {
      await parts.createDatabase();
      await this.keepPolicy();
    };
    this.#writer = new InfluxWriter(parts.url, parts.database, create, rawPolicy);
  }

  /** @throws StoreOutage */
  async write(blocks: readonly GatewayRaw[]): Promise<Refused[]> {
    const lines: string[] = [];
    const blockOf: number[] = [];
    for (const [index, block] of blocks.entries()) {
      for (const line of encodeRaw(block)) {
        lines.push(line);
        blockOf.push(index);
      }
    }
    try {
      const refused = await this.#writer.write(lines);
      return refused.map(({ index, reason }) => ({ of: 'raw', index: blockOf[index] ?? 0, reason }));
    } catch (error) {
      if (!(error instanceof PolicyRefused)) throw error;
      return blockOf.map((index) => ({ of: 'raw', index, reason: error.message }));
    }
  }

  async read({ gateway, device, signal, from, to, limit }: RawQuery): Promise<StoredReading[]> {
    const rows = await this.#parts.query(
      `SELECT value, quality FROM ${escape.quoted(rawPolicy)}.${escape.quoted(measurementOf(signal))}
       WHERE gateway = ${escape.stringLit(gateway)} AND device = ${escape.stringLit(device)}
         AND time >= ${timeLiteral(from)} AND time < ${timeLiteral(to)}
       ORDER BY time DESC LIMIT ${limit}`,
    );
    return rows.map(toReading).toReversed();
  }

  /** Makes the policy, or alters it when it keeps points for another time. @throws StoreOutage @throws PolicyRefused */
  async keepPolicy(): Promise<void> {
    const { database, keepMs } = this.#parts;
    const where = `${escape.quoted(rawPolicy)} ON ${escape.quoted(database)}`;
    // The shards are as long as InfluxDB chooses them for such a time; said, because altering the time alone keeps them.
    const shardMs = keepMs < 2 * dayMs ? hourMs : keepMs <= 180 * dayMs ? dayMs : 7 * dayMs;
    const how = `DURATION ${Math.ceil(keepMs / 1000)}s REPLICATION 1 SHARD DURATION ${shardMs / 1000}s`;
    let refusal = await this.#writer.execute(`CREATE RETENTION POLICY ${where} ${how}`);
    if (refusal?.includes('already exists') === true) {
      refusal = await this.#writer.execute(`ALTER RETENTION POLICY ${where} ${how}`);
    }
    // Where there is no database yet there is nothing to keep.
    if (refusal === undefined || refusal.startsWith('database not found')) return;
    throw new PolicyRefused(`InfluxDB does not make the retention policy ${rawPolicy}: ${refusal}`);
  }

  /** As `keepPolicy`, where it can be done. @throws StoreOutage */
  async trim(): Promise<void> {
    try {
      await this.keepPolicy();
    } catch (error) {
      if (!(error instanceof PolicyRefused)) throw error;
    }
  }

  close(): void {
    this.#writer.close();
  }
}

function toReading(row: Readonly<Record<string, number | string | null>>): StoredReading {
  const value = row['value'];
  return {
    time: Number(row['time']) / 1000,
    value: typeof value === 'number' ? value : undefined,
    quality: qualities.find((quality) => quality === row['quality']) ?? 'bad',
  };
}
