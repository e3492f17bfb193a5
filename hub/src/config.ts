// The hub's file. Everything may be left out:
//
//   broker: { listen: 127.0.0.1:1883, maxPacket: 256 KiB, maxConnections: 2000 }
//   http:   { listen: 127.0.0.1:8080 }
//   data:   ./weir-hub-data                                          # beside this file
//   store:  { influx: "http://127.0.0.1:8086", database: weir }      # or { sqlite: true }, the default
//   raw:    { around: 60s, keep: 30d }       # raw readings: asked for around each alert (0s: not), and kept that long
//   notify: [ { webhook: "http://10.0.0.5/alarm" } ]
//
// All mistakes are reported at once, each with its line and column. A port may be 0: the hub says which it got.

import { resolve } from 'node:path';
import * as z from 'zod';
import { byteSize, duration } from '@weir/shared/config/schema.ts';
import { formatProblem, YamlFile } from '@weir/shared/config/yaml-file.ts';
import type { Notifier } from './alerts/notifier.ts';
import { notifierKinds } from './alerts/registry.ts';
import type { BrokerOptions } from './broker/broker.ts';
import { HubError } from './errors.ts';
import type { Address } from './listen.ts';
import { storeKinds } from './store/registry.ts';
import type { OpenStore } from './store/store.ts';

export interface HubConfig {
  readonly broker: BrokerOptions;
  readonly http: Address;
  readonly dataFolder: string;
  readonly store: OpenStore;
  readonly raw: RawSettings;
  readonly notify: readonly Notifier[];
}

/** Raw readings, which gateways keep and send when they are asked. */
export interface RawSettings {
  /** So long before and after an alert began to fire; 0 asks for nothing by itself. */
  readonly aroundMs: number;
  /** The store keeps them until their event time is so long ago. */
  readonly keepMs: number;
}

const address = z.string().transform((text, context): Address => {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  if (host !== undefined && port <= 65_535) return { host, port };
  context.addIssue({
    code: 'custom',
    message: `"${text}" is not an address to listen on; write it like 127.0.0.1:1883`,
  });
  return z.NEVER;
});

const packetSize = byteSize.refine((bytes) => bytes >= 4096 && bytes <= 16 * 1024 ** 2, {
  message: 'the largest packet is between 4 KiB and 16 MiB',
});

const hourMs = 3_600_000;
const around = duration.refine((ms) => ms <= hourMs, {
  message: 'raw readings are asked for up to 1h around an alert; 0s asks for none',
});
const keep = duration.refine((ms) => ms >= hourMs && ms <= 3650 * 24 * hourMs, {
  message: 'raw readings are kept for 1h to 3650d',
});

const schema = z.strictObject({
  broker: z
    .strictObject({
      listen: address.prefault('127.0.0.1:1883'),
      maxPacket: packetSize.prefault('256 KiB'),
      maxConnections: z.int().min(1).max(100_000).default(2000),
    })
    .prefault({}),
  http: z.strictObject({ listen: address.prefault('127.0.0.1:8080') }).prefault({}),
  data: z.string().min(1).default('./weir-hub-data'),
  store: storeKinds.prefault({ sqlite: true }),
  raw: z.strictObject({ around: around.prefault('60s'), keep: keep.prefault('30d') }).prefault({}),
  notify: z.array(notifierKinds).max(16).default([]),
});

/** What may stand under each key, for "did you mean". */
const knownKeys: Readonly<Record<string, readonly string[]>> = {
  '': ['broker', 'http', 'data', 'store', 'raw', 'notify'],
  broker: ['listen', 'maxPacket', 'maxConnections'],
  http: ['listen'],
  store: ['influx', 'database', 'sqlite'],
  raw: ['around', 'keep'],
  notify: ['webhook'],
};

/**
 * @param file as it is called in messages @param folder what relative paths start from
 * @throws HubError that lists every mistake
 */
export function parseHubConfig(text: string, file: string, folder: string): HubConfig {
  const yaml = new YamlFile(text);
  // An empty file is a hub with every default.
  const parsed = schema.safeParse(yaml.value() ?? {});
  if (!parsed.success) yaml.addIssues(parsed.error, [], (path) => knownKeys[String(path[0] ?? '')] ?? []);
  const problems = yaml.problems().filter(({ severity }) => severity === 'error');
  if (!parsed.success || problems.length > 0) {
    throw new HubError('WEIR_HUB_CONFIG', problems.map((problem) => formatProblem(file, problem)).join('\n'));
  }
  const { broker, http, data, store, raw, notify } = parsed.data;
  return {
    broker: { ...broker.listen, maxPacketBytes: broker.maxPacket, maxConnections: broker.maxConnections },
    http: http.listen,
    dataFolder: resolve(folder, data),
    store,
    raw: { aroundMs: raw.around, keepMs: raw.keep },
    notify,
  };
}
