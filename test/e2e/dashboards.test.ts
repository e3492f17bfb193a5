// Every query of every panel of every dashboard, against a real InfluxDB that a real hub filled from a simulated factory line
// and wearables: it must answer, and with rows.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { all } from '@weir/dashboards/all.ts';
import { allValue, expandQuery } from '@weir/dashboards/expand-query.ts';
import { queriesOf } from '@weir/dashboards/queries-of.ts';
import { installed, startInflux } from '@weir/deploy/local/servers.ts';
import { parseScenario } from '@weir/firmware-sim/scenario.ts';
import { startSimulation } from '@weir/firmware-sim/simulation.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { influxRows } from '../support/influx-query.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';

const influxd = installed('influxd');
const able = influxd !== undefined && installed('mosquitto') !== undefined && installed('socat') !== undefined;
const scenarioPath = join(import.meta.dirname, '../../firmware-sim/scenarios/chocolate-line.yaml');
const gatewayPath = join(import.meta.dirname, '../../deploy/local/gateway.yaml');
const speed = 10;
const realMs = 12_000;

describe.skipIf(!able)('with a factory line and wearables in InfluxDB', () => {
  const folder = scratchFolder('dashboards');
  const cleanups: (() => Promise<void>)[] = [];
  let influxUrl = '';
  let from = 0;

  beforeAll(async () => {
    const influx = await startInflux(folder.path, influxd ?? '');
    cleanups.push(() => influx.stop());
    influxUrl = influx.url;
    from = await fill(folder.path, influx.url);
  }, 90_000);

  afterAll(async () => {
    for (const cleanup of cleanups.toReversed()) await cleanup();
    folder[Symbol.dispose]();
  });

  it('leaves out the gateways that are not chosen', async () => {
    const query =
      'SELECT last("up") FROM "gateways" WHERE $timeFilter AND "gateway" =~ /^$gateway$/ GROUP BY "gateway"';
    expect(await ask(query, { gateway: ['line-3'] })).toHaveLength(1);
    expect(await ask(query, { gateway: ['line'] })).toEqual([]);
  });

  describe.each(all)('$fileName', ({ dashboard }) => {
    it.each(queriesOf(dashboard))('$kind "$title" is answered, and a panel with rows', async ({ kind, query }) => {
      const rows = await ask(query);
      // An annotation may have nothing to say: no heart calms down within two minutes of the demo.
      expect(rows.length).toBeGreaterThanOrEqual(kind === 'annotation' ? 0 : 1);
    });
  });

  it.each(['Flagged readings', 'Doors, share of the time open', 'Doors, openings and closings'])(
    'has more than zeros in "%s": the scenario has a stuck sensor and a door that opens',
    async (title) => {
      const values = (await ask(queryOf(title))).map(([, value]) => Number(value));
      expect(Math.max(...values)).toBeGreaterThan(0);
    },
  );

  it('has a session of its own for each time a band is worn', async () => {
    // The scenario plays in the past. Readings of a clock that runs ahead are stamped with the gateway's time, which is the present.
    const ofScenario = (await ask(queryOf('Sessions'))).filter(([time]) => Number(time) < from + realMs * speed);
    const devices = ofScenario.map(([, , device]) => device);
    expect(devices.filter((device) => device === 'clara').length).toBeGreaterThanOrEqual(2);
    expect(devices.filter((device) => device === 'anna')).toHaveLength(1);
  });

  function ask(query: string, chosen: { gateway?: string[] } = {}): Promise<unknown[][]> {
    const variables = { gateway: [allValue], device: [allValue], window: '5s', ...chosen };
    const expanded = expandQuery(query, { from, to: Date.now() + 60_000, interval: '10s', variables });
    return influxRows(influxUrl, 'weir', expanded);
  }
});

/** Of the first panel of that title. */
function queryOf(title: string): string {
  const found = all.flatMap(({ dashboard }) => queriesOf(dashboard)).find((query) => query.title === title);
  if (found === undefined) throw new Error(`no panel is called "${title}"`);
  return found.query;
}

/** Two minutes of the demo, ten times as fast, in the recent past. @returns event time of the first reading */
async function fill(folder: string, influxUrl: string): Promise<number> {
  await using hub = await startHubProcess(join(folder, 'hub'), `{ influx: "${influxUrl}", database: weir }`);
  await using broker = await startMosquitto(folder);
  // Longer out of reach than the demo's: the arrival clock, which closes a silent band's window, is not ten times as fast.
  const scenarioYaml = readFileSync(scenarioPath, 'utf8').replace('sync: 10s', 'sync: 55s');
  const scenario = parseScenario(scenarioYaml, scenarioPath);
  // A wearable's alert, which nobody's heart gives in two minutes of the demo's own rule.
  const yaml = readFileSync(gatewayPath, 'utf8')
    .replace('mqtt://127.0.0.1:1883', `mqtt://127.0.0.1:${hub.mqttPort}`)
    .replace('mqtt://127.0.0.1:1884', `mqtt://127.0.0.1:${broker.port}`)
    .replace('heart_rate > 140, for: 10s, clear: heart_rate < 130', 'heart_rate > 40, for: 1s, clear: heart_rate < 30')
    // So that a band out of reach has its window closed, and corrected when it syncs.
    .replace('idleAfter: 5s', 'idleAfter: 500ms');
  await using agent = await startAgentProcess(folder, yaml, { WEIR_HUB_KEY: hub.addGateway('line-3') });
  await until('the bands are listened to', async () =>
    (await agent.status()).health.some(({ part, up }) => part === 'source bands' && up),
  );
  const boards = Object.fromEntries(
    Object.keys(scenario.boards).map((board) => [board, { link: join(folder, `${board}.tty`) }]),
  );
  const simulation = await startSimulation(scenario, {
    signal: new AbortController().signal,
    speed,
    forMs: realMs,
    // Half a window off: what a band sends in one burst then ends inside a window, which the next burst corrects.
    startMs: Math.floor(Date.now() / 10_000) * 10_000 - 3_600_000 + 2500,
    broker: `mqtt://127.0.0.1:${broker.port}`,
    boards,
  });
  await simulation.done;
  const { readings } = await simulation.stop();
  await until('everything is stored but the open windows', async () => {
    const { taken, pending } = await agent.status();
    return taken === readings && pending === 0;
  });
  await agent.stop();
  await hub.stop();
  return simulation.startMs - 60_000;
}
