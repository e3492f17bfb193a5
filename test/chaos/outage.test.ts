// The link to the hub is down for a day. The day is in the readings' times; it passes as fast as the agent takes them in.

import { join } from 'node:path';
import { freePort, installed } from '@weir/deploy/local/servers.ts';
import { MqttSession } from '@weir/edge-agent/mqtt/session.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { Proxy } from '../support/proxy.ts';
import { until } from '../support/wait.ts';
import { expectAllStored } from './all-stored.ts';
import type { Issued } from './sensors.ts';

const windowMs = 10_000;
const everyMs = 5000;
const dayMs = 86_400_000;
const started = Date.UTC(2026, 0, 1);
/** Messages on the way to the broker at one time. */
const atOnce = 500;

const gatewayYaml = (broker: number, hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  bench: { mqtt: "mqtt://127.0.0.1:${broker}", topics: ["bench/{device}/{signal}"], time: t, value: v }
signals:
  temperature: { from: bench.temp }
windows:
  - { every: 10s, of: all, compute: [mean, min, max], lateness: 1h }
settings: { idleAfter: 3s, commit: 100ms }
`;

/** What two devices measure from `from` to `to`. */
function* readings(from: number, to: number, random: () => number): Generator<Issued> {
  for (let time = from; time < to; time += everyMs) {
    for (const device of ['a', 'b']) yield { device, time: started + time, value: Math.round(random() * 4000) / 100 };
  }
}

async function publish(port: number, issued: readonly Issued[]): Promise<void> {
  const session = await MqttSession.connect(
    {
      url: `mqtt://127.0.0.1:${port}`,
      clientId: 'sensors',
      protocolVersion: 4,
      clean: true,
      keepaliveS: 60,
      maxPacketBytes: 1024,
      onMessage: () => undefined,
    },
    AbortSignal.timeout(30_000),
  );
  for (let at = 0; at < issued.length; at += atOnce) {
    const part = issued.slice(at, at + atOnce);
    await Promise.all(
      part.map(({ device, time, value }) =>
        session.publish(`bench/${device}/temp`, Buffer.from(JSON.stringify({ t: time, v: value }))),
      ),
    );
  }
  await session.end();
}

describe.skipIf(installed('mosquitto') === undefined)('a day without a hub (needs mosquitto)', () => {
  it('waits on the disk of the gateway, and all of it arrives when the link is back', async ({ annotate }) => {
    using scratch = scratchFolder('outage');
    await using hub = await startHubProcess(join(scratch.path, 'hub'));
    await using broker = await startMosquitto(scratch.path);
    await using link = await Proxy.open(await freePort(), hub.mqttPort);
    await using agent = await startAgentProcess(scratch.path, gatewayYaml(broker.port, link.port), {
      WEIR_HUB_KEY: hub.addGateway('line-3'),
    });
    const status = () => agent.status();
    await until('the sensors are listened to', async () =>
      (await status()).health.some(({ part, up }) => part === 'source bench' && up),
    );
    const random = randomFrom(24);
    const before = [...readings(0, 600_000, random)];
    await publish(broker.port, before);
    await until('something is delivered', async () => (await status()).delivered > 0);

    await link.down();
    const wasDelivered = (await status()).delivered;
    const during = [...readings(600_000, 600_000 + dayMs, random)];
    await publish(broker.port, during);
    const issued = [...before, ...during];
    const day = await until('the day is over', async () => {
      const now = await status();
      return now.taken === issued.length && now.open + now.uncommitted === 0 && now;
    });
    expect(day.delivered).toBeLessThan(wasDelivered + during.length / 2);
    expect(day.pending + day.delivered).toBe(issued.length);

    await link.up();
    const up = performance.now();
    await until('the first of it arrives', async () => (await status()).pending < day.pending);
    const first = performance.now();
    await until('all of it has arrived', async () => (await status()).pending === 0, 60_000);
    const seconds = [first - up, performance.now() - first].map((ms) => (ms / 1000).toFixed(1));
    const { taken, delivered, lost, imbalance } = await status();
    expect({ taken, delivered, lost, imbalance }).toEqual({
      taken: issued.length,
      delivered: issued.length,
      lost: {},
      imbalance: 0,
    });
    await agent.stop();
    await hub.stop();
    await expectAllStored(hub, 'line-3', issued, windowMs);
    const backlog = `${day.pending} readings (${Math.round(day.outboxBytes / 1000)} kB)`;
    await annotate(
      `${backlog} waited; the gateway came back after ${seconds[0]} s, and they were there after ${seconds[1]} s`,
    );
  }, 120_000);
});
