// How soon an alarm speaks: from the moment the agent has a reading's bytes until the alarm is logged and with its actions, as the agent
// measures it; and as somebody sees it who publishes a reading and waits for the message of an MQTT action, over the broker
// twice. Broker, sensors and agent share the machine's cores.

import { setTimeout as sleep } from 'node:timers/promises';
import { installed } from '@weir/deploy/local/servers.ts';
import { MqttSession } from '@weir/edge-agent/mqtt/session.ts';
import { startAgentProcess } from '../support/agent.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { median, type Bench, type BenchResult } from './bench.ts';

const rates = [1000, 5000];
const devices = 100;
const warmUpMs = 3000;
const measuredMs = 15_000;
/** Every so many readings an alarm begins, and ends with the next reading of its device. */
const readingsPerAlarm = 100;
const runs = 3;

const gatewayYaml = (port: number): string => `
gateway: bench
sources:
  plant: { mqtt: "mqtt://127.0.0.1:${port}", topics: ["plant/{device}/{signal}"] }
signals:
  temperature: { from: plant.temp }
windows:
  - { every: 1m, of: all, compute: [mean, min, max, p95] }
alerts:
  too_hot: { when: temperature > 1000, clear: temperature < 100, chatter: tell, severity: critical, do: [horn] }
  odd: { anomaly: temperature }
actions:
  horn: { mqtt: "mqtt://127.0.0.1:${port}", topic: "horn/{device}", body: "{value}", on: [firing], limit: none }
`;

interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly outside50: number;
  readonly outside99: number;
}

export const alerts: Bench = {
  name: 'alerts',
  about: `from a reading to its alarm's action in a running agent, over mosquitto, with windows, a threshold and a detector on ${devices} devices; median of ${runs} runs`,
  async *run() {
    if (installed('mosquitto') === undefined) {
      yield { skipped: 'mosquitto is not installed' };
      return;
    }
    for (const rate of rates) {
      const all: Latencies[] = [];
      for (let run = 0; run < runs; run++) all.push(await measure(rate));
      // The last rate is the hardest: it has the plain name.
      const name = rate === rates.at(-1) ? 'latency' : `latency ${rate}`;
      const middle = (pick: (one: Latencies) => number): number => median(all.map(pick));
      yield result(
        name,
        'p50Ms',
        middle(({ p50 }) => p50),
      );
      yield result(
        name,
        'p99Ms',
        middle(({ p99 }) => p99),
      );
      yield result(
        `${name} from outside`,
        'p50Ms',
        middle(({ outside50 }) => outside50),
      );
      yield result(
        `${name} from outside`,
        'p99Ms',
        middle(({ outside99 }) => outside99),
      );
    }
  },
};

async function measure(rate: number): Promise<Latencies> {
  using folder = scratchFolder('bench');
  await using broker = await startMosquitto(folder.path);
  await using agent = await startAgentProcess(folder.path, gatewayYaml(broker.port));
  await until('the source is open', async () =>
    (await agent.status()).health.some(({ part, up }) => part === 'source plant' && up),
  );
  const sentAt = new Map<number, number>();
  const outside: number[] = [];
  let isMeasured = false;
  const session = await connect(broker.port, 'plant', () => undefined);
  const ear = await connect(broker.port, 'ear', (value) => {
    const sent = sentAt.get(value);
    if (sent !== undefined && isMeasured) outside.push(performance.now() - sent);
  });
  await ear.subscribe(['horn/+'], 0);

  const began = performance.now();
  let alarms = 0;
  for (let sent = 0; performance.now() - began < warmUpMs + measuredMs;) {
    isMeasured = performance.now() - began > warmUpMs;
    for (const due = ((performance.now() - began) / 1000) * rate; sent < due; sent++) {
      const isAlarm = sent % readingsPerAlarm === 0;
      if (isAlarm) alarms += 1;
      const value = isAlarm ? 1000 + alarms : 20 + (sent % 7);
      // Another device each time: the next reading of each ends its alarm.
      const device = (sent + Math.floor(sent / devices)) % devices;
      if (isAlarm) sentAt.set(value, performance.now());
      void session.publish(`plant/device-${device}/temp`, Buffer.from(String(value))).catch(() => undefined);
    }
    await sleep(2);
  }
  await sleep(200);
  const { alertLatencyMs, taken } = await agent.status();
  await session.end();
  await ear.end();
  const expected = (measuredMs / 1000) * (rate / readingsPerAlarm);
  if (outside.length < expected * 0.9) throw new Error(`${outside.length} alarms of ${expected}, ${taken} readings`);
  const sorted = outside.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return { p50: alertLatencyMs.p50, p99: alertLatencyMs.p99, outside50: at(0.5), outside99: at(0.99) };
}

function connect(port: number, clientId: string, heard: (value: number) => void): Promise<MqttSession> {
  return MqttSession.connect(
    {
      url: `mqtt://127.0.0.1:${port}`,
      clientId,
      protocolVersion: 4,
      clean: true,
      keepaliveS: 60,
      maxPacketBytes: 1024,
      onMessage: ({ payload }) => heard(Number(payload.toString())),
    },
    AbortSignal.timeout(30_000),
  );
}

function result(name: string, metric: string, value: number): BenchResult {
  return { bench: 'alerts', case: name, metric, value };
}
