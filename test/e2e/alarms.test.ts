// Alarms as people meet them: an agent, a broker with a plant behind it, somebody who is told, and the hub's history.

import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { MqttSession } from '@weir/edge-agent/mqtt/session.ts';
import { freePort, installed } from '@weir/deploy/local/servers.ts';
import type { AlertView } from '@weir/hub/http/views.ts';
import { describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { startHubProcess, type HubProcess } from '../support/hub.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
const main = join(root, 'edge-agent/src/main.ts');

interface Told {
  readonly state: string;
  readonly rule?: string;
  readonly count?: number;
  /** When it came. */
  readonly at: number;
}

/** Somebody with a telephone. */
async function startReceiver(): Promise<{ url: string; told: Told[] } & AsyncDisposable> {
  const told: Told[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const said = JSON.parse(Buffer.concat(chunks).toString()) as Omit<Told, 'at'>;
      told.push({ ...said, at: performance.now() });
      response.writeHead(204).end();
    });
  });
  const port = await freePort();
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${port}/`,
    told,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

const gatewayYaml = (hub: number, broker: number, webhook: string): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  plant: { mqtt: "mqtt://127.0.0.1:${broker}", topics: ["plant/{device}/{signal}"] }
signals:
  temperature: { from: plant.temp, unit: °C }
  heart_rate: { from: plant.hr }
windows:
  - { every: 1m, of: all, compute: [mean] }
alerts:
  too_hot: { when: temperature > 34, clear: temperature < 33, severity: critical, do: [call] }
  band_lost: { silent: heart_rate, for: 6s, suppressedBy: deaf, do: [call] }
  deaf: { silent: heart_rate, for: 4s, per: gateway, severity: critical, do: [call] }
actions:
  call: { webhook: "${webhook}", on: [firing] }
`;

async function startPlant(port: number): Promise<{ say: (topic: string, value: number) => void } & AsyncDisposable> {
  const session = await MqttSession.connect(
    {
      url: `mqtt://127.0.0.1:${port}`,
      clientId: 'plant',
      protocolVersion: 4,
      clean: true,
      keepaliveS: 60,
      maxPacketBytes: 1024,
      onMessage: () => undefined,
    },
    AbortSignal.timeout(10_000),
  );
  return {
    say: (topic, value) => void session.publish(topic, Buffer.from(String(value))).catch(() => undefined),
    [Symbol.asyncDispose]: () => session.end(),
  };
}

async function alertsAt(hub: HubProcess): Promise<AlertView[]> {
  return (await (await fetch(`${hub.url}/api/alerts?limit=1000`)).json()) as AlertView[];
}

async function start(folder: string) {
  const receiver = await startReceiver();
  const broker = await startMosquitto(folder);
  const hub = await startHubProcess(join(folder, 'hub'));
  const text = gatewayYaml(hub.mqttPort, broker.port, receiver.url);
  const agent = await startAgentProcess(folder, text, { WEIR_HUB_KEY: hub.addGateway('line-3') });
  await until('the source is open', async () =>
    (await agent.status()).health.some(({ part, up }) => part === 'source plant' && up),
  );
  const plant = await startPlant(broker.port);
  const parts = [plant, agent, hub, broker, receiver];
  return {
    receiver,
    hub,
    agent,
    plant,
    async [Symbol.asyncDispose]() {
      for (const part of parts) await part[Symbol.asyncDispose]();
    },
  };
}

describe.skipIf(installed('mosquitto') === undefined)('alarms (needs mosquitto)', () => {
  it('a thousand in ten seconds are ten messages at most, and a complete history', async () => {
    using folder = scratchFolder('flood');
    await using all = await start(folder.path);
    const { receiver, hub, agent, plant } = all;
    for (let device = 0; device < 1000; device++) plant.say(`plant/oven-${device}/temp`, 40);
    await until('every alarm is on', async () => (await agent.status()).alarms.firing === 1000);

    const told = (): number => receiver.told.reduce((sum, { count = 1 }) => sum + count, 0);
    await until('all of them are told', () => told() === 1000);
    const begin = receiver.told[0]?.at ?? 0;
    // As they were sent; the first may have been longer on its way than the eleventh.
    expect(receiver.told.filter(({ at }) => at - begin < 9000).length).toBeLessThanOrEqual(10);
    expect(receiver.told.length).toBeLessThanOrEqual(20);
    expect(receiver.told.filter(({ state }) => state === 'digest').length).toBeGreaterThan(0);

    const history = await until('the hub has every one', async () => {
      const alerts = (await alertsAt(hub)).filter(({ rule }) => rule === 'too_hot');
      return alerts.length === 1000 && alerts;
    });
    expect(new Set(history.map(({ device }) => device)).size).toBe(1000);
    expect(history[0]).toMatchObject({ cleared: null, reason: 'temperature is 40, above 34', quiet: '' });
  }, 60_000);

  it('fifty sensors that fall silent with their gateway are one message, and when they are back, none', async () => {
    using folder = scratchFolder('deaf');
    await using all = await start(folder.path);
    const { receiver, hub, agent, plant } = all;
    const speak = async (ms: number): Promise<void> => {
      for (const end = performance.now() + ms; performance.now() < end;) {
        for (let band = 0; band < 50; band++) plant.say(`plant/band-${band}/hr`, 60 + (band % 7));
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    };
    await speak(1000);
    await until('every sensor is silent', async () => (await agent.status()).alarms.firing === 51);
    await speak(1500);
    await until('nothing is on', async () => (await agent.status()).alarms.firing === 0);
    expect(receiver.told.map(({ rule }) => rule)).toEqual(['deaf']);

    const history = await until('the hub has every one', async () => {
      const alerts = await alertsAt(hub);
      return alerts.filter(({ rule, cleared }) => rule === 'band_lost' && cleared !== null).length === 50 && alerts;
    });
    expect(history).toHaveLength(51);
    expect(new Set(history.filter(({ rule }) => rule === 'band_lost').map(({ quiet }) => quiet))).toEqual(
      new Set(['suppressed']),
    );

    // One alone is told.
    plant.say('plant/band-0/hr', 60);
    const others = setInterval(() => {
      for (let band = 1; band < 50; band++) plant.say(`plant/band-${band}/hr`, 60);
    }, 200);
    await until('the one that is lost is told', () => receiver.told.length === 2, 30_000).finally(() =>
      clearInterval(others),
    );
    expect(receiver.told[1]).toMatchObject({ rule: 'band_lost', state: 'firing' });
  }, 90_000);

  it('what an operator does at the hub is done at the gateway, and everybody sees who did it', async () => {
    using folder = scratchFolder('operator');
    await using all = await start(folder.path);
    const { receiver, hub, agent, plant } = all;
    const order = (operation: object): Promise<Response> =>
      fetch(`${hub.url}/api/operations`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ gateway: 'line-3', by: 'Ada', comment: 'on my way', ...operation }),
      });
    plant.say('plant/oven/temp', 40);
    await until('the alarm is on', async () => (await agent.status()).alarms.unacknowledged === 1);
    expect((await order({ kind: 'acknowledge', rule: 'too_hot' })).status).toBe(202);
    await until('it is acknowledged at the gateway', async () => (await agent.status()).alarms.unacknowledged === 0);
    await until('the hub shows who did it', async () =>
      (await alertsAt(hub)).some(({ acknowledgedBy, comment }) => acknowledgedBy === 'Ada' && comment === 'on my way'),
    );

    const soon = Date.now() + 60_000;
    await order({ kind: 'shelve', rule: 'too_hot', until: soon });
    await until('it is shelved', async () => (await agent.status()).alarms.shelved === 1);
    await until('it is told', () => receiver.told.length === 1);
    plant.say('plant/other/temp', 41);
    await until('another one is on', async () => (await agent.status()).alarms.firing === 2);
    await until('the hub knows why nobody is told', async () =>
      (await alertsAt(hub)).some(({ device, quiet }) => device === 'other' && quiet === 'shelved'),
    );
    expect(receiver.told).toHaveLength(1);

    // At the gateway itself the same can be done, by whoever stands there.
    const atGateway = (...args: string[]): string =>
      execFileSync(node, [main, 'alerts', ...args], { cwd: folder.path, encoding: 'utf8', stdio: 'pipe' });
    expect(atGateway('list', 'gateway.yaml', '--data', 'data').trim().split('\n').toSorted()).toEqual([
      expect.stringMatching(
        /^too_hot \(critical\) other\/temperature firing since .*, not acknowledged, shelved until .*: temp/,
      ),
      expect.stringMatching(
        /^too_hot \(critical\) oven\/temperature firing since .*, acknowledged, shelved until .*: temp/,
      ),
    ]);
    const whom = ['--device', 'other', '--signal', 'temperature', '--by', 'Bob'];
    expect(atGateway('acknowledge', 'gateway.yaml', 'too_hot', '--data', 'data', ...whom)).toBe(
      'too_hot: 1 alarm changed\n',
    );
    await until('the hub shows that too', async () =>
      (await alertsAt(hub)).some(({ acknowledgedBy }) => acknowledgedBy === 'Bob'),
    );
    expect(() => atGateway('enable', 'gateway.yaml', 'too_hott', '--data', 'data')).toThrow(
      'no alert "too_hott", did you mean "too_hot"?',
    );
    expect(() => atGateway('list', 'gateway.yaml', '--data', 'nowhere')).toThrow('no agent answers');

    // The gateway remembers, without the hub.
    await hub.kill();
    await agent.kill();
    await using again = await startAgentProcess(folder.path, gatewayYaml(hub.mqttPort, 1, receiver.url));
    const { shelved, firing } = (await again.status()).alarms;
    expect({ shelved, firing }).toEqual({ shelved: 2, firing: 2 });
    expect(receiver.told).toHaveLength(1);
  }, 60_000);
});
