// The simulator as the other side of each bus: what it says and answers is what the agent's sources take.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modbus } from '@weir/edge-agent/sources/modbus.ts';
import { serial } from '@weir/edge-agent/sources/serial.ts';
import { wot } from '@weir/edge-agent/sources/wot.ts';
import { Puller } from '@weir/edge-agent/testing/puller.ts';
import { hasSocat } from '@weir/edge-agent/testing/cable.ts';
import { parseScenario } from '@weir/firmware-sim/scenario.ts';
import { startSimulation, type Simulation } from '@weir/firmware-sim/simulation.ts';
import { afterAll, afterEach, describe, expect, it } from 'vitest';

const patience = { timeout: 20_000 };
const signals = 'signals: { temp: { kind: tempering }, rh: { kind: humidity } }';
const channels = ['temp', 'rh'];

let running: Simulation | undefined;
const folder = mkdtempSync(join(tmpdir(), 'weir-buses-'));

afterAll(() => rmSync(folder, { recursive: true }));

afterEach(async () => {
  await running?.stop();
  running = undefined;
});

async function simulate(scenario: string, options: { speed?: number; forMs?: number } = {}): Promise<Simulation> {
  running = await startSimulation(parseScenario(scenario, 's.yaml'), {
    signal: new AbortController().signal,
    startMs: Date.UTC(2026, 2, 2, 8),
    transport: 'tcp',
    ...options,
  });
  return running;
}

describe('the serial source', () => {
  it.each([
    ['kv', {}],
    ['senml', { device: 'board' }],
    ['cbor', { framing: 'cobs', crc: 'crc16' }],
    ['cbor', { framing: 'slip', crc: 'crc32' }],
  ])('takes every reading of a board that says %s %o, and refuses what the board spoils', async (format, more) => {
    const said = format === 'cbor' ? Object.entries(more).map(([key, value]) => `${key}: ${value}, `) : [];
    const simulation = await simulate(
      `
boards: { board: { format: ${format}, ${said.join('')}every: 100ms, ${signals} } }
faults:
  - { at: 1s, every: 2s, device: board, kind: garbage }
  - { at: 5s, for: 1s, device: board, kind: reboot, clock: keep }
  - { at: 8s, for: 1s, device: board, kind: baud-mismatch }
`,
      { speed: 40, forMs: 500 },
    );
    const puller = new Puller(serial, {
      serial: simulation.devices.get('board'),
      format,
      ...(format === 'senml' ? {} : { time: 't' }),
      ...more,
    });
    await simulation.done;
    const { readings, bad } = await simulation.stop();
    await expect.poll(() => puller.ended, patience).toBe(true);
    expect(bad.malformed).toBeGreaterThan(10);
    expect(puller.deadLetters.map(({ reason }) => reason)).toEqual(
      Array.from({ length: bad.malformed }, () => 'malformed'),
    );
    expect(puller.readings).toHaveLength(readings - bad.malformed);
  });

  it('takes transducer sentences', async () => {
    const simulation = await simulate(`boards: { board: { format: nmea, every: 100ms, ${signals} } }`, {
      speed: 40,
      forMs: 250,
    });
    const options = { channels: ['XDR.temp', 'XDR.rh'] };
    const puller = new Puller(serial, { serial: simulation.devices.get('board'), format: 'nmea' }, options);
    await simulation.done;
    await simulation.stop();
    await expect.poll(() => puller.ended, patience).toBe(true);
    expect(puller.deadLetters).toEqual([]);
    expect(puller.readings).toHaveLength(200);
  });
});

const press = (place: string): string => `
boards:
  press:
    modbus: { ${place} }
    slave: 3
    every: 50ms
    ${signals}
    registers: { temp: { at: 0, type: float32, order: CDAB }, rh: { at: 7, type: uint16, scale: 0.1, table: input } }
faults:
  - { at: 500ms, device: press, kind: exception, for: 500ms }`;

const registers = {
  temp: { at: 40001, type: 'float32', order: 'CDAB' },
  rh: { at: 30008, scale: 0.1 },
};

describe.each([
  { where: 'over TCP', place: 'tcp: "127.0.0.1:0"', isMissing: false },
  { where: 'on a serial line (needs socat)', place: `rtu: ${join(folder, 'bus.tty')}`, isMissing: !hasSocat },
])('the Modbus source $where', ({ place, isMissing }) => {
  it.skipIf(isMissing)('reads a simulated slave, also after it refused for a while', async () => {
    const simulation = await simulate(press(place));
    const raw = { modbus: simulation.servers.get('press'), slave: 3, registers, every: '50ms' };
    const puller = new Puller(modbus, raw, { channels });
    const values = (channel: string): number[] =>
      puller.readings.filter((one) => one.startsWith(`board/${channel} `)).map((one) => Number(one.split(' = ')[1]));
    await expect.poll(() => puller.problems.size, patience).toBe(1);
    await expect.poll(() => puller.problems.size, patience).toBe(0);
    await expect.poll(() => values('rh').length, patience).toBeGreaterThan(5);
    await puller.end();
    for (const value of values('temp')) expect(value).toBeCloseTo(31.5, 0);
    for (const value of values('rh')) expect(value).toBeGreaterThan(30);
  });
});

describe('the Web of Things source', () => {
  it('reads a simulated thing by its description, and observes what it measures', async () => {
    const simulation = await simulate(`things: { boiler: { http: "127.0.0.1:0", every: 100ms, ${signals} } }`);
    const raw = { wot: simulation.servers.get('boiler'), poll: '50ms' };
    const puller = new Puller(wot, raw, { channels });
    await expect.poll(() => puller.readings.length, patience).toBeGreaterThan(10);
    await puller.end();
    expect(puller.error).toBeUndefined();
    expect(puller.deadLetters).toEqual([]);
    expect(new Set(puller.readings.map((one) => one.split(' ')[0]))).toEqual(new Set(['boiler/temp', 'boiler/rh']));
    const { readings, answers } = simulation.counts();
    expect(readings).toBeGreaterThanOrEqual(puller.readings.length);
    expect(readings).toBe(answers);
  });

  it('goes on when a thing did not answer for a while', async () => {
    const simulation = await simulate(`
things: { boiler: { http: "127.0.0.1:0", every: 100ms, ${signals} } }
faults: [{ at: 0s, for: 1500ms, every: 4s, device: boiler, kind: no-answer }]`);
    const raw = { wot: simulation.servers.get('boiler'), poll: '50ms', refresh: '200ms', timeout: '300ms' };
    const puller = new Puller(wot, raw, { channels });
    await expect.poll(() => puller.readings.length, patience).toBeGreaterThan(4);
    const href = new URL('properties/temp', simulation.servers.get('boiler'));
    const isDead = (): Promise<boolean> =>
      fetch(href, { signal: AbortSignal.timeout(200) }).then(
        () => false,
        () => true,
      );
    await expect.poll(isDead, patience).toBe(true);
    const before = puller.readings.length;
    await expect.poll(() => puller.readings.length, patience).toBeGreaterThan(before + 4);
    expect(puller.error).toBeUndefined();
  });
});
