// Real recordings, played over a real broker and a real serial line, through agent and hub into each store: every pane must
// be what a plain batch computation over the file gives.

import { join } from 'node:path';
import type { Row } from '@weir/firmware-sim/csv-rows.ts';
import { installed, startInflux } from '@weir/deploy/local/servers.ts';
import { play } from '@weir/firmware-sim/play.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess, type AgentProcess } from '../support/agent.ts';
import { batchPanes } from '../support/batch.ts';
import { expectSamePanes } from '../support/compare.ts';
import { startHubProcess, type HubProcess } from '../support/hub.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { ambientTemperature, haveRecordings, heartRate, toReadings } from '../support/recordings.ts';
import { until } from '../support/wait.ts';

const influxd = installed('influxd');
const able = haveRecordings && installed('mosquitto') !== undefined && installed('socat') !== undefined;
const minute = 60_000;
const day = 86_400_000;

/** One more reading, two days on: what comes as fast as it goes would otherwise wait for the clock until its day is over. */
function withSequel(rows: readonly Row[]): Row[] {
  const last = rows.at(-1);
  return last === undefined ? [] : [...rows, { ...last, timeMs: last.timeMs + 2 * day }];
}

const gatewayYaml = (broker: number, hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  bands:  { mqtt: "mqtt://127.0.0.1:${broker}", topics: ["band/{device}/{signal}"], time: t, value: v }
  office: { serial: ./office.tty, format: json, time: t }
signals:
  heart_rate:  { from: bands.hr, unit: bpm, range: 25..240 }
  temperature: { from: office.temp, unit: °F, range: 0..150 }
windows:
  - { every: 1m, of: [heart_rate], compute: [mean, min, max, stddev, p95] }
  - { every: 1d, of: [temperature], compute: [mean, min, max, stddev, p95] }
alerts:
  racing: { when: heart_rate > 150, for: 30s, clear: heart_rate < 140 }
settings: { idleAfter: 3s }
`;

describe.skipIf(!able)('a month of heart rate over MQTT and a year of temperatures over a serial line', () => {
  it('are in SQLite as a batch computation over the files gives them', async () => {
    using folder = scratchFolder('recordings');
    await using hub = await startHubProcess(join(folder.path, 'hub'));
    await expectRecordingsIn(hub, folder.path);
  }, 180_000);

  it.skipIf(influxd === undefined)(
    'are in InfluxDB as a batch computation over the files gives them',
    async () => {
      using folder = scratchFolder('recordings');
      const influx = await startInflux(folder.path, influxd ?? '');
      try {
        await using hub = await startHubProcess(
          join(folder.path, 'hub'),
          `{ influx: "${influx.url}", database: weir }`,
        );
        await expectRecordingsIn(hub, folder.path);
      } finally {
        await influx.stop();
      }
    },
    180_000,
  );
});

async function expectRecordingsIn(hub: HubProcess, folder: string): Promise<void> {
  const heart = heartRate();
  const office = ambientTemperature();
  const expected = heart.length + office.length;
  const key = hub.addGateway('line-3');
  await using broker = await startMosquitto(folder);
  await using agent = await startAgentProcess(folder, gatewayYaml(broker.port, hub.mqttPort), { WEIR_HUB_KEY: key });
  await until('the bands are listened to', async () => isUp(agent, 'source bands'));

  const played = await Promise.all([
    play({
      source: withSequel(heart),
      target: { mqtt: `mqtt://127.0.0.1:${broker.port}`, topic: 'band/p1/{signal}' },
      speed: 'max',
    }),
    play({ source: withSequel(office), target: { serial: join(folder, 'office.tty') }, speed: 'max' }),
  ]);
  expect(played.map(({ readings }) => readings)).toEqual([heart.length + 1, office.length + 1]);

  await until(
    'every reading of a window that is over is delivered',
    async () => (await agent.status()).delivered >= expected,
    90_000,
  );
  expect((await agent.status()).lost).toEqual({});
  const view = await until('the hub says so too', async () => {
    const gateway = await hub.gateway('line-3');
    return (gateway?.stored ?? 0) >= expected && gateway;
  });
  expect(view).toMatchObject({ online: true, lost: {} });
  await agent.stop();
  await hub.stop();

  const store = await hub.openStore();
  try {
    const query = { gateway: 'line-3', from: 0, limit: 1_000_000 };
    const heartPanes = await store.panes({
      ...query,
      to: (heart.at(-1)?.timeMs ?? NaN) + day,
      device: 'p1',
      signal: 'heart_rate',
      window: '1m',
    });
    expectSamePanes(heartPanes, batchPanes(toReadings(heart, 'hr'), minute));
    const officePanes = await store.panes({
      ...query,
      to: (office.at(-1)?.timeMs ?? NaN) + day,
      device: 'office',
      signal: 'temperature',
      window: '1d',
    });
    expectSamePanes(officePanes, batchPanes(toReadings(office, 'temp'), day));
  } finally {
    await store.close();
  }
}

async function isUp(agent: AgentProcess, part: string): Promise<boolean> {
  return (await agent.status()).health.some((health) => health.part === part && health.up);
}
