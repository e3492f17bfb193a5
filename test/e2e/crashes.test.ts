// kill -9 of the hub, kill -9 of the agent, and a link that is down for 20 seconds, all while a recording is played: afterwards
// nothing is missing and nothing is there twice.

import { join } from 'node:path';
import { play } from '@weir/firmware-sim/play.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { batchPanes } from '../support/batch.ts';
import { expectSamePanes } from '../support/compare.ts';
import { startHubProcess } from '../support/hub.ts';
import { freePort, installed } from '@weir/deploy/local/servers.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { Proxy } from '../support/proxy.ts';
import { haveRecordings, heartRate, toReadings } from '../support/recordings.ts';
import { until } from '../support/wait.ts';

const able = haveRecordings && installed('mosquitto') !== undefined;
const linkDownMs = 20_000;

const gatewayYaml = (broker: number, hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  bands: { mqtt: "mqtt://127.0.0.1:${broker}", topics: ["band/{device}/{signal}"], time: t, value: v }
signals:
  heart_rate: { from: bands.hr, unit: bpm, range: 25..240 }
windows:
  - { every: 1m, of: all, compute: [mean, min, max, stddev, p95] }
alerts:
  racing: { when: heart_rate > 150, for: 30s, clear: heart_rate < 140 }
settings: { idleAfter: 3s, commit: 100ms }
`;

describe.skipIf(!able)('while a recording is played', () => {
  it('the hub and the agent are killed and the link is down for 20 s, and nothing is missing, nothing twice', async () => {
    using folder = scratchFolder('crashes');
    const rows = heartRate(60_000);
    await using hub = await startHubProcess(join(folder.path, 'hub'));
    await using link = await Proxy.open(await freePort(), hub.mqttPort);
    await using broker = await startMosquitto(folder.path);
    const env = { WEIR_HUB_KEY: hub.addGateway('line-3') };
    const yaml = gatewayYaml(broker.port, link.port);
    let agent = await startAgentProcess(folder.path, yaml, env);
    try {
      await until('the bands are listened to', async () =>
        (await agent.status()).health.some(({ part, up }) => part === 'source bands' && up),
      );

      const troubles = [
        { at: 10_000, name: 'hub killed', make: () => hub.kill() },
        { at: 18_000, name: 'hub started again', make: () => hub.restart() },
        { at: 25_000, name: 'agent killed', make: () => agent.kill() },
        {
          at: 30_000,
          name: 'agent started again',
          make: async () => void (agent = await startAgentProcess(folder.path, yaml, env)),
        },
        { at: 36_000, name: 'agent killed at once', make: () => agent.kill() },
        {
          at: 36_256,
          name: 'agent started again',
          make: async () => void (agent = await startAgentProcess(folder.path, yaml, env)),
        },
        { at: 42_000, name: 'link down', make: () => link.down() },
      ];
      const happened: string[] = [];
      let linkUp: Promise<void> | undefined;
      const target = { mqtt: `mqtt://127.0.0.1:${broker.port}`, topic: 'band/p1/{signal}' };
      const { readings } = await play({
        source: rows,
        target,
        speed: 'max',
        async afterRows(count) {
          while (troubles[0] !== undefined && count >= troubles[0].at) {
            const trouble = troubles.shift();
            happened.push(trouble?.name ?? '');
            await trouble?.make();
            if (trouble?.name === 'link down')
              linkUp = new Promise<void>((resolve) => setTimeout(resolve, linkDownMs)).then(() => link.up());
          }
        },
      });
      expect(readings).toBe(rows.length);
      expect(happened).toHaveLength(7);
      const behind = await until('the agent has a backlog while the link is down', async () => {
        const status = await agent.status();
        return status.taken >= rows.length && status;
      });
      expect(behind.pending).toBeGreaterThan(0);
      await linkUp;

      const status = await until(
        'every reading is delivered',
        async () => {
          const now = await agent.status();
          return now.pending === 0 && now.open === 0 && now;
        },
        90_000,
      );
      expect(status).toMatchObject({ taken: rows.length, delivered: rows.length, lost: {} });
      await agent.stop();
      await hub.stop();
      const store = await hub.openStore();
      const query = {
        gateway: 'line-3',
        device: 'p1',
        signal: 'heart_rate',
        window: '1m',
        from: 0,
        to: Date.UTC(2100, 0),
        limit: 1_000_000,
      };
      const panes = await store.panes(query);
      expectSamePanes(panes, batchPanes(toReadings(rows, 'hr'), 60_000));
      expect(await store.countStored()).toBe(rows.length);
      await store.close();
    } finally {
      await agent.kill();
    }
  }, 240_000);
});
