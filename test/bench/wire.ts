// What panes cost on the wire: real readings through the pipeline, its panes through outbox and uplink, and every byte of MQTT counted
// that a broker would get for them. Against it the same panes as JSON, in the same messages, packed in the same way.

import { Health } from '@weir/edge-agent/health.ts';
import { Outbox } from '@weir/edge-agent/log/outbox.ts';
import { FakeClock } from '@weir/edge-agent/testing/fake-clock.ts';
import { MemoryDisk } from '@weir/edge-agent/testing/memory-disk.ts';
import type { HubLink } from '@weir/edge-agent/uplink/hub-link.ts';
import { pack } from '@weir/edge-agent/uplink/packing.ts';
import { unpack } from '@weir/hub/ingest/packing.ts';
import { Uplink } from '@weir/edge-agent/uplink/uplink.ts';
import type { Pane, Statistic } from '@weir/shared/model/pane.ts';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import { planOf, signalOf, windowOf } from '@weir/shared/testing/plans.ts';
import { decodeBatch, decodeFrame, encodeAck } from '@weir/shared/wire/codec.ts';
import { ackTopic, parseTopic } from '@weir/shared/wire/topics.ts';
import { setImmediate } from 'node:timers/promises';
import type { Bench, BenchResult } from './bench.ts';

const gateway = 'line-3';
const devices = [
  'press-1',
  'press-2',
  'oven-1',
  'oven-2',
  'mixer-1',
  'mixer-2',
  'pump-1',
  'pump-2',
  'belt-1',
  'belt-2',
];
/** Name, usual value, how far it swings, digits behind the point. */
const signals = [
  ['temperature', 60, 15, 1],
  ['humidity', 45, 10, 1],
  ['pressure', 6, 2, 2],
  ['vibration', 1.2, 0.8, 3],
  ['current', 12, 8, 2],
] as const;
const compute: readonly Statistic[] = ['mean', 'min', 'max'];
const windowMs = 60_000;
const commitMs = 500;
const start = Date.UTC(2026, 0, 5);

export const wire: Bench = {
  name: 'wire',
  group: 'delivery',
  about: `a pane (count, mean, min, max of a minute) of ${devices.length * signals.length} series on the wire, MQTT and batch headers included`,
  async *run() {
    yield* await measure('3-days-backlog', { minutes: 3 * 24 * 60, everyMs: 5000, isLive: false });
    yield* await measure('live', { minutes: 60, everyMs: 1000, isLive: true });
  },
};

interface Load {
  readonly minutes: number;
  /** How often each series has a reading; the devices take turns. */
  readonly everyMs: number;
  /** Whether the link is there while the panes are made, or comes when all are there. */
  readonly isLive: boolean;
}

async function measure(name: string, { minutes, everyMs, isLive }: Load): Promise<BenchResult[]> {
  const clock = new FakeClock(start);
  const disk = new MemoryDisk();
  const folder = '/outbox';
  const outbox = await Outbox.open(disk, {
    folder,
    maxBytes: 1e9,
    newIncarnation: () => '0123456789abcdef',
    journalIncarnation: '0123456789abcdef',
  });
  const count = new Count();
  const uplink = new Uplink({
    connect: count.connect,
    gateway,
    key: () => undefined,
    outbox,
    health: new Health(
      () => clock.now(),
      () => undefined,
    ),
    clock,
    random: () => 0.5,
    status: () => new Uint8Array(),
    statusMs: 1e12,
  });
  const end = new AbortController();
  const running = isLive ? uplink.run(end.signal) : undefined;
  let made = 0;
  let cause = 0;
  for (const { panes, now } of commitsOf(minutes, everyMs)) {
    clock.advance(now - clock.now());
    made += panes.length;
    if (panes.length > 0) {
      outbox.append((cause += 1), { panes, transitions: [] });
      if (isLive || cause % 1000 === 0) await outbox.sync();
      uplink.nudge();
    }
    if (isLive) await turns();
  }
  await outbox.sync();
  const sending = running ?? uplink.run(end.signal);
  uplink.nudge();
  while (outbox.pendingRecords > 0) {
    clock.advance(1);
    await turns();
  }
  end.abort();
  clock.advance(1e6);
  await sending;
  await outbox.close();
  if (count.panes !== made) throw new Error(`${count.panes} of ${made} panes were sent`);
  const each = (metric: string, bytes: number): BenchResult => ({
    bench: 'delivery',
    case: `wire-${name}`,
    metric,
    value: bytes / count.panes,
  });
  return [
    each('bytesPerPane', count.bytes),
    each('jsonBytesPerPane', count.json),
    each('jsonPackedBytesPerPane', count.jsonPacked),
    { bench: 'delivery', case: `wire-${name}`, metric: 'panesPerMessage', value: count.panes / count.messages },
    { bench: 'delivery', case: `wire-${name}`, metric: 'longestPackMs', value: count.longestPackMs },
  ];
}

/** A hub that takes everything, and counts. */
class Count {
  messages = 0;
  panes = 0;
  bytes = 0;
  json = 0;
  jsonPacked = 0;
  longestPackMs = 0;

  readonly connect: HubLink = async ({ received }) => {
    const { promise: closed, resolve } = Promise.withResolvers<Error>();
    return {
      closed,
      subscribe: async () => undefined,
      publish: async (topic, payload) => {
        if (parseTopic(topic)?.kind !== 'up') return;
        received(ackTopic(gateway), this.#take(topic, payload));
      },
      end: async () => resolve(new Error('ended')),
      destroy: () => resolve(new Error('destroyed')),
    };
  };

  /** @returns the ack */
  #take(topic: string, payload: Uint8Array): Uint8Array {
    const batch = unpack(payload);
    const { incarnation, firstSeq, entries } = decodeBatch(batch);
    const panes = entries.flatMap(({ frame }) => decodeFrame(frame).panes);
    const json = Buffer.from(panes.map(asJson).join('\n'));
    this.messages += 1;
    this.panes += panes.length;
    this.bytes += publishBytes(topic, payload.length);
    this.json += publishBytes(topic, json.length);
    this.jsonPacked += publishBytes(topic, pack(json).length);
    const began = performance.now();
    pack(batch);
    this.longestPackMs = Math.max(this.longestPackMs, performance.now() - began);
    const seq = entries.reduce((last, { span }) => last + span, firstSeq - 1);
    return encodeAck({ incarnation, lane: 'panes', seq });
  }
}

/** A PUBLISH of QoS 1: type, remaining length, topic, packet identifier, payload (MQTT 3.1.1, 3.3). */
function publishBytes(topic: string, payloadBytes: number): number {
  const remaining = 2 + topic.length + 2 + payloadBytes;
  return 1 + Math.ceil(Math.log2(remaining + 1) / 7) + remaining;
}

function asJson({ series: { device, signal }, window, start: time, count, values: [mean, min, max] }: Pane): string {
  return JSON.stringify({ device, signal, window: window.id, start: time, count, mean, min, max });
}

/** The panes of each commit, as an agent makes them. */
function* commitsOf(minutes: number, everyMs: number): Generator<{ panes: Pane[]; now: number }> {
  const windows = [{ ...windowOf(windowMs, compute), id: '1m' }];
  const plans = signals.map(([signal]) => signalOf({ signal, windows, disorderMs: 2000, latenessMs: 60_000 }));
  const pipeline = new Pipeline(planOf(plans));
  const series = devices.flatMap((device, at) =>
    signals.map(([signal, usual, swing, digits], kind) => {
      const id = pipeline.series.intern(device, signal)?.id;
      if (id === undefined) throw new Error('no room for the series');
      return {
        id,
        offsetMs: Math.floor((at * everyMs) / devices.length),
        usual,
        swing,
        scale: 10 ** digits,
        phase: at + kind,
      };
    }),
  );
  for (let now = start + commitMs; now <= start + minutes * windowMs; now += commitMs) {
    for (const { id, offsetMs, usual, swing, scale, phase } of series) {
      const first = Math.ceil((now - commitMs - start - offsetMs) / everyMs) * everyMs + start + offsetMs;
      for (let time = first; time < now; time += everyMs) {
        const noise = ((time / everyMs) * 7919 + phase * 104_729) % 997;
        const value = usual + swing * (Math.sin(time / 3e6 + phase) * 0.8 + (noise / 997) * 0.2);
        pipeline.ingest({ series: id, time, value: Math.round(value * scale) / scale, quality: 'good' }, time);
      }
    }
    pipeline.tick(now);
    yield { panes: pipeline.drain().panes, now };
  }
}

/** Lets the uplink do what it can at this moment. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}
