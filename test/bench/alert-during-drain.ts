// From the bytes of a reading to the local action, while days of backlog drain to the hub: agent, broker, hub, store and
// sensors share the machine's cores.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { installed } from '@weir/deploy/local/servers.ts';
import { MqttSession } from '@weir/edge-agent/mqtt/session.ts';
import { startAgentProcess, type AgentProcess } from '../support/agent.ts';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { median, type Bench } from './bench.ts';
import { fillOutbox } from './fill-outbox.ts';

const readingsPerSecond = 1000;
/** Three days of so many series. */
const backlog = { series: 300, minutes: 3 * 24 * 60 };

export const alertDuringDrain: Bench = {
  name: 'alert-during-drain',
  group: 'delivery',
  about: `from reading to local action at ${readingsPerSecond} readings/s, every tenth a transition, while ${backlog.series} series' three days drain; all on the same cores`,
  async *run() {
    if (installed('mosquitto') === undefined) {
      yield { skipped: 'mosquitto is not installed' };
      return;
    }
    const p99: number[] = [];
    const rates: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { latencyMs, panesPerSecond } = await measure();
      p99.push(latencyMs);
      rates.push(panesPerSecond);
    }
    yield { bench: 'delivery', case: 'alert-during-drain', metric: 'p99Ms', value: median(p99) };
    yield { bench: 'delivery', case: 'alert-during-drain', metric: 'panesPerSecond', value: median(rates) };
  },
};

async function measure(): Promise<{ latencyMs: number; panesPerSecond: number }> {
  using folder = scratchFolder('bench');
  const panes = await fillOutbox(join(folder.path, 'data'), backlog);
  await using hub = await startHubProcess(join(folder.path, 'hub'));
  await using broker = await startMosquitto(folder.path);
  const yaml = `
gateway: bench
hub: mqtt://127.0.0.1:${hub.mqttPort}
sources:
  plant: { mqtt: "mqtt://127.0.0.1:${broker.port}", topics: ["plant/{device}/{signal}"] }
signals:
  temperature: { from: plant.temp }
windows:
  - { every: 1m, of: all, compute: [mean, min, max] }
alerts:
  too_hot: { when: temperature > 34, clear: temperature < 33, chatter: tell, severity: critical }
`;
  await using agent = await startAgentProcess(folder.path, yaml, { WEIR_HUB_KEY: hub.addGateway('bench') });
  await until('the source is open', async () =>
    (await agent.status()).health.some(({ part, up }) => part === 'source plant' && up),
  );
  const end = new AbortController();
  const publishing = publish(broker.port, end.signal);
  const began = performance.now();
  await drained(agent);
  const panesPerSecond = (panes * 1000) / (performance.now() - began);
  const { alertLatencyMs, alerts } = await agent.status();
  end.abort();
  await publishing;
  if (alerts < 100) throw new Error(`only ${alerts} transitions while the backlog drained`);
  return { latencyMs: alertLatencyMs.p99, panesPerSecond };
}

async function drained(agent: AgentProcess): Promise<void> {
  // Asked seldom: an answer is work, too.
  for (;;) {
    await sleep(250);
    if ((await agent.status()).outboxRecords < 100) return;
  }
}

async function publish(port: number, signal: AbortSignal): Promise<void> {
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
    AbortSignal.timeout(30_000),
  );
  const began = performance.now();
  for (let sent = 0; !signal.aborted;) {
    for (const due = ((performance.now() - began) / 1000) * readingsPerSecond; sent < due; sent++) {
      // Every tenth reading of a device crosses a limit: up, then down.
      const value = [20, 20, 20, 20, 40, 40, 40, 40, 40, 20][Math.floor(sent / 10) % 10];
      void session.publish(`plant/device-${sent % 10}/temp`, Buffer.from(String(value))).catch(() => undefined);
    }
    await sleep(5);
  }
  await session.end();
}
