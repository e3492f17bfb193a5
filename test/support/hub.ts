// Starts a hub in its own process, by its own command line, and looks into its store.

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@weir/hub/clock.ts';
import { parseHubConfig } from '@weir/hub/config.ts';
import { silentLog } from '@weir/hub/log.ts';
import type { GatewayView } from '@weir/hub/http/views.ts';
import type { Store } from '@weir/hub/store/store.ts';
import { freePort } from '@weir/deploy/local/servers.ts';
import { stopProcess } from './processes.ts';
import { until } from './wait.ts';

const node = join(import.meta.dirname, '../../node_modules/.bin/node');
const main = join(import.meta.dirname, '../../hub/src/main.ts');

export interface HubProcess extends AsyncDisposable {
  readonly mqttPort: number;
  readonly url: string;
  /** Of the process there is at present. */
  readonly pid: number | undefined;
  /** Makes a key for the gateway with `weir-hub gateway add`. */
  addGateway(name: string): string;
  gateway(name: string): Promise<GatewayView | undefined>;
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again on the same ports and the same data. */
  restart(): Promise<void>;
  /** The store itself, opened by the test: what is really in there. Stop the hub first. */
  openStore(): Promise<Store>;
}

/** @param store as in hub.yaml: `{ sqlite: true }` or `{ influx: "http://…", database: weir }` */
export async function startHubProcess(folder: string, store = '{ sqlite: true }'): Promise<HubProcess> {
  mkdirSync(folder, { recursive: true });
  const [mqttPort, httpPort] = [await freePort(), await freePort()];
  const file = join(folder, 'hub.yaml');
  const yaml = `broker: { listen: "127.0.0.1:${mqttPort}" }\nhttp: { listen: "127.0.0.1:${httpPort}" }\ndata: ./hub-data\nstore: ${store}\n`;
  writeFileSync(file, yaml);
  const url = `http://127.0.0.1:${httpPort}`;
  let child = await run(file, url);
  return {
    mqttPort,
    url,
    get pid() {
      return child.pid;
    },
    addGateway: (name) =>
      execFileSync(node, [main, 'gateway', 'add', name, '--config', file], { encoding: 'utf8' }).trim(),
    async gateway(name) {
      const response = await fetch(`${url}/api/gateways`);
      const gateways = (await response.json()) as GatewayView[];
      return gateways.find((gateway) => gateway.name === name);
    },
    stop: () => stopProcess(child),
    kill: () => stopProcess(child, 'SIGKILL'),
    async restart() {
      child = await run(file, url);
    },
    openStore() {
      const config = parseHubConfig(yaml, file, folder);
      return config.store({
        dataFolder: config.dataFolder,
        rawKeepMs: config.raw.keepMs,
        clock: systemClock,
        log: silentLog,
      });
    },
    [Symbol.asyncDispose]: () => stopProcess(child, 'SIGKILL'),
  };
}

async function run(file: string, url: string): Promise<ChildProcess> {
  const stderr = process.env['WEIR_TEST_LOG'] === undefined ? 'ignore' : 'inherit';
  const child = spawn(node, [main, 'run', file], { stdio: ['ignore', 'ignore', stderr] });
  await until('the hub is well', async () => {
    if (child.exitCode !== null) throw new Error(`the hub ended with code ${child.exitCode}`);
    return (await fetch(`${url}/healthz`).catch(() => undefined))?.ok;
  });
  return child;
}
