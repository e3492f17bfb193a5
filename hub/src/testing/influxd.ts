// A real InfluxDB 1.x for tests: its own folder, its own loopback ports, nothing reported to anybody. It can be stopped
// and started again on the same data and address, as in an outage.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen } from '../listen.ts';

const program = '/usr/bin/influxd';

/** Tests that need it are skipped by name where it is not installed. */
export const influxdInstalled = existsSync(program);

const startTimeoutMs = 30_000;

export class Influxd implements AsyncDisposable {
  readonly url: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Runs when it resolves. */
  static async start(): Promise<Influxd> {
    const folder = mkdtempSync(join(tmpdir(), 'weir-influxd-'));
    const [port, backupPort] = await Promise.all([freePort(), freePort()]);
    writeFileSync(join(folder, 'influxdb.conf'), configuration(folder, port, backupPort));
    const influxd = new Influxd(folder, port);
    await influxd.resume();
    return influxd;
  }

  /** Starts it again after `stop`, with the data it had. */
  async resume(): Promise<void> {
    const child = spawn(program, ['-config', join(this.#folder, 'influxdb.conf')], { stdio: 'ignore' });
    this.#process = child;
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(this.url))) {
      if (child.exitCode !== null) throw new Error(`influxd ended with ${child.exitCode}`);
      if (performance.now() > deadline) throw new Error('influxd did not answer in time');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** @param signal SIGKILL for a crash */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Stops it and deletes its data. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The answer of InfluxDB to an InfluxQL query, times in milliseconds. */
  async query(database: string, query: string): Promise<unknown> {
    const answer = await fetch(`${this.url}/query?${new URLSearchParams({ db: database, epoch: 'ms', q: query })}`, {
      method: 'POST',
    });
    return answer.json();
  }

  /** Line protocol, times in microseconds. */
  async write(database: string, lines: string): Promise<Response> {
    return fetch(`${this.url}/write?${new URLSearchParams({ db: database, precision: 'u' })}`, {
      method: 'POST',
      body: lines,
    });
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ping`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  server.close();
  await once(server, 'close');
  return port;
}

function configuration(folder: string, port: number, backupPort: number): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:${backupPort}"
[meta]
  dir = "${folder}/meta"
  logging-enabled = false
[data]
  dir = "${folder}/data"
  wal-dir = "${folder}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[subscriber]
  enabled = false
[continuous_queries]
  enabled = false
[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false
`;
}
