// The scenarios that ship: they parse, they run, and the ground truth about their faults is written.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import modbusSerial from 'modbus-serial';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { badReasons } from './device.ts';
import { faultKinds } from './fault-schema.ts';
import { boardFormats } from './formats/voice.ts';
import { parseScenario, type Scenario } from './scenario.ts';
import { type Simulation, type SimulationOptions, startSimulation } from './simulation.ts';
import { hasMosquitto, TestBroker, until } from './test-kit.ts';

const startMs = Date.UTC(2026, 2, 2, 8);

let folder = '';
let running: Simulation | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'));
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
  rmSync(folder, { recursive: true });
});

function shipped(name: string): Scenario {
  const file = new URL(`../scenarios/${name}.yaml`, import.meta.url);
  return parseScenario(readFileSync(file, 'utf8'), `${name}.yaml`);
}

async function start(scenario: Scenario, options: Partial<SimulationOptions>): Promise<Simulation> {
  running = await startSimulation(scenario, {
    signal: new AbortController().signal,
    startMs,
    truthFile: join(folder, 'truth.jsonl'),
    ...options,
  });
  return running;
}

/** Devices and kinds of what has gone wrong. */
function truths(): Set<string> {
  const occurrence = z.looseObject({ device: z.string(), kind: z.string(), start: z.number(), readings: z.number() });
  const lines = readFileSync(join(folder, 'truth.jsonl'), 'utf8').trim().split('\n');
  return new Set(
    lines.map((line) => occurrence.parse(JSON.parse(line))).map(({ device, kind }) => `${device} ${kind}`),
  );
}

/** What of a scenario's faults begins and ends within so much event time. */
function expected({ faults }: Scenario, withinMs: number): string[] {
  return faults.filter(({ atMs }) => atMs < withinMs).map(({ device, kind }) => `${device} ${kind}`);
}

/** Reads whatever a board prints, and comes back when it was unplugged. */
async function readOn(device: string, ending: AbortSignal): Promise<number> {
  const { hostname, port } = new URL(device);
  let bytes = 0;
  while (!ending.aborted) {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.on('data', (chunk) => (bytes += chunk.length));
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('close', resolve));
    await setTimeout(5);
  }
  return bytes;
}

describe('the page about the simulator', () => {
  const page = readFileSync(new URL('../../docs/simulator.md', import.meta.url), 'utf8');

  it('has an example that is a scenario', () => {
    const [, example = ''] = /## A scenario by example\n\n([^]*?)\nSignals are/.exec(page) ?? [];
    const { boards, slaves, things, wearables, faults } = parseScenario(example.replace(/^ {4}/gm, ''), 'simulator.md');
    expect(Object.keys({ ...boards, ...slaves, ...things })).toEqual(['oven', 'store', 'mill', 'press', 'boiler']);
    expect([Object.keys(wearables?.bands ?? {}).length, faults.length]).toEqual([2, 3]);
  });

  it('tells of every format, every kind of fault and every reason', () => {
    const words = [...boardFormats, ...faultKinds, ...badReasons];
    expect(words.filter((word) => !new RegExp(`^\\|.*\`${word}\``, 'm').test(page))).toEqual([]);
  });
});

describe('the chocolate factory', () => {
  it('has three lines, every format of a board, and every kind of fault', () => {
    const { boards, slaves, things, faults } = shipped('chocolate-factory');
    expect(new Set(Object.values(boards).map(({ format }) => format)).size).toBe(6);
    for (const line of ['1', '2', '3'])
      expect(Object.keys({ ...boards, ...slaves }).filter((name) => name.endsWith(line)).length).toBeGreaterThan(2);
    expect(Object.values(slaves).filter(({ bus }) => 'tcp' in bus)).toHaveLength(1);
    expect(Object.keys(things)).toEqual(['boiler']);
    expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
  });

  it('runs for five minutes of its time: all boards are read, and the truth is written', async () => {
    const scenario = shipped('chocolate-factory');
    const anywhere = { tcp: '127.0.0.1:0' };
    const simulation = await start(scenario, {
      transport: 'tcp',
      speed: 300,
      forMs: 1000,
      servers: { 'press-2': anywhere, 'press-3': anywhere, 'mixer-3': anywhere, boiler: anywhere },
    });
    const ending = new AbortController();
    const readers = [...simulation.devices.values()].map((device) => readOn(device, ending.signal));
    const { hostname, port } = new URL(simulation.servers.get('press-2') ?? '');
    const client = new modbusSerial.default();
    await client.connectTCP(hostname, { port: Number(port) });
    client.setID(1);
    await expect.poll(async () => (await client.readHoldingRegisters(0, 3)).data.length).toBe(3);
    await new Promise<void>((resolve) => client.close(() => resolve()));
    await simulation.done;
    const { readings, bad, lines, answers } = await simulation.stop();
    ending.abort();
    for (const bytes of await Promise.all(readers)) expect(bytes).toBeGreaterThan(1000);
    expect(lines).toBeGreaterThan(5000);
    expect(answers).toBeGreaterThan(0);
    expect(readings).toBeGreaterThan(lines);
    expect(Object.entries(bad).filter(([, count]) => count === 0)).toEqual([]);
    const printing = expected(scenario, 300_000).filter((one) =>
      Object.hasOwn(scenario.boards, one.split(' ')[0] ?? ''),
    );
    expect(printing.length).toBeGreaterThan(15);
    expect(printing.filter((one) => !truths().has(one))).toEqual([]);
  });
});

describe('the care home', () => {
  it('has twenty bands: some sync late, some are off, one clock is fast', () => {
    const { wearables, faults } = shipped('care-home');
    const bands = Object.values(wearables?.bands ?? {});
    expect(bands).toHaveLength(20);
    expect(bands.filter(({ syncMs }) => syncMs !== undefined)).toHaveLength(6);
    expect(faults.filter(({ kind, forMs = 0 }) => kind === 'dropout' && forMs >= 86_400_000)).toHaveLength(2);
    expect(faults.filter(({ kind }) => kind === 'clock-ahead').map(({ device }) => device)).toEqual(['theresa']);
  });

  it.skipIf(!hasMosquitto)('runs for ten minutes of its time, and the truth is written (needs mosquitto)', async () => {
    const broker = await TestBroker.start();
    const messages = await broker.listen();
    const scenario = shipped('care-home');
    const simulation = await start(scenario, { broker: broker.url, speed: 600, forMs: 1000 });
    await simulation.done;
    const { bad, readings } = await simulation.stop();
    await until(() => messages.length >= readings);
    const talking = new Set(messages.map(({ topic }) => topic.split('/')[1]));
    expect(talking.size).toBe(19);
    expect(talking.has('louise')).toBe(false);
    // Two values a minute, all of them a quarter of an hour ahead.
    expect(bad.future).toBe(20);
    expect(bad.unset).toBeGreaterThan(0);
    expect(bad.repeated).toBeGreaterThan(0);
    expect(expected(scenario, 600_000).filter((one) => !truths().has(one))).toEqual([]);
    await broker.stop();
  });
});
