// Every kind of window, end to end: readings out of order and late, over a real broker, through agent and hub into a real
// InfluxDB. What it holds in the end is what a plain batch computation over everything that was sent gives; and a session
// that a late reading has joined to another is there no more.

import { join } from 'node:path';
import { installed, startInflux } from '@weir/deploy/local/servers.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import type { Row } from '@weir/firmware-sim/csv-rows.ts';
import { play } from '@weir/firmware-sim/play.ts';
import type { Store, StoredPane } from '@weir/hub/store/store.ts';
import type { Statistic, WindowShape } from '@weir/shared/model/pane.ts';
import { sketchAccuracy } from '@weir/shared/stream/sketch.ts';
import { batchStatistic, batchWindows } from '@weir/shared/testing/batch.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess, type AgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { influxRows } from '../support/influx-query.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';

const influxd = installed('influxd');
const able = influxd !== undefined && installed('mosquitto') !== undefined;
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const started = Date.UTC(2024, 2, 1, 6);

const gatewayYaml = (broker: number, hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  line: { mqtt: "mqtt://127.0.0.1:${broker}", topics: ["line/{device}/{signal}"], time: t, value: v }
signals:
  hot:    { from: line.hot, unit: °C }
  cold:   { from: line.cold, unit: °C }
  pulse:  { from: line.pulse, unit: bpm }
  spread: { formula: hot - cold, unit: °C }
windows:
  - { every: 10m, of: [hot, cold], compute: [mean, last], lateness: 6h }
  - { every: 1h, slide: 10m, of: [hot, spread], compute: [mean, min, max, stddev, time_mean, p95], lateness: 6h }
  - { session: 10m, of: [pulse], compute: [mean, max, duration], lateness: 6h, early: 1s }
  - { count: 50, of: [cold], compute: [mean, min, first, last] }
settings: { disorder: 2m, commit: 200ms }
`;

/** Four hours of a line, a row every 20 s, out of order by less than the disorder. */
function lineRows(): Row[] {
  const random = randomFrom(11);
  const rows = Array.from({ length: 720 }, (_, index): Row => {
    const wave = Math.sin(index / 40);
    const values = { hot: round(60 + 15 * wave + random()), cold: round(20 + 2 * wave - random()) };
    return { timeMs: started + index * 20 * second, values };
  });
  const place = new Map(rows.map((row) => [row, row.timeMs + random() * 100 * second]));
  return rows.toSorted((a, b) => (place.get(a) ?? 0) - (place.get(b) ?? 0));
}

/** A pulse every 30 s for ten minutes. */
const session = (startMs: number): Row[] =>
  Array.from({ length: 20 }, (_, index) => ({
    timeMs: startMs + index * 30 * second,
    values: { pulse: 60 + ((index * 7) % 40) },
  }));

const round = (value: number): number => Math.round(value * 100) / 100;

describe.skipIf(!able)('a line and a pulse, out of order and late', () => {
  it('are in InfluxDB, window by window, as a batch computation over everything sent gives them', async () => {
    using folder = scratchFolder('windows');
    const influx = await startInflux(folder.path, influxd ?? '');
    try {
      await using hub = await startHubProcess(join(folder.path, 'hub'), `{ influx: "${influx.url}", database: weir }`);
      await using broker = await startMosquitto(folder.path);
      const env = { WEIR_HUB_KEY: hub.addGateway('line-3') };
      const yaml = gatewayYaml(broker.port, hub.mqttPort);
      let agent = await startAgentProcess(folder.path, yaml, env);
      try {
        const sent: Row[] = [];
        const send = async (rows: readonly Row[]): Promise<void> => {
          sent.push(...rows);
          const target = { mqtt: `mqtt://127.0.0.1:${broker.port}`, topic: 'line/press/{signal}' };
          await play({ source: rows, target, speed: 'max' });
          await until('everything is taken in', async () => (await agent.status()).taken === readingsIn(sent));
        };
        const sessions = async (): Promise<unknown[]> => {
          const rows = await influxRows(
            influx.url,
            'weir',
            `SELECT "count" FROM "pulse" WHERE "window" = 'session-10m'`,
          );
          return rows.map(([time]) => time);
        };
        await until('the line is listened to', () => isUp(agent, 'source line'));

        const [one, two, three] = [started, started + 20 * minute, started + 2 * hour];
        const line = lineRows();
        const held = line.filter((_, index) => index % 20 === 7);
        await send([...session(one), ...session(two), ...session(three)]);
        await send(line.map((row) => (held.includes(row) ? withoutHot(row) : row)));
        await until('the first panes are stored', async () => ((await hub.gateway('line-3'))?.stored ?? 0) > 0);
        await until(
          'three sessions are stored, one of them open',
          async () => (await sessions()).join() === [one, two, three].join(),
        );

        await agent.kill();
        agent = await startAgentProcess(folder.path, yaml, env);
        await until('the line is listened to again', () => isUp(agent, 'source line'));
        const late = [one + 15 * minute, three - 5 * minute].map((timeMs) => ({ timeMs, values: { pulse: 50 } }));
        await send([...held.map(onlyHot), ...late]);
        await until('two sessions are one, and one begins earlier', async () => {
          return (await sessions()).join() === [one, three - 5 * minute].join();
        });

        // Far later: everything before is over, and these are in windows that are open.
        const closing = { timeMs: started + 48 * hour, values: { hot: 0, cold: 0, pulse: 0 } };
        await send([closing]);
        const delivered = readingsIn(sent) - 3;
        // The pulse has its early pane.
        await until('everything before is delivered', async () => (await agent.status()).delivered === delivered + 1);
        expect((await agent.status()).lost).toEqual({});
        await agent.stop();
        await hub.stop();
        const store = await hub.openStore();
        await expectBatchIn(store, sent.slice(0, -1));
        await store.close();
      } finally {
        await agent.kill();
      }
    } finally {
      await influx.stop();
    }
  }, 120_000);
});

const withoutHot = ({ timeMs, values: { cold = NaN } }: Row): Row => ({ timeMs, values: { cold } });

const onlyHot = ({ timeMs, values: { hot = NaN } }: Row): Row => ({ timeMs, values: { hot } });

function readingsIn(rows: readonly Row[]): number {
  return rows.reduce((sum, { values }) => sum + Object.keys(values).length, 0);
}

async function isUp(agent: AgentProcess, part: string): Promise<boolean> {
  return (await agent.status()).health.some((health) => health.part === part && health.up);
}

async function expectBatchIn(store: Store, sent: readonly Row[]): Promise<void> {
  const of = (signal: string) =>
    sent.flatMap(({ timeMs: time, values }) => (values[signal] === undefined ? [] : [{ time, value: values[signal] }]));
  const cold = new Map(of('cold').map(({ time, value }) => [time, value]));
  const rows = {
    hot: of('hot'),
    cold: of('cold'),
    pulse: of('pulse'),
    spread: of('hot').map(({ time, value }) => ({ time, value: value - (cold.get(time) ?? NaN) })),
  };
  const hopping: WindowShape = { kind: 'hopping', sizeMs: hour, slideMs: 10 * minute };
  const tumbling: WindowShape = { kind: 'tumbling', sizeMs: 10 * minute, zone: undefined };
  const checks: [keyof typeof rows, string, WindowShape, Statistic[]][] = [
    ['hot', '10m', tumbling, ['mean', 'last']],
    ['cold', '10m', tumbling, ['mean', 'last']],
    ['hot', '1h/10m', hopping, ['mean', 'min', 'max', 'stddev', 'time_mean', 'p95']],
    ['spread', '1h/10m', hopping, ['mean', 'min', 'max', 'stddev', 'time_mean', 'p95']],
    ['pulse', 'session-10m', { kind: 'session', gapMs: 10 * minute }, ['mean', 'max', 'duration']],
    ['cold', 'count-50', { kind: 'count', size: 50 }, ['mean', 'min', 'first', 'last']],
  ];
  for (const [signal, window, shape, statistics] of checks) {
    const range = { from: 0, to: started + 24 * hour, limit: 100_000 };
    const stored = await store.panes({ gateway: 'line-3', device: 'press', signal, window, ...range });
    const batch = batchWindows(rows[signal], shape).toSorted((a, b) => a.start - b.start);
    // A count window that is not full is not over.
    const expected = shape.kind === 'count' ? batch.filter(({ rows }) => rows.length >= shape.size) : batch;
    expect(expected.length, `${signal} ${window}`).toBeGreaterThan(1);
    expect(stored.map(boundsOf), `${signal} ${window}`).toEqual(
      expected.map(({ start, end, rows }) =>
        boundsOf({ start, end: 'sizeMs' in shape ? undefined : end, count: rows.length }),
      ),
    );
    for (const [index, pane] of expected.entries()) {
      for (const statistic of statistics) {
        const is = stored[index]?.values[statistic] ?? NaN;
        const wanted = batchStatistic(statistic, pane, { shape, isOn: () => false, expectMs: NaN });
        const error = Math.abs(is - wanted) / Math.max(Math.abs(wanted), 1);
        const name = `${statistic} of ${signal} ${window} at ${pane.start}: ${is}, not ${wanted}`;
        expect(error, name).toBeLessThanOrEqual(statistic === 'p95' ? sketchAccuracy : 1e-9);
      }
    }
  }
}

function boundsOf({ start, end, count }: Pick<StoredPane, 'start' | 'end' | 'count'>) {
  return { start, end, count };
}
