// The servers around Weir on this machine: the sensors' MQTT broker, InfluxDB, Grafana. Real ones when they are installed,
// on free loopback ports, with their files in a scratch folder, stopped by process id.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Aedes } from 'aedes';

export interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** @returns the path of an installed program, or undefined */
export function installed(...names: readonly string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/usr/share/grafana/bin'];
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
}

/**
 * The broker the wristbands publish to; it is not the hub's.
 * @param program path of mosquitto; aedes takes its place where it is missing
 */
export async function startSensorBroker(
  scratch: string,
  program: string | undefined,
): Promise<Server & { readonly name: string }> {
  const port = await freePort();
  const url = `mqtt://127.0.0.1:${port}`;
  if (program !== undefined) {
    const config = join(scratch, 'mosquitto.conf');
    writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n`);
    const child = spawn(program, ['-c', config], { stdio: 'ignore', detached: true });
    await listening(port, child, 'mosquitto');
    return { name: 'mosquitto', url, stop: () => end(child) };
  }
  const broker = await Aedes.createBroker();
  const server = createServer((socket) => broker.handle(socket)).listen(port, '127.0.0.1');
  await once(server, 'listening');
  const stop = async (): Promise<void> => {
    await new Promise<void>((resolve) => broker.close(() => resolve()));
    server.close();
  };
  return { name: 'aedes', url, stop };
}

/** InfluxDB 1.x with its files in `scratch`. @param program path of influxd */
export async function startInflux(scratch: string, program: string): Promise<Server> {
  const folder = join(scratch, 'influxdb');
  mkdirSync(folder, { recursive: true });
  const [port, rpcPort] = [await freePort(), await freePort()];
  const config = join(folder, 'influxdb.conf');
  writeFileSync(
    config,
    `reporting-disabled = true\nbind-address = "127.0.0.1:${rpcPort}"\n[meta]\ndir = "${folder}/meta"\n` +
      `[data]\ndir = "${folder}/data"\nwal-dir = "${folder}/wal"\nquery-log-enabled = false\n[monitor]\nstore-enabled = false\n` +
      `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false\n`,
  );
  // A process group of its own: Ctrl-C in the terminal is for us, and we stop influxd after the last write.
  const child = spawn(program, ['-config', config], { stdio: 'ignore', detached: true });
  await listening(port, child, 'influxd');
  return { url: `http://127.0.0.1:${port}`, stop: () => end(child) };
}

/** Grafana with Weir's data source and dashboards, open to anybody on this machine. @param program grafana or grafana-server */
export async function startGrafana(scratch: string, program: string, influxUrl: string): Promise<Server> {
  const folder = join(scratch, 'grafana');
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const root = join(import.meta.dirname, '../..');
  const args = program.endsWith('grafana-server') ? [] : ['server'];
  const child = spawn(program, [...args, '--homepath', process.env['GRAFANA_HOME'] ?? '/usr/share/grafana'], {
    stdio: 'ignore',
    detached: true,
    env: {
      ...process.env,
      GF_SERVER_HTTP_ADDR: '127.0.0.1',
      GF_SERVER_HTTP_PORT: String(port),
      GF_PATHS_DATA: folder,
      GF_PATHS_LOGS: join(folder, 'logs'),
      GF_PATHS_PROVISIONING: join(root, 'deploy/grafana/provisioning'),
      GF_AUTH_ANONYMOUS_ENABLED: 'true',
      GF_AUTH_ANONYMOUS_ORG_ROLE: 'Admin',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      INFLUX_URL: influxUrl,
      WEIR_DASHBOARDS: join(root, 'dashboards/grafana'),
    },
  });
  await listening(port, child, 'grafana');
  return { url: `http://127.0.0.1:${port}`, stop: () => end(child) };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  return address.port;
}

export async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

async function listening(port: number, child: ChildProcess, name: string): Promise<void> {
  let failure: string | undefined;
  child.once('error', (error) => (failure = error.message));
  child.once('exit', (code) => (failure ??= `exit code ${code}`));
  for (let left = 600; left > 0 && failure === undefined; left--) {
    if (await accepts(port)) return;
    await sleep(50);
  }
  await end(child);
  throw new Error(`${name} did not start: ${failure ?? 'nothing listens after 30 s'}`);
}

/** Whether something listens on the port. */
export async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}
