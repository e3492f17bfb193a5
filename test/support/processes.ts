// Real servers for tests and benches: on loopback, on free ports, in scratch folders, stopped by their process id.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts, freePort, installed } from '@weir/deploy/local/servers.ts';
import { until } from './wait.ts';

export interface Running extends AsyncDisposable {
  readonly port: number;
  readonly process: ChildProcess;
}

export function scratchFolder(name: string): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), `weir-${name}-`));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A mosquitto that takes anybody, keeps sessions over a restart in `folder`, and limits no queue. */
export async function startMosquitto(folder: string, wantedPort?: number): Promise<Running> {
  const program = installed('mosquitto');
  if (program === undefined) throw new Error('mosquitto is not installed');
  const port = wantedPort ?? (await freePort());
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nset_tcp_nodelay true\n` +
      `persistence true\npersistence_location ${folder}/\nuser root\n`,
  );
  const child = spawn(program, ['-c', config], { stdio: 'ignore' });
  await until('mosquitto listens', () => accepts(port));
  return { port, process: child, [Symbol.asyncDispose]: () => stopProcess(child) };
}

/** Sends `signal` and waits for the end; one that does not obey is killed. */
export async function stopProcess(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}
