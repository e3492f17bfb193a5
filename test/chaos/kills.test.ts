// kill -9 of agent and hub at random moments under load, with real files, a real broker and a real InfluxDB: afterwards every
// reading the sensors' broker took is in the store, and none is there twice. `WEIR_KILLS=200 npm test -- chaos/kills` does it
// as often as that.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installed, startInflux } from '@weir/deploy/local/servers.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { expectAllStored } from './all-stored.ts';
import { sense } from './sensors.ts';

const kills = Number(process.env['WEIR_KILLS'] ?? 30);
const influxd = installed('influxd');
const able = influxd !== undefined && installed('mosquitto') !== undefined;
const windowMs = 1000;

const gatewayYaml = (broker: number, hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  bench: { mqtt: "mqtt://127.0.0.1:${broker}", topics: ["bench/{device}/{signal}"], time: t, value: v }
signals:
  temperature: { from: bench.temp }
windows:
  - { every: 1s, of: all, compute: [mean, min, max], lateness: 1h }
alerts:
  too_hot: { when: temperature > 38, clear: temperature < 5 }
settings: { idleAfter: 3s, commit: 100ms }
`;

describe.skipIf(!able)('under load (needs mosquitto and influxd)', () => {
  it(`agent and hub are killed ${kills} times at random moments, and nothing is missing, nothing twice`, async () => {
    using folder = scratchFolder('kills');
    const random = randomFrom(20261122);
    const influx = await startInflux(folder.path, influxd ?? '');
    await using hub = await startHubProcess(join(folder.path, 'hub'), `{ influx: "${influx.url}", database: weir }`);
    await using broker = await startMosquitto(folder.path);
    const env = { WEIR_HUB_KEY: hub.addGateway('line-3') };
    const start = () => startAgentProcess(folder.path, gatewayYaml(broker.port, hub.mqttPort), env);
    let agent = await start();
    const end = new AbortController();
    try {
      await until('the sensors are listened to', async () =>
        (await agent.status()).health.some(({ part, up }) => part === 'source bench' && up),
      );
      const sensing = ['a', 'b'].map((device) => sense(broker.port, device, end.signal));
      for (let kill = 0; kill < kills; kill++) {
        await sleep(random() * 400);
        if (random() < 0.5) {
          await agent.kill();
          agent = await start();
        } else {
          await hub.kill();
          await sleep(random() * 100);
          await hub.restart();
        }
      }
      end.abort();
      const issued = (await Promise.all(sensing)).flat();
      await until(
        'everything is delivered',
        async () => {
          const { taken, pending, open, uncommitted } = await agent.status();
          return taken >= issued.length && pending + open + uncommitted === 0;
        },
        120_000,
      );
      const { taken, delivered, lost } = await agent.status();
      expect({ taken, delivered, lost }).toEqual({ taken: issued.length, delivered: issued.length, lost: {} });
      await agent.stop();
      await hub.stop();
      await expectAllStored(hub, 'line-3', issued, windowMs);
    } finally {
      end.abort();
      await agent.kill();
      await influx.stop();
    }
  }, 1_200_000);
});
