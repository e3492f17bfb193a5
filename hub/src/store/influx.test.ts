// InfluxDB as the store, against a real influxd.

import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../listen.ts';
import { baseTime, pane, retraction, transition } from '../testing/fixtures.ts';
import { Influxd, influxdInstalled } from '../testing/influxd.ts';
import { rawReadings, type ReadingRow } from '../testing/raw.ts';
import { InfluxStore } from './influx.ts';
import { StoreOutage, type GatewayPane, type GatewayRaw } from './store.ts';
import { storeSuite } from './store.suite.ts';

describe.skipIf(!influxdInstalled)('with influxd', () => {
  let influxd: Influxd;
  beforeAll(async () => {
    influxd = await Influxd.start();
  });
  afterAll(() => influxd[Symbol.asyncDispose]());

  let databases = 0;
  const open = (database: string): InfluxStore => new InfluxStore(new URL(influxd.url), database);
  const fresh = (): { store: InfluxStore; database: string } => {
    const database = `weir_${databases++}`;
    return { store: open(database), database };
  };
  storeSuite('InfluxDB', () => {
    const database = `suite_${databases++}`;
    return {
      open: () => Promise.resolve(open(database)),
      clear: async () => {
        await influxd.query('', `DROP DATABASE ${database}`);
      },
    };
  });

  test('points of a type InfluxDB does not take are refused with its reason, the others are stored', async () => {
    const { store, database } = fresh();
    await store.write({ panes: gatewayPanes(pane({ signal: 'humidity' })), transitions: [] });
    await influxd.write(database, `temperature,gateway=x mean="text" ${baseTime}000`);
    const panes = gatewayPanes(
      ...Array.from({ length: 100 }, (_, index) =>
        pane({ index, signal: index % 10 === 3 ? 'temperature' : 'humidity' }),
      ),
    );
    const refused = await store.write({ panes, transitions: [] });
    expect(refused.map(({ index }) => index)).toEqual([3, 13, 23, 33, 43, 53, 63, 73, 83, 93]);
    expect(refused[0]?.reason).toContain('field type conflict');
    expect(await store.countStored()).toBe(900);
    await store.close();
  });

  test('a time InfluxDB cannot hold is refused and does not take others with it', async () => {
    const { store } = fresh();
    const refused = await store.write({
      panes: gatewayPanes(pane(), pane({ start: 9.3e15 }), pane({ index: 1 })),
      transitions: [],
    });
    expect(refused).toMatchObject([{ of: 'panes', index: 1 }]);
    expect(await store.countStored()).toBe(20);
    await store.close();
  });

  test('a refused transition is told from a refused pane', async () => {
    const { store, database } = fresh();
    await store.write({ panes: gatewayPanes(pane()), transitions: [] });
    await influxd.write(database, `alerts,gateway=x value="text" ${baseTime}000`);
    const transitions = [{ gateway: 'line-3', transition: transition() }];
    const refused = await store.write({ panes: gatewayPanes(pane({ index: 1 })), transitions });
    expect(refused).toMatchObject([{ of: 'transitions', index: 0 }]);
    expect(await store.countStored()).toBe(20);
    await store.close();
  });

  test('a database that was dropped is made again', async () => {
    const { store, database } = fresh();
    await store.write({ panes: gatewayPanes(pane()), transitions: [] });
    await influxd.query('', `DROP DATABASE ${database}`);
    await store.write({ panes: gatewayPanes(pane({ index: 1 })), transitions: [] });
    expect(await store.countStored()).toBe(10);
    await store.close();
  });

  test('what an operator does to an alarm leaves it on, and says who did it; why comes with it', async () => {
    const { store, database } = fresh();
    const states = [
      transition({ reason: 'temperature is 34.5, above 34', quiet: 'late' }),
      transition({ state: 'acknowledged', time: baseTime + 15_000, by: 'Ada', value: NaN }),
    ];
    await store.write({ panes: [], transitions: states.map((one) => ({ gateway: 'line-3', transition: one })) });
    const on = 'SELECT last("firing") AS firing FROM alerts GROUP BY "gateway", "device", "signal", "rule"';
    expect(await influxd.query(database, `SELECT sum("firing") FROM (${on})`)).toMatchObject({
      results: [{ series: [{ values: [[0, 1]] }] }],
    });
    expect(await influxd.query(database, 'SELECT state, firing, reason, quiet, operator FROM alerts')).toMatchObject({
      results: [
        {
          series: [
            {
              values: [
                [baseTime + 10_000, 'firing', 1, 'temperature is 34.5, above 34', 'late', null],
                [baseTime + 15_000, 'acknowledged', null, null, null, 'Ada'],
              ],
            },
          ],
        },
      ],
    });
    await store.close();
  });

  test('transitions and health have the shape dashboards query', async () => {
    const { store, database } = fresh();
    await store.write({
      panes: [],
      transitions: [
        { gateway: 'line-3', transition: transition() },
        { gateway: 'line-3', transition: transition({ state: 'cleared', time: baseTime + 20_000, value: 30 }) },
      ],
    });
    const health = { up: true, taken: 10, stored: 5, open: 2, pending: 2, outboxBytes: 100, memoryBytes: 1e8 };
    const sources = { readingsPerSecond: 12.5, sourcesUp: 2, sourcesDown: 1 };
    const lost = { too_late: 1, invalid: 2 };
    const disk = { imbalance: -2, writtenBytesPerHour: 4e6, syncsPerHour: 7200, cardYears: 12.5 };
    const point = { gateway: 'line-3', timeMs: baseTime, ...health, ...sources, lost };
    await store.writeGateways([{ ...point, ...disk }]);
    expect(await influxd.query(database, 'SELECT firing, state, value FROM alerts GROUP BY *')).toMatchObject({
      results: [
        {
          series: [
            {
              tags: {
                gateway: 'line-3',
                device: 'press',
                signal: 'temperature',
                rule: 'too_hot',
                severity: 'critical',
              },
              values: [
                [baseTime + 10_000, 1, 'firing', 34.5],
                [baseTime + 20_000, 0, 'cleared', 30],
              ],
            },
          ],
        },
      ],
    });
    const columns = 'up, taken, lost, lost_too_late, outbox_bytes, readings_per_second, sources_down';
    expect(await influxd.query(database, `SELECT ${columns} FROM gateways GROUP BY *`)).toMatchObject({
      results: [{ series: [{ tags: { gateway: 'line-3' }, values: [[baseTime, 1, 10, 3, 1, 100, 12.5, 1]] }] }],
    });
    const more = 'SELECT imbalance, written_bytes_per_hour, syncs_per_hour, card_years FROM gateways';
    expect(await influxd.query(database, more)).toMatchObject({
      results: [{ series: [{ values: [[baseTime, -2, 4e6, 7200, 12.5]] }] }],
    });
    await store.close();
  });

  test('what is refused is named by its place in the batch, also between retractions', async () => {
    const { store, database } = fresh();
    await store.write({ panes: gatewayPanes(pane({ signal: 'humidity' })), transitions: [] });
    await influxd.write(database, `temperature,gateway=x mean="text" ${baseTime}000`);
    const humid = pane({ signal: 'humidity', index: 1 });
    const panes = gatewayPanes(retraction(humid), pane(), humid, retraction(pane()), humid, pane({ index: 1 }));
    const refused = await store.write({ panes, transitions: [] });
    expect(refused.map(({ of, index }) => `${of} ${index}`)).toEqual(['panes 1', 'panes 5']);
    expect(await store.countStored()).toBe(20);
    await store.close();
  });

  test('many retractions are as good as few', async () => {
    const { store } = fresh();
    const panes = Array.from({ length: 250 }, (_, index) => pane({ index }));
    await store.write({ panes: gatewayPanes(...panes), transitions: [] });
    await store.write({ panes: gatewayPanes(...panes.slice(0, 249).map(retraction)), transitions: [] });
    expect(await store.countStored()).toBe(10);
    await store.close();
  });

  test('a deletion that cannot be done now is an outage', async () => {
    const { store } = fresh();
    await influxd.stop('SIGKILL');
    await expect(store.write({ panes: gatewayPanes(retraction(pane())), transitions: [] })).rejects.toThrow(
      StoreOutage,
    );
    await influxd.resume();
    await store.close();
  });

  const hour = 3_600_000;
  const query = { gateway: 'line-3', device: 'press', signal: 'temperature', from: 0, to: 4e12, limit: 100 };
  const policies = async (database: string): Promise<unknown> =>
    influxd.query('', `SHOW RETENTION POLICIES ON ${database}`);
  const policyOf = (duration: string, shards: string): unknown => {
    const values = expect.arrayContaining([['weir_raw', duration, shards, 1, false]]);
    return { results: [expect.objectContaining({ series: [expect.objectContaining({ values })] })] };
  };
  /** Readings each so old. */
  const aged = (...agesMs: number[]): GatewayRaw[] => {
    const rows = agesMs.map((age, index): ReadingRow => [Math.floor(Date.now() - age), index]);
    return [{ gateway: 'line-3', raw: rawReadings({ rows }) }];
  };
  const nothing = { panes: [], transitions: [] };

  test('raw readings have a retention policy of their own, altered when the setting has changed', async () => {
    const { store, database } = fresh();
    await store.write({ ...nothing, raw: aged(1000, 3 * hour) });
    expect(await policies(database)).toEqual(policyOf('720h0m0s', '24h0m0s'));
    expect(await store.raw(query)).toHaveLength(2);
    await store.close();
    for (const [keepMs, duration, shards] of [
      [hour, '1h0m0s', '1h0m0s'],
      [hour, '1h0m0s', '1h0m0s'],
      [365 * 24 * hour, '8760h0m0s', '168h0m0s'],
    ] as const) {
      const changed = new InfluxStore(new URL(influxd.url), database, keepMs);
      await changed.trimRaw();
      expect(await policies(database)).toEqual(policyOf(duration, shards));
      await changed.close();
    }
  });

  test('raw readings older than they are kept are refused with the reason, the others are stored', async () => {
    const { store } = fresh();
    const day = 24 * hour;
    const raw = [...aged(1000, 40 * day, 2000), ...aged(3000), ...aged(50 * day, 60 * day)];
    const refused = await store.write({ ...nothing, raw });
    expect(refused.map(({ of, index }) => `${of} ${index}`)).toEqual(['raw 0', 'raw 2', 'raw 2']);
    expect(refused[0]?.reason).toContain('retention policy');
    expect(await store.raw(query)).toHaveLength(3);
    await store.close();
  });

  test('raw readings have the shape dashboards query', async () => {
    const { store, database } = fresh();
    await store.write({ panes: gatewayPanes(pane()), transitions: [], raw: aged(1000) });
    const tags = { gateway: 'line-3', device: 'press' };
    expect(await influxd.query(database, 'SELECT value, quality FROM weir_raw.temperature GROUP BY *')).toMatchObject({
      results: [{ series: [{ tags, values: [[expect.any(Number), 0, 'good']] }] }],
    });
    expect(await influxd.query(database, 'SELECT value FROM temperature')).toEqual({ results: [{ statement_id: 0 }] });
    await store.close();
  });

  test('what it acknowledged of raw readings survives kill -9', async () => {
    const { store } = fresh();
    await store.write({ ...nothing, raw: aged(1000, 2000, 3000) });
    await influxd.stop('SIGKILL');
    await influxd.resume();
    expect(await store.raw(query)).toHaveLength(3);
    await store.close();
  });

  test('while InfluxDB is down raw readings are an outage, and trimming too', async () => {
    const { store } = fresh();
    await influxd.stop('SIGKILL');
    await expect(store.write({ ...nothing, raw: aged(1000) })).rejects.toThrow(StoreOutage);
    await expect(store.trimRaw()).rejects.toThrow(StoreOutage);
    await influxd.resume();
    expect(await store.write({ ...nothing, raw: aged(1000) })).toEqual([]);
    await store.close();
  });

  test('while InfluxDB is down every call is an outage, and afterwards everything works again', async () => {
    const { store } = fresh();
    const batch = { panes: gatewayPanes(pane()), transitions: [] };
    await influxd.stop('SIGKILL');
    await expect(store.write(batch)).rejects.toThrow(StoreOutage);
    await expect(store.countStored()).rejects.toThrow(StoreOutage);
    await influxd.resume();
    expect(await store.write(batch)).toEqual([]);
    expect(await store.countStored()).toBe(10);
    await store.close();
  });

  test('what it acknowledged survives kill -9, what it deleted too', async () => {
    const { store } = fresh();
    await store.write({ panes: gatewayPanes(pane(), pane({ index: 1 }), pane({ index: 2 })), transitions: [] });
    await store.write({ panes: gatewayPanes(retraction(pane())), transitions: [] });
    await influxd.stop('SIGKILL');
    await influxd.resume();
    expect(await store.countStored()).toBe(20);
    await store.close();
  });
});

describe('an InfluxDB that does not delete', () => {
  /** Answers every deletion with this, and takes every write. */
  async function answering(status: number, body: string): Promise<{ store: InfluxStore; close: () => void }> {
    const server = createServer((request, response) => {
      request.resume();
      const isWrite = request.url?.startsWith('/write') === true;
      response.writeHead(isWrite ? 204 : status).end(isWrite ? '' : body);
    });
    const port = await listen(server, { host: '127.0.0.1', port: 0 });
    const store = new InfluxStore(new URL(`http://127.0.0.1:${port}`), 'weir');
    return { store, close: () => void server.close() };
  }
  const panes = gatewayPanes(retraction(pane()), pane({ index: 1 }), retraction(pane({ index: 2 })));

  test('because it has no such statement has the retractions refused, and takes the rest', async () => {
    const { store, close } = await answering(400, '{"error":"DELETE is not supported"}');
    expect(await store.write({ panes, transitions: [] })).toEqual([
      { of: 'panes', index: 0, reason: 'DELETE is not supported' },
      { of: 'panes', index: 2, reason: 'DELETE is not supported' },
    ]);
    await store.close();
    close();
  });

  test.each([
    [200, '{"results":[{"statement_id":0,"error":"timeout"}]}', 'timeout'],
    [503, 'try later', 'try later'],
    [401, '{"error":"authorization failed"}', 'authorization failed'],
    [200, 'a page of some proxy', 'a page of some proxy'],
  ])('for now, saying %d %s, is out', async (status, body, reason) => {
    const { store, close } = await answering(status, body);
    const writing = store.write({ panes, transitions: [] });
    await expect(writing).rejects.toThrow(StoreOutage);
    await expect(writing).rejects.toThrow(reason);
    await store.close();
    close();
  });
});

describe('an InfluxDB that makes no retention policy', () => {
  test('has the raw readings refused with what it says, and takes everything else', async () => {
    const server = createServer((request, response) => {
      request.resume();
      const { pathname, searchParams } = new URL(request.url ?? '/', 'http://influx');
      if (pathname === '/write' && searchParams.has('rp'))
        response.writeHead(500).end('{"error":"retention policy not found: weir_raw"}'); // prettier-ignore
      else if (pathname === '/write') response.writeHead(204).end();
      else response.writeHead(200).end(answerTo(searchParams.get('q')));
    });
    /** `CREATE DATABASE` comes in the address, what concerns the policy in the body. */
    const answerTo = (query: string | null): string =>
      query === null ? '{"results":[{"error":"not executed: no privilege"}]}' : '{"results":[{}]}';
    const store = new InfluxStore(
      new URL(`http://127.0.0.1:${await listen(server, { host: '127.0.0.1', port: 0 })}`),
      'weir',
    );
    const raw = [{ gateway: 'line-3', raw: rawReadings() }];
    const refused = await store.write({ panes: gatewayPanes(pane()), transitions: [], raw });
    expect(refused).toHaveLength(3);
    expect(refused[0]).toMatchObject({ of: 'raw', index: 0, reason: expect.stringContaining('no privilege') });
    await expect(store.trimRaw()).resolves.toBeUndefined();
    await store.close();
    server.close();
  });
});

function gatewayPanes(...panes: ReturnType<typeof pane>[]): GatewayPane[] {
  return panes.map((pane) => ({ gateway: 'line-3', pane }));
}
