// InfluxDB as the store, against a real influxd.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { baseTime, pane, transition } from '../testing/fixtures.ts';
import { Influxd, influxdInstalled } from '../testing/influxd.ts';
import { InfluxStore } from './influx.ts';
import { StoreOutage, type GatewayPane } from './store.ts';
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
    await influxd.write(database, `temperature,gateway=x mean="text" ${baseTime}`);
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
    await influxd.write(database, `alerts,gateway=x value="text" ${baseTime}`);
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
    await store.writeGateways([{ gateway: 'line-3', timeMs: baseTime, ...health, ...sources, lost }]);
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

  test('what it acknowledged survives kill -9', async () => {
    const { store } = fresh();
    await store.write({ panes: gatewayPanes(pane(), pane({ index: 1 })), transitions: [] });
    await influxd.stop('SIGKILL');
    await influxd.resume();
    expect(await store.countStored()).toBe(20);
    await store.close();
  });
});

function gatewayPanes(...panes: ReturnType<typeof pane>[]): GatewayPane[] {
  return panes.map((pane) => ({ gateway: 'line-3', pane }));
}
