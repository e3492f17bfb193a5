// What an agent costs that has little to do, from the bundle as it is installed: resident memory by kind of source, and how long it
// takes from its start until a first reading has become an alert's action.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildAll } from '@weir/deploy/build.ts';
import { freePort, installed } from '@weir/deploy/local/servers.ts';
import { scratchFolder, startMosquitto, stopProcess } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { median, type Bench } from './bench.ts';
import { gatewayEnvironment, gatewayFlags } from './sources-mqtt.ts';

const settleMs = 15_000;
const starts = 5;

export const sourcesIdle: Bench = {
  name: 'idle-memory',
  group: 'sources',
  about: `resident memory of an idle agent from the bundle after ${settleMs / 1000} s, by its sources`,
  async *run() {
    using scratch = scratchFolder('idle');
    await buildInto(scratch.path);
    if (!existsSync('/usr/bin/socat') || installed('mosquitto') === undefined) {
      yield { skipped: 'socat and mosquitto are not both installed' };
      return;
    }
    await using broker = await startMosquitto(scratch.path);
    const line = await startLine(scratch.path);
    const unused = await freePort();
    const kinds: Readonly<Record<string, readonly string[]>> = {
      system: ['  own: { system: 10s }'],
      serial: [`  oven: { serial: ${line.near}, format: json }`],
      mqtt: [`  plant: { mqtt: "mqtt://127.0.0.1:${broker.port}", topics: ["plant/{device}"] }`],
      modbus: [`  plc: { modbus: "tcp://127.0.0.1:${unused}", slave: 1, registers: { temp: { at: 40001 } } }`],
      'serial + mqtt': [
        `  oven: { serial: ${line.near}, format: json }`,
        `  plant: { mqtt: "mqtt://127.0.0.1:${broker.port}", topics: ["plant/{device}"] }`,
      ],
    };
    try {
      for (const [kind, sources] of Object.entries(kinds)) {
        const child = startBundle(scratch.path, kind.replaceAll(' ', ''), sources);
        await sleep(settleMs);
        const value = residentOf(child.pid);
        await stopProcess(child);
        yield {
          bench: 'sources',
          case: kind === 'serial + mqtt' ? 'idle-memory' : `idle-memory ${kind}`,
          metric: 'residentMB',
          value,
        };
      }
    } finally {
      await stopProcess(line.process);
    }
  },
};

export const sourcesStart: Bench = {
  name: 'start-up',
  group: 'sources',
  about: `from the start of the bundle until the first reading of a serial line has called a webhook; median of ${starts} starts`,
  async *run() {
    if (!existsSync('/usr/bin/socat')) {
      yield { skipped: 'socat is not installed' };
      return;
    }
    using scratch = scratchFolder('start');
    await buildInto(scratch.path);
    const line = await startLine(scratch.path);
    const calls: number[] = [];
    const hook = createServer((_, response) => {
      calls.push(performance.now());
      response.end();
    }).listen(0, '127.0.0.1');
    await once(hook, 'listening');
    const { port } = hook.address() as AddressInfo;
    const board = setInterval(() => writeFileSync(line.far, '{"temp":40}\n'), 10);
    try {
      const times: number[] = [];
      for (let start = 0; start < starts; start++) {
        calls.length = 0;
        const began = performance.now();
        const child = startBundle(
          scratch.path,
          `start${start}`,
          [`  oven: { serial: ${line.near}, format: json }`],
          [
            'alerts: { hot: { when: temperature > 34, severity: critical, do: [hook] } }',
            `actions: { hook: { webhook: "http://127.0.0.1:${port}/" } }`,
          ],
        );
        await until('the webhook is called', () => calls.length > 0);
        times.push((calls[0] ?? NaN) - began);
        await stopProcess(child);
      }
      yield { bench: 'sources', case: 'start-up', metric: 'firstReadingMs', value: median(times) };
    } finally {
      clearInterval(board);
      hook.close();
      await stopProcess(line.process);
    }
  },
};

/** With serialport beside it, which stays a package. */
async function buildInto(folder: string): Promise<void> {
  await buildAll(join(folder, 'dist'));
  symlinkSync(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'));
}

function startBundle(
  folder: string,
  name: string,
  sources: readonly string[],
  more: readonly string[] = [],
): ChildProcess {
  const path = join(folder, `${name}.yaml`);
  const ids = sources.map((text) => text.trim().split(':')[0] ?? '');
  const channel = (id: string): string => (id === 'own' ? 'own.memory' : `${id}.temp`);
  const text = [
    'gateway: idle',
    `data: ${join(folder, `${name}-data`)}`,
    'sources:',
    ...sources,
    `signals: { temperature: { from: [${ids.map(channel).join(', ')}] } }`,
    'windows: [{ every: 1m, of: all, compute: [mean] }]',
    ...more,
  ];
  writeFileSync(path, `${text.join('\n')}\n`);
  return spawn(process.execPath, [...gatewayFlags, join(folder, 'dist/agent/main.js'), 'run', path], {
    stdio: 'ignore',
    env: { ...process.env, ...gatewayEnvironment },
  });
}

async function startLine(folder: string): Promise<{ near: string; far: string; process: ChildProcess }> {
  const [near, far] = [join(folder, 'agent-line'), join(folder, 'board-line')];
  const socat = spawn('socat', [`pty,raw,echo=0,link=${near}`, `pty,raw,echo=0,link=${far}`], { stdio: 'ignore' });
  await until('the line is there', () => existsSync(near) && existsSync(far));
  return { near, far, process: socat };
}

function residentOf(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}
