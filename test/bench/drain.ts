// The hub, from MQTT to durable: batches as a gateway sends them, until the last one is acknowledged. Hub, store and sender
// share the machine's cores.

import { join } from 'node:path';
import { installed, startInflux } from '@weir/deploy/local/servers.ts';
import { MqttSession } from '@weir/edge-agent/mqtt/session.ts';
import { pack } from '@weir/edge-agent/uplink/packing.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { decodeAck, encodeBatch, encodeFrame } from '@weir/shared/wire/codec.ts';
import { ackTopic, upTopic } from '@weir/shared/wire/topics.ts';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder } from '../support/processes.ts';
import { median, type Bench } from './bench.ts';

const seriesCount = 500;
const panesPerFrame = 500;
const frames = 400;
const framesPerBatch = 4;
const batchesOnTheWay = 4;
const readingsPerPane = 60;
const gateway = 'bench';

export const drain: Bench = {
  name: 'drain',
  group: 'delivery',
  about:
    'a backlog of panes with 4 statistics from MQTT into the store, until acknowledged; influx is limited by influxd, sqlite by the hub itself',
  async *run() {
    yield* measureStore('drain-sqlite', () =>
      Promise.resolve({ config: '{ sqlite: true }', stop: () => Promise.resolve() }),
    );
    const influxd = installed('influxd');
    if (influxd === undefined) {
      yield { skipped: 'drain-influx: influxd is not installed' };
      return;
    }
    yield* measureStore('drain-influx', async (folder) => {
      const influx = await startInflux(folder, influxd);
      return { config: `{ influx: "${influx.url}", database: weir }`, stop: () => influx.stop() };
    });
  },
};

type OpenStore = (folder: string) => Promise<{ config: string; stop: () => Promise<void> }>;

async function* measureStore(name: string, open: OpenStore): ReturnType<Bench['run']> {
  const runs: number[] = [];
  for (let i = 0; i < 3; i++) {
    using folder = scratchFolder('bench');
    const store = await open(folder.path);
    try {
      await using process = await startHubProcess(join(folder.path, 'hub'), store.config);
      runs.push(await measure(process.mqttPort, process.addGateway(gateway)));
    } finally {
      await store.stop();
    }
  }
  yield { bench: 'delivery', case: name, metric: 'panesPerSecond', value: median(runs) };
}

async function measure(port: number, key: string): Promise<number> {
  const batches = makeBatches();
  const done = Promise.withResolvers<void>();
  let next = 0;
  let acked = 0;
  const session = await MqttSession.connect(
    {
      url: `mqtt://127.0.0.1:${port}`,
      clientId: gateway,
      username: gateway,
      password: key,
      protocolVersion: 4,
      clean: true,
      keepaliveS: 60,
      maxPacketBytes: 262_144,
      onMessage: ({ payload, messageId }) => {
        if (messageId !== undefined) session.acknowledge([messageId], []);
        acked = decodeAck(Buffer.from(payload)).seq;
        if (acked === frames) done.resolve();
        sendMore();
      },
    },
    AbortSignal.timeout(120_000),
  );
  const sendMore = (): void => {
    while (next < batches.length && next * framesPerBatch - acked < batchesOnTheWay * framesPerBatch) {
      session.publish(upTopic(gateway, 'panes'), batches[next++] ?? new Uint8Array()).catch(done.reject);
    }
  };
  await session.subscribe([ackTopic(gateway)], 1);
  const began = performance.now();
  sendMore();
  await done.promise;
  const seconds = (performance.now() - began) / 1000;
  await session.end();
  return (frames * panesPerFrame) / seconds;
}

function makeBatches(): Uint8Array[] {
  const sizeMs = 60_000;
  const window: Pane['window'] = {
    id: '1m',
    shape: { kind: 'tumbling', sizeMs, zone: undefined },
    compute: ['mean', 'min', 'max', 'p95'],
  };
  const start = Date.UTC(2026, 0, 1);
  const encoded = Array.from({ length: frames }, (_, frame) => {
    const panes = Array.from({ length: panesPerFrame }, (_, index): Pane => {
      const mean = 30 + Math.sin(frame + index) * 2;
      return {
        series: { device: `device-${index % seriesCount}`, signal: 'temperature' },
        window,
        start: start + frame * sizeMs,
        end: start + (frame + 1) * sizeMs,
        timing: 'on_time',
        revision: 0,
        retracted: false,
        count: readingsPerPane,
        accounted: readingsPerPane,
        fresh: readingsPerPane,
        values: [mean, mean - 1.25, mean + 1.5, mean + 1.4],
      };
    });
    return encodeFrame({ panes, transitions: [] });
  });
  return Array.from({ length: frames / framesPerBatch }, (_, batch) => {
    const readings = panesPerFrame * readingsPerPane;
    const first = batch * framesPerBatch;
    const entries = encoded.slice(first, first + framesPerBatch).map((frame) => ({ frame, span: 1, readings }));
    const where = { incarnation: '0123456789abcdef', firstSeq: first + 1, readingsBefore: first * readings };
    return pack(encodeBatch({ ...where, entries }));
  });
}
