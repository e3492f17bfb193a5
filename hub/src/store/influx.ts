// InfluxDB as the store, by its v1 write and InfluxQL query API, which 1.x, 2.x and 3.x serve.
//
// Writes and deletions are our own (influx-client.ts); queries and administration go through the npm package influx. A point
// with the same measurement, tags and time overwrites field by field: writing again changes nothing.

import { escape, InfluxDB } from 'influx';
import * as z from 'zod';
import { statistics } from '@weir/shared/model/pane.ts';
import { messageOf } from '../errors.ts';
import { InfluxWriter, type RefusedLine } from './influx-client.ts';
import {
  encodeDeletion,
  encodeGateway,
  encodeTransition,
  measurementOf,
  paneColumns,
  PaneEncoder,
  timeLiteral,
} from './influx-schema.ts';
import { InfluxRaw } from './influx-raw.ts';
import { stepsOf, type Placed } from './retractions.ts';
import {
  defaultRawKeepMs,
  StoreOutage,
  type GatewayPoint,
  type OpenStore,
  type PaneQuery,
  type RawQuery,
  type Refused,
  type Store,
  type StoreBatch,
  type StoredPane,
  type StoredReading,
} from './store.ts';

/** `store: { influx: "http://127.0.0.1:8086", database: weir }` */
export const influxStore = z
  .strictObject({
    influx: z
      .url({ protocol: /^https?$/, error: 'the address of InfluxDB is like http://127.0.0.1:8086' })
      .transform((url) => new URL(url)),
    database: z
      .string()
      .regex(/^[\w-]{1,64}$/, { message: 'a database is named with letters, digits, _ and -' })
      .default('weir'),
  })
  .transform(({ influx, database }): OpenStore => {
    return ({ rawKeepMs }) => Promise.resolve(new InfluxStore(influx, database, rawKeepMs));
  });

const queryTimeoutMs = 15_000;

const resultsSchema = z.object({
  results: z.array(
    z.object({
      series: z
        .array(
          z.object({
            columns: z.array(z.string()),
            values: z.array(z.array(z.union([z.number(), z.string(), z.null()]))),
          }),
        )
        .optional(),
    }),
  ),
});

type Row = Readonly<Record<string, number | string | null>>;

export class InfluxStore implements Store {
  readonly #url: URL;
  readonly #database: string;
  readonly #writer: InfluxWriter;
  readonly #encoder = new PaneEncoder();
  readonly #raw: InfluxRaw;

  constructor(url: URL, database: string, rawKeepMs = defaultRawKeepMs) {
    this.#url = url;
    this.#database = database;
    const createDatabase = (): Promise<void> => this.#createDatabase();
    this.#writer = new InfluxWriter(url, database, createDatabase);
    const query = (text: string): Promise<Row[]> => this.#query(text);
    this.#raw = new InfluxRaw({ url, database, keepMs: rawKeepMs, createDatabase, query });
  }

  async write({ panes, transitions, raw = [] }: StoreBatch): Promise<Refused[]> {
    const { before, deleted, after } = stepsOf(panes);
    const refused = await this.#writer.write(transitions.map(encodeTransition));
    return [
      ...refused.map((line): Refused => ({ of: 'transitions', ...line })),
      ...(await this.#writePanes(before)),
      ...(await this.#deletePanes(deleted)),
      ...(await this.#writePanes(after)),
      ...(await this.#raw.write(raw)),
    ];
  }

  async panes({ gateway, device, signal, window, from, to, limit }: PaneQuery): Promise<StoredPane[]> {
    const columns = paneColumns.map((column) => escape.quoted(column)).join(', ');
    const rows = await this.#query(
      `SELECT ${columns} FROM ${escape.quoted(measurementOf(signal))}
       WHERE gateway = ${escape.stringLit(gateway)} AND device = ${escape.stringLit(device)}
         AND "window" = ${escape.stringLit(window)} AND time >= ${timeLiteral(from)} AND time < ${timeLiteral(to)}
       ORDER BY time DESC LIMIT ${limit}`,
    );
    return rows.map(toStored).toReversed();
  }

  async countStored(gateway?: string): Promise<number> {
    const where = gateway === undefined ? '' : ` WHERE gateway = ${escape.stringLit(gateway)}`;
    const rows = await this.#query(`SELECT sum(accounted) AS accounted FROM /.*/${where}`);
    return rows.reduce((sum, row) => sum + Number(row['accounted']), 0);
  }

  raw(query: RawQuery): Promise<StoredReading[]> {
    return this.#raw.read(query);
  }

  trimRaw(): Promise<void> {
    return this.#raw.trim();
  }

  async writeGateways(points: readonly GatewayPoint[]): Promise<void> {
    await this.#writer.write(points.map(encodeGateway));
  }

  close(): Promise<void> {
    this.#writer.close();
    this.#raw.close();
    return Promise.resolve();
  }

  async #writePanes(panes: readonly Placed[]): Promise<Refused[]> {
    const refused = await this.#writer.write(panes.map(({ row }) => this.#encoder.encode(row)));
    return placedRefusals(refused, panes);
  }

  async #deletePanes(panes: readonly Placed[]): Promise<Refused[]> {
    return placedRefusals(await this.#writer.delete(panes.map(({ row }) => encodeDeletion(row))), panes);
  }

  async #createDatabase(): Promise<void> {
    try {
      await this.#client().createDatabase(this.#database);
    } catch (error) {
      throw new StoreOutage(`InfluxDB has no database "${this.#database}", and making it failed: ${messageOf(error)}`);
    }
  }

  /** All rows of the answer, of whatever measurement. */
  async #query(query: string): Promise<Row[]> {
    try {
      const answer: unknown = await this.#client().queryRaw(query, { precision: 'u' });
      const series = resultsSchema.parse(answer).results.flatMap((result) => result.series ?? []);
      return series.flatMap(({ columns, values }) =>
        values.map((value) => Object.fromEntries(columns.map((column, index) => [column, value[index] ?? null]))),
      );
    } catch (error) {
      // They are made by the first write.
      if (/(database|retention policy) not found/.test(messageOf(error))) return [];
      throw new StoreOutage(`InfluxDB cannot be queried: ${messageOf(error)}`, { cause: error });
    }
  }

  /** A new one each time: a pool that saw one refused connection refuses the next query without trying. */
  #client(): InfluxDB {
    const { protocol, hostname, port, pathname, username, password } = this.#url;
    const secure = protocol === 'https:';
    return new InfluxDB({
      host: hostname,
      port: port === '' ? (secure ? 443 : 80) : Number(port),
      protocol: secure ? 'https' : 'http',
      path: pathname === '/' ? '' : pathname,
      database: this.#database,
      ...(username !== '' && { username: decodeURIComponent(username), password: decodeURIComponent(password) }),
      pool: { requestTimeout: queryTimeoutMs, maxRetries: 0 },
    });
  }
}

function placedRefusals(refused: readonly RefusedLine[], panes: readonly Placed[]): Refused[] {
  return refused.map(({ index, reason }) => ({ of: 'panes', index: panes[index]?.index ?? index, reason }));
}

function toStored(row: Row): StoredPane {
  const defined = statistics.filter((statistic) => row[statistic] !== null);
  return {
    start: Number(row['time']) / 1000,
    end: row['end'] === null ? undefined : Number(row['end']),
    count: Number(row['count']),
    revision: Number(row['revision']),
    values: Object.fromEntries(defined.map((statistic) => [statistic, Number(row[statistic])])),
  };
}
