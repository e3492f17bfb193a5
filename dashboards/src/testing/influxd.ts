// A real influxd for a test: free loopback ports, a folder of its own, gone with the test.
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const startWithinMs = 30_000;

export const influxdInstalled = ['/usr/sbin', ...(process.env['PATH'] ?? '').split(delimiter)].some((folder) =>
  existsSync(join(folder, 'influxd')),
);

export interface Series {
  readonly name: string;
  readonly columns: readonly string[];
  readonly values: readonly (readonly unknown[])[];
}

export interface Influxd extends AsyncDisposable {
  readonly url: string;
  /** Line protocol with times in milliseconds. Throws what influxd answers when it refuses a line. */
  write(database: string, lines: readonly string[]): Promise<void>;
  /** Throws what influxd answers when it refuses the query. */
  query(database: string, query: string): Promise<readonly Series[]>;
}

export async function startInfluxd(): Promise<Influxd> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-influxd-'));
  const [httpPort, rpcPort] = await freePorts();
  const config = join(folder, 'influxd.toml');
  await writeFile(config, configText(folder, httpPort, rpcPort));
  const child = spawn('influxd', ['-config', config], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${httpPort}`;
  const stop = async (): Promise<void> => {
    await ended(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await answers(url, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    write: (database, lines) => write(url, database, lines),
    query: (database, query) => ask(url, database, query),
    [Symbol.asyncDispose]: stop,
  };
}

async function write(url: string, database: string, lines: readonly string[]): Promise<void> {
  const response = await fetch(`${url}/write?db=${database}&precision=ms`, { method: 'POST', body: lines.join('\n') });
  if (!response.ok) throw new Error(`influxd refused the points: ${await response.text()}`);
}

async function ask(url: string, database: string, query: string): Promise<readonly Series[]> {
  const body = new URLSearchParams({ db: database, q: query });
  const response = await fetch(`${url}/query`, { method: 'POST', body });
  const answer = (await response.json()) as { error?: string; results?: { error?: string; series?: Series[] }[] };
  const error = answer.error ?? answer.results?.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new Error(`influxd refused the query: ${error}: ${query}`);
  return (answer.results ?? []).flatMap(({ series }) => series ?? []);
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  const givesUpAt = Date.now() + startWithinMs;
  while (Date.now() < givesUpAt) {
    if (child.exitCode !== null) throw new Error(`influxd ended with exit code ${child.exitCode}`);
    const up = await fetch(`${url}/ping`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) return;
    await sleep(50);
  }
  throw new Error(`influxd did not answer at ${url} within ${startWithinMs} ms`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Both are held open until both are known, so that they differ. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()] as const;
  const [first, second] = servers;
  await Promise.all(servers.map((server) => once(server.listen(0, '127.0.0.1'), 'listening')));
  const ports: [number, number] = [portOf(first.address()), portOf(second.address())];
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP port');
  return address.port;
}

function configText(folder: string, httpPort: number, rpcPort: number): string {
  return `
reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"
[meta]
dir = "${join(folder, 'meta')}"
[data]
dir = "${join(folder, 'data')}"
wal-dir = "${join(folder, 'wal')}"
[http]
bind-address = "127.0.0.1:${httpPort}"
log-enabled = false
`;
}
