// Messages over a real broker into an agent as it runs on a gateway: from the first one published to the last one in windows,
// rules and, synced, in the journal. Broker, publisher and agent share the machine's cores. Beside it Node-RED at the same work,
// but for what it cannot do: it keeps everything in memory.

import { startAgentProcess } from '../support/agent.ts';
import { installed } from '@weir/deploy/local/servers.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { median, type Bench, type BenchResult } from './bench.ts';
import { publish } from './mqtt-publisher.ts';
import { installNodeRed, measureNodeRed } from './node-red.ts';

const messages = 300_000;
const runs = 3;

/** As on a gateway with little memory; with Node's defaults the heap takes what a machine of 24 GiB offers. */
export const gatewayFlags = ['--max-old-space-size=96', '--max-semi-space-size=2'];
/** What was freed goes back to the machine at once, instead of being kept for later: V8 asks for pieces of 32 KiB when it compiles. */
export const gatewayEnvironment = {
  MALLOC_ARENA_MAX: '1',
  MALLOC_TRIM_THRESHOLD_: '65536',
  MALLOC_MMAP_THRESHOLD_: '32768',
};

const gatewayYaml = (port: number, qos: 0 | 1): string => `
gateway: bench
sources:
  plant: { mqtt: "mqtt://127.0.0.1:${port}", topics: ["plant/{device}"], qos: ${qos} }
signals:
  temperature: { from: plant.temp, unit: °C, range: -20..120 }
  humidity:    { from: plant.rh, unit: "%", range: 0..100 }
windows:
  - { every: 1m, of: all, compute: [mean, min, max, p95] }
alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33, severity: critical }
`;

export interface Throughput {
  /** Messages a second. */
  readonly rate: number;
  readonly residentMB: number;
}

export const sourcesMqtt: Bench = {
  name: 'mqtt-json',
  group: 'sources',
  about: `2-field JSON over mosquitto into windows, a rule and the durable journal, heap limited to 96 MB, ${messages} messages; beside Node-RED, in memory only; median of ${runs} runs`,
  async *run() {
    if (installed('mosquitto') === undefined) {
      yield { skipped: 'mosquitto is not installed' };
      return;
    }
    using scratch = scratchFolder('node-red');
    const nodeRed = await installNodeRed(scratch.path);
    const cases = new Map<string, Throughput[]>();
    const add = (name: string, one: Throughput): void => void cases.set(name, [...(cases.get(name) ?? []), one]);
    // One after the other within a round: whatever else the machine does hits all of them.
    for (let run = 0; run < runs; run++) {
      add('mqtt-json', await measure(1));
      add('mqtt-json-qos0', await measure(0));
      if (nodeRed !== undefined) add('node-red', await measureNodeRed(nodeRed, messages));
    }
    for (const [name, all] of cases) yield* results(name, all);
    if (nodeRed === undefined) yield { skipped: 'node-red: it could not be installed from the npm registry' };
  },
};

function results(name: string, all: readonly Throughput[]): BenchResult[] {
  const result = (metric: string, value: number): BenchResult => ({ bench: 'sources', case: name, metric, value });
  return [
    result('messagesPerSecond', median(all.map(({ rate }) => rate))),
    result('residentMB', median(all.map(({ residentMB }) => residentMB))),
  ];
}

async function measure(qos: 0 | 1): Promise<Throughput> {
  using folder = scratchFolder('bench');
  await using broker = await startMosquitto(folder.path);
  await using agent = await startAgentProcess(
    folder.path,
    gatewayYaml(broker.port, qos),
    gatewayEnvironment,
    gatewayFlags,
  );
  await until('the source is open', async () =>
    (await agent.status()).health.some(({ part, up }) => part === 'source plant' && up),
  );
  const began = performance.now();
  await publish(broker.port, messages, qos);
  let residentMB = 0;
  await until('everything is on disk', async () => {
    const { taken, uncommitted, memoryBytes } = await agent.status();
    residentMB = Math.max(residentMB, memoryBytes / 1e6);
    return taken >= messages * 2 && uncommitted === 0;
  });
  return { rate: (messages * 1000) / (performance.now() - began), residentMB };
}
