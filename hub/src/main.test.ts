// The program as it is run: its command line, its signals, its death.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Credentials } from './broker/credentials.ts';
import { State } from './state/state.ts';
import { baseTime, eventually, frame, pane, tempFolder } from './testing/fixtures.ts';
import { Influxd, influxdInstalled } from './testing/influxd.ts';
import { MqttClient } from './testing/mqtt-client.ts';
import { anyPorts } from './testing/test-hub.ts';

const program = join(import.meta.dirname, 'main.ts');
const incarnation = 'incarnation-1';

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function weirHub(...args: string[]): Promise<Outcome> {
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [program, ...args])) };
  } catch (error) {
    const { code, stdout, stderr } = error as Outcome;
    return { code, stdout, stderr };
  }
}

class Running implements AsyncDisposable {
  readonly #child: ChildProcess;
  log = '';

  private constructor(file: string) {
    this.#child = spawn(process.execPath, [program, 'run', file], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.on('data', (chunk) => (this.log += String(chunk)));
  }

  static async start(file: string): Promise<Running> {
    const running = new Running(file);
    await eventually(() => running.log.includes('open the page'));
    return running;
  }

  get mqttPort(): number {
    return Number(/mqttPort=(\d+)/.exec(this.log)?.[1]);
  }

  get url(): string {
    return /url=(\S+)/.exec(this.log)?.[1] ?? '';
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.end('SIGKILL');
  }
}

function entries(from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from + 1 }, (_, index) => frame([pane({ index: from + index })]));
}

test('gateways are added, listed and removed; mistakes end with code 2 and what to do', async () => {
  using folder = tempFolder();
  const data = ['--data', folder.path];
  const added = await weirHub('gateway', 'add', 'line-3', ...data);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w-]{43}\n$/) });
  expect(await weirHub('gateway', 'add', 'line-3', ...data)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('remove it first'),
  });
  expect((await weirHub('gateway', 'list', ...data)).stdout).toMatch(/^line-3\tadded .*\tnever seen\n$/);
  expect(await weirHub('gateway', 'remove', 'line-3', ...data)).toMatchObject({ code: 0 });
  expect(await weirHub('gateway', 'remove', 'line-3', ...data)).toMatchObject({ code: 2 });
});

test('what could not be stored is tried again by the hub that runs, when the command line asks for it', async () => {
  using folder = tempFolder();
  const file = join(folder.path, 'hub.yaml');
  writeFileSync(file, anyPorts);
  const state = State.open(join(folder.path, 'weir-hub-data'));
  const lane = { gateway: 'line-3', incarnation, lane: 'panes' } as const;
  state.cursors.put({ ...lane, seq: 2, reported: 24, stored: 0, quarantined: 24 });
  const row = { ...lane, kind: 'frame', reason: 'unknown' } as const;
  state.quarantine.add([{ ...row, readings: 10, payload: frame([pane()]) }], 0);
  state.quarantine.add([{ ...row, readings: 14, payload: Uint8Array.of(0xff) }], 0);
  await new Credentials(state.gateways).add('line-3', 0);
  await using running = await Running.start(file);
  const retried = await weirHub('quarantine', 'retry', '--all', '--config', file);
  expect(retried.stdout).toMatch(/^1\tstored\t10 readings\n2\trefused\tframe: .*\n$/);
  expect(retried.code).toBe(0);
  const view = await (await fetch(`${running.url}/api/gateways`)).json();
  expect(view).toMatchObject([{ stored: 10, lost: { quarantined: 14 } }]);
  state.close();
});

test('a file with mistakes ends with code 2 and their places', async () => {
  using folder = tempFolder();
  const file = join(folder.path, 'hub.yaml');
  writeFileSync(file, 'broker: { listen: here }\ndta: x\n');
  const { code, stderr } = await weirHub('run', file);
  expect(code).toBe(2);
  expect(stderr.split('\n').filter((line) => line.startsWith(file))).toHaveLength(2);
});

test('an address that is taken ends with code 2 and names it', async () => {
  using folder = tempFolder();
  const file = join(folder.path, 'hub.yaml');
  writeFileSync(file, anyPorts);
  await using running = await Running.start(file);
  writeFileSync(
    file,
    `broker: { listen: "127.0.0.1:0" }\nhttp: { listen: "${new URL(running.url).host}" }\ndata: other\n`,
  );
  expect(await weirHub('run', file)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(new URL(running.url).host),
  });
});

test('SIGTERM ends it with code 0', async () => {
  using folder = tempFolder();
  const file = join(folder.path, 'hub.yaml');
  writeFileSync(file, anyPorts);
  await using running = await Running.start(file);
  expect(await running.end('SIGTERM')).toBe(0);
});

test('whatever was acknowledged is there after kill -9, and what is sent again counts once', async () => {
  using folder = tempFolder();
  const file = join(folder.path, 'hub.yaml');
  writeFileSync(file, anyPorts);
  const key = (await weirHub('gateway', 'add', 'line-3', '--config', file)).stdout.trim();
  let acked = 0;
  for (let life = 0; life < 3; life++) {
    await using running = await Running.start(file);
    const client = await MqttClient.gateway({ port: running.mqttPort, name: 'line-3', key });
    const target = acked + 20;
    for (let seq = acked + 1; seq <= acked + 64; seq += 8) {
      client.publishBatch('line-3', 'panes', { incarnation, firstSeq: seq, entries: entries(seq, seq + 7) });
    }
    await client.until(() => Number(client.acks.at(-1)?.seq) >= target);
    await running.end('SIGKILL');
    await client.until(() => client.closed);
    acked = Number(client.acks.at(-1)?.seq);
  }
  await using running = await Running.start(file);
  const client = await MqttClient.gateway({ port: running.mqttPort, name: 'line-3', key });
  client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: entries(1, 300) });
  await client.until(() => client.acks.at(-1)?.seq === 300);
  expect(await (await fetch(`${running.url}/api/gateways`)).json()).toMatchObject([{ stored: 3000 }]);
  const query = `gateway=line-3&device=press&signal=temperature&window=10s&from=0&to=${baseTime + 1e9}`;
  const { rows } = (await (await fetch(`${running.url}/api/panes?${query}`)).json()) as { rows: number[][] };
  expect(rows).toHaveLength(300);
  await client.disconnect();
});

describe.skipIf(!influxdInstalled)('with influxd', () => {
  test('a type conflict in InfluxDB costs the points in conflict and nothing else; an outage costs nothing', async () => {
    using folder = tempFolder();
    const file = join(folder.path, 'hub.yaml');
    await using influxd = await Influxd.start();
    writeFileSync(file, `${anyPorts}store: { influx: "${influxd.url}", database: plant }\n`);
    const key = (await weirHub('gateway', 'add', 'line-3', '--config', file)).stdout.trim();
    await using running = await Running.start(file);
    const client = await MqttClient.gateway({ port: running.mqttPort, name: 'line-3', key });
    await influxd.query('', 'CREATE DATABASE plant');
    await influxd.write('plant', `pressure,gateway=x mean="text" ${baseTime}000`);
    const bad = frame([pane({ signal: 'pressure', count: 4, fresh: 4 }), pane({ index: 1 })]);
    client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: [bad] });
    await client.until(() => client.acks.at(-1)?.seq === 1);
    const view = async (): Promise<unknown> => (await fetch(`${running.url}/api/gateways`)).json();
    expect(await view()).toMatchObject([{ stored: 10, lost: { quarantined: 4 } }]);

    await influxd.stop('SIGKILL');
    client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 2, readingsBefore: 14, entries: entries(2, 20) });
    await eventually(async () => (await fetch(`${running.url}/healthz`)).status === 503);
    expect(client.acks.at(-1)).toMatchObject({ seq: 1 });
    await influxd.resume();
    await client.until(() => client.acks.at(-1)?.seq === 20);
    expect(await view()).toMatchObject([{ stored: 200 }]);
    await client.disconnect();
  });
});
