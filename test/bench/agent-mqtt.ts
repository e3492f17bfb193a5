// The agent as it runs on a gateway, fed over a real broker: from the first message published to the last one journalled
// and acknowledged. Broker, publisher and agent share the machine's cores.

import { connect } from 'node:net';
import { once } from 'node:events';
import { generate, parser } from 'mqtt-packet';
import { startAgentProcess } from '../support/agent.ts';
import { installed } from '@weir/deploy/local/servers.ts';
import { scratchFolder, startMosquitto } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { median, type Bench } from './bench.ts';

const messages = 200_000;
const devices = 100;
const publisherWindow = 2000;

/** As on a gateway with little memory; with Node's defaults the heap takes what a machine of 24 GiB offers. */
const gatewayFlags = ['--max-old-space-size=96', '--max-semi-space-size=2'];

const gatewayYaml = (port: number): string => `
gateway: bench
sources:
  plant: { mqtt: "mqtt://127.0.0.1:${port}", topics: ["plant/{device}"] }
signals:
  temperature: { from: plant.temp, unit: °C, range: -20..120 }
  humidity:    { from: plant.rh, unit: "%", range: 0..100 }
windows:
  - { every: 1m, of: all, compute: [mean, min, max, p95] }
alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33, severity: critical }
`;

export const agentMqtt: Bench = {
  name: 'agent-mqtt',
  about:
    '2-field JSON, QoS 1, over mosquitto into windows, a rule and the durable journal, heap limited to 96 MB; limited by MQTT parsing and the shared cores',
  async *run() {
    if (installed('mosquitto') === undefined) {
      yield { skipped: 'mosquitto is not installed' };
      return;
    }
    const rates: number[] = [];
    const resident: number[] = [];
    for (let i = 0; i < 3; i++) {
      const { rate, residentMB } = await measure();
      rates.push(rate);
      resident.push(residentMB);
    }
    yield { bench: 'agent-mqtt', case: 'json2', metric: 'messagesPerSecond', value: median(rates) };
    yield { bench: 'agent-mqtt', case: 'json2', metric: 'residentMB', value: median(resident) };
  },
};

async function measure(): Promise<{ rate: number; residentMB: number }> {
  using folder = scratchFolder('bench');
  await using broker = await startMosquitto(folder.path);
  await using agent = await startAgentProcess(folder.path, gatewayYaml(broker.port), {}, gatewayFlags);
  await until('the source is open', async () =>
    (await agent.status()).health.some(({ part, up }) => part === 'source plant' && up),
  );
  const began = performance.now();
  await publish(broker.port);
  let residentMB = 0;
  await until('everything is on disk', async () => {
    const { taken, uncommitted, memoryBytes } = await agent.status();
    residentMB = memoryBytes / 1e6;
    return taken >= messages * 2 && uncommitted === 0;
  });
  return { rate: (messages * 1000) / (performance.now() - began), residentMB };
}

/** Publishes all messages as fast as the broker acknowledges them. */
async function publish(port: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1' });
  await once(socket, 'connect');
  const packets = parser({ protocolVersion: 4 });
  socket.on('data', (chunk) => packets.parse(chunk));
  let sent = 0;
  let acked = 0;
  const done = Promise.withResolvers<void>();
  const sendMore = (): void => {
    const chunk: Buffer[] = [];
    while (sent < messages && sent - acked < publisherWindow) chunk.push(messageOf(sent++));
    if (chunk.length > 0) socket.write(Buffer.concat(chunk));
  };
  packets.on('packet', ({ cmd }) => {
    if (cmd === 'puback') acked += 1;
    if (cmd === 'connack' || sent - acked < publisherWindow / 2) sendMore();
    if (acked === messages) done.resolve();
  });
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'publisher',
      keepalive: 0,
    }),
  );
  await done.promise;
  socket.end();
}

function messageOf(index: number): Buffer {
  const payload = JSON.stringify({ temp: 30 + (index % 700) / 100, rh: 40 + (index % 130) / 10 });
  const topic = `plant/device-${index % devices}`;
  return generate({
    cmd: 'publish',
    topic,
    payload,
    qos: 1,
    dup: false,
    retain: false,
    messageId: (index % 65_535) + 1,
  });
}
