// Node-RED at the same work as the agent: MQTT in, JSON, statistics by minute and device, a threshold. Installed from npm into a
// scratch folder; it is no part of Weir.

import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@weir/deploy/local/servers.ts';
import { scratchFolder, startMosquitto, stopProcess } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { publish } from './mqtt-publisher.ts';
import type { Throughput } from './sources-mqtt.ts';

const installMs = 300_000;

/** @returns the folder it is in, or undefined where it cannot be installed */
export async function installNodeRed(folder: string): Promise<string | undefined> {
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const args = ['install', 'node-red@5', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  try {
    await promisify(execFile)('npm', args, { cwd: folder, timeout: installMs });
    return folder;
  } catch {
    return undefined;
  }
}

/** The work, in the language of a function node. */
const work = `
const reading = JSON.parse(msg.payload);
const device = msg.topic.split('/')[1];
const minute = Math.floor(Date.now() / 60000);
const windows = context.get('windows') || {};
for (const signal of ['temp', 'rh']) {
  const value = reading[signal];
  const key = device + '/' + signal;
  let window = windows[key];
  if (!window || window.minute !== minute) window = windows[key] = { minute, count: 0, sum: 0, min: Infinity, max: -Infinity, values: [] };
  window.count += 1;
  window.sum += value;
  if (value < window.min) window.min = value;
  if (value > window.max) window.max = value;
  if (window.values.length < 10000) window.values.push(value);
}
context.set('windows', windows);
const hot = context.get('hot') || {};
if (reading.temp > 34) hot[device] = hot[device] || Date.now();
else if (reading.temp < 33) delete hot[device];
context.set('hot', hot);
global.set('count', (global.get('count') || 0) + 1);
return null;`;

export async function measureNodeRed(installedIn: string, messages: number): Promise<Throughput> {
  using folder = scratchFolder('node-red-run');
  await using broker = await startMosquitto(folder.path);
  const port = await freePort();
  const user = join(folder.path, 'user');
  mkdirSync(user);
  writeFileSync(
    join(user, 'settings.js'),
    `module.exports = { uiPort: ${port}, uiHost: '127.0.0.1', flowFile: 'flows.json', telemetry: { enabled: false }, logging: { console: { level: 'off' } } };\n`,
  );
  writeFileSync(join(user, 'flows.json'), JSON.stringify(flows(broker.port)));
  const program = join(installedIn, 'node_modules/node-red/red.js');
  const child = spawn(process.execPath, [program, '--userDir', user], { stdio: 'ignore' });
  try {
    const count = async (): Promise<number> => {
      const answer = await fetch(`http://127.0.0.1:${port}/count`).catch(() => undefined);
      return answer?.ok === true ? Number(await answer.text()) : NaN;
    };
    // It is ready when a first message has gone all the way.
    await until('Node-RED counts', async () => {
      await publish(broker.port, 1, 0);
      return (await count()) > 0;
    });
    const before = await count();
    const began = performance.now();
    await publish(broker.port, messages, 0);
    let residentMB = 0;
    await until('Node-RED has counted everything', async () => {
      residentMB = Math.max(residentMB, residentOf(child.pid));
      return (await count()) >= before + messages;
    });
    return { rate: (messages * 1000) / (performance.now() - began), residentMB };
  } finally {
    await stopProcess(child);
  }
}

function residentOf(pid: number | undefined): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1000;
}

function flows(broker: number): object[] {
  const place = { z: 'flow', x: 0, y: 0 };
  return [
    { id: 'flow', type: 'tab', label: 'bench' },
    {
      id: 'broker',
      type: 'mqtt-broker',
      broker: '127.0.0.1',
      port: String(broker),
      protocolVersion: '4',
      keepalive: '60',
      cleansession: true,
    },
    {
      ...place,
      id: 'in',
      type: 'mqtt in',
      topic: 'plant/+',
      qos: '0',
      datatype: 'utf8',
      broker: 'broker',
      wires: [['work']],
    },
    { ...place, id: 'work', type: 'function', func: work, outputs: 1, wires: [[]] },
    { ...place, id: 'get', type: 'http in', url: '/count', method: 'get', wires: [['tell']] },
    {
      ...place,
      id: 'tell',
      type: 'function',
      func: "msg.payload = String(global.get('count') || 0); return msg;",
      outputs: 1,
      wires: [['answer']],
    },
    { ...place, id: 'answer', type: 'http response', wires: [] },
  ];
}
