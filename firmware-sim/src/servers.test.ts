// Slaves and things as whoever asks them meets them: modbus-serial's client, and fetch.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import modbusSerial from 'modbus-serial';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parseScenario } from './scenario.ts';
import { type Simulation, startSimulation } from './simulation.ts';
import { freePort, hasSocat, until } from './test-kit.ts';

const Client = modbusSerial.default;
type Client = InstanceType<typeof Client>;

/** Of polling, on a busy machine. */
const patience = { timeout: 20_000 };

let folder = '';
let running: Simulation | undefined;
const clients: Client[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'));
});

afterEach(async () => {
  for (const client of clients.splice(0)) await new Promise<void>((resolve) => client.close(() => resolve()));
  await running?.stop();
  running = undefined;
  rmSync(folder, { recursive: true });
});

async function start(text: string): Promise<Simulation> {
  const options = { signal: new AbortController().signal, startMs: Date.UTC(2026, 2, 2, 8) };
  running = await startSimulation(parseScenario(text, 's.yaml'), { ...options, truthFile: join(folder, 'truth') });
  return running;
}

async function tcpClient(simulation: Simulation, name: string, unit: number): Promise<Client> {
  const client = new Client();
  clients.push(client);
  const { hostname, port } = new URL(simulation.servers.get(name) ?? '');
  await client.connectTCP(hostname, { port: Number(port) });
  client.setID(unit);
  client.setTimeout(5000);
  return client;
}

/** Until the board has measured for the first time. */
async function ready(client: Client, count = 1): Promise<void> {
  await expect
    .poll(
      () =>
        client.readHoldingRegisters(0, count).then(
          () => true,
          () => false,
        ),
      patience,
    )
    .toBe(true);
}

/** Errors of modbus-serial are not all of JavaScript's. */
function nameOf(error: unknown): string {
  return z.object({ name: z.string() }).safeParse(error).data?.name ?? '';
}

const press = (place: string, faults = ''): string => `
boards:
  press:
    modbus: { ${place} }
    slave: 3
    every: 100ms
    signals: { pressure: { kind: pressure }, temp: { kind: tempering } }
    registers: { pressure: { at: 0, type: float32 }, temp: { at: 4, type: int16, scale: 0.01 } }
faults: [${faults}]`;

describe('a Modbus TCP slave', () => {
  it('gives its registers, nothing between them, and exceptions beyond', async () => {
    const simulation = await start(press('tcp: "127.0.0.1:0"'));
    const client = await tcpClient(simulation, 'press', 3);
    await ready(client);
    const before = simulation.counts();
    const { buffer } = await client.readHoldingRegisters(0, 5);
    expect(buffer.readFloatBE(0)).toBeGreaterThan(5);
    expect(buffer.readFloatBE(0)).toBeLessThan(7);
    expect(buffer.readUInt32BE(4)).toBe(0);
    expect(buffer.readInt16BE(8) / 100).toBeCloseTo(31.5, 0);
    await expect(client.readHoldingRegisters(4, 2)).rejects.toMatchObject({ modbusCode: 2 });
    await expect(client.readInputRegisters(0, 1)).rejects.toMatchObject({ modbusCode: 2 });
    await expect(client.writeRegister(0, 1)).rejects.toMatchObject({ modbusCode: 1 });
    await expect(client.readHoldingRegisters(0, 126)).rejects.toMatchObject({ modbusCode: 3 });
    const after = simulation.counts();
    expect([after.readings - before.readings, after.answers - before.answers]).toEqual([2, 5]);
  });

  it('goes on measuring', async () => {
    const client = await tcpClient(await start(press('tcp: "127.0.0.1:0"')), 'press', 3);
    await ready(client);
    const seen = new Set<number>();
    await expect
      .poll(async () => {
        seen.add((await client.readHoldingRegisters(0, 2)).buffer.readFloatBE(0));
        return seen.size;
      }, patience)
      .toBeGreaterThan(3);
  });

  it('shares its port with others, and one that is not there does not answer', async () => {
    const port = await freePort();
    const other = `
  oven:
    modbus: { tcp: "127.0.0.1:${port}" }
    slave: 4
    every: 100ms
    signals: { temp: { kind: tempering } }
    registers: { temp: { at: 0, table: input, scale: 0.1 } }
faults:`;
    const simulation = await start(
      press(`tcp: "127.0.0.1:${port}"`).replace('faults:', `${other.trim()} `).replace('\noven', '\n  oven'),
    );
    const client = await tcpClient(simulation, 'oven', 3);
    expect(simulation.servers.get('press')).toBe(simulation.servers.get('oven'));
    await ready(client);
    client.setID(4);
    await expect
      .poll(
        () =>
          client.readInputRegisters(0, 1).then(
            ({ data }) => data[0],
            () => 0,
          ),
        patience,
      )
      .toBeGreaterThan(300);
    client.setID(5);
    client.setTimeout(100);
    await expect(client.readHoldingRegisters(0, 1)).rejects.toMatchObject({ name: 'TransactionTimedOutError' });
  });

  it('is dead, refuses, or is slow when a fault has it so, and the truth says when', async () => {
    const simulation = await start(
      press(
        'tcp: "127.0.0.1:0"',
        [
          '{ at: 0s, for: 1h, every: 2h, device: press, kind: exception, code: 6 }',
          '{ at: 1s, for: 1h, device: press, kind: no-answer }',
        ].join(', '),
      ),
    );
    const client = await tcpClient(simulation, 'press', 3);
    await expect(client.readHoldingRegisters(0, 2)).rejects.toMatchObject({ modbusCode: 6 });
    client.setTimeout(300);
    await expect
      .poll(() => client.readHoldingRegisters(0, 2).then(() => 'an answer', nameOf), patience)
      .toBe('TransactionTimedOutError');
    expect(simulation.counts()).toMatchObject({ readings: 0 });
  });

  it('answers late when it is slow', async () => {
    const slow = '{ at: 0s, for: 1h, device: press, kind: slow-answer, by: 600ms }';
    const simulation = await start(press('tcp: "127.0.0.1:0"', slow));
    const client = await tcpClient(simulation, 'press', 3);
    client.setTimeout(100);
    await expect(client.readHoldingRegisters(0, 2)).rejects.toMatchObject({ name: 'TransactionTimedOutError' });
    client.setTimeout(5000);
    expect((await client.readHoldingRegisters(0, 2)).data).toHaveLength(2);
  });
});

describe.skipIf(!hasSocat)('Modbus RTU slaves on a pseudo-terminal (needs socat)', () => {
  it('answer on one bus, also after whoever asks has gone and come back', async () => {
    const link = join(folder, 'bus.tty');
    const two = press(`rtu: ${link}`).replace(
      'faults:',
      `  oven: { modbus: { rtu: ${link} }, slave: 9, every: 100ms, signals: { temp: { kind: tempering } }, registers: { temp: { at: 0, scale: 0.1 } } }
faults:`,
    );
    const simulation = await start(two);
    expect([...simulation.servers]).toEqual([
      ['press', link],
      ['oven', link],
    ]);
    for (let round = 0; round < 2; round++) {
      const client = new Client();
      await client.connectRTUBuffered(link, { baudRate: 19_200 });
      client.setTimeout(5000);
      client.setID(3);
      await ready(client, 2);
      client.setID(9);
      const { data } = await client.readHoldingRegisters(0, 1);
      expect(data[0]).toBeGreaterThan(300);
      await new Promise<void>((resolve) => client.close(() => resolve()));
    }
  });

  it('say a wrong check when a fault has it so, counted as malformed', async () => {
    const link = join(folder, 'bus.tty');
    const simulation = await start(press(`rtu: ${link}`, '{ at: 0s, device: press, kind: bad-crc }'));
    const client = new Client();
    clients.push(client);
    await client.connectRTUBuffered(link, { baudRate: 19_200 });
    client.setTimeout(2000);
    client.setID(3);
    await expect(client.readHoldingRegisters(0, 2)).rejects.toThrow(/CRC/);
    expect(simulation.counts()).toMatchObject({ readings: 1, bad: { malformed: 1 } });
    await ready(client, 2);
    await simulation.stop();
    const truth: unknown = JSON.parse(readFileSync(join(folder, 'truth'), 'utf8'));
    expect(truth).toMatchObject({ device: 'press', kind: 'bad-crc', readings: 1 });
  });
});

const boiler = (faults = ''): string => `
things: { boiler: { http: "127.0.0.1:0", every: 100ms, signals: { temp: { kind: tempering }, door: { kind: door } } } }
faults: [${faults}]`;

const description = z.object({
  title: z.literal('boiler'),
  base: z.string(),
  properties: z.record(
    z.string(),
    z.object({ type: z.string(), forms: z.array(z.object({ href: z.string(), op: z.array(z.string()) })) }),
  ),
});

describe('a thing', () => {
  it('describes itself, and gives what its description says', async () => {
    const simulation = await start(boiler());
    const url = simulation.servers.get('boiler') ?? '';
    const td = description.parse(await (await fetch(url)).json());
    expect(Object.keys(td.properties)).toEqual(['temp', 'door']);
    expect(td.properties['temp']?.type).toBe('number');
    const read = td.properties['temp']?.forms.find(({ op }) => op.includes('readproperty'));
    const href = new URL(read?.href ?? '', td.base);
    await expect
      .poll(() => fetch(href).then(async (answer) => (answer.ok ? await answer.json() : 0)), patience)
      .toBeCloseTo(31.5, 0);
    expect((await fetch(new URL('properties/nothing', url))).status).toBe(404);
    expect((await fetch(href, { method: 'PUT', body: '1' })).status).toBe(405);
    expect(simulation.counts().readings).toBe(1);
  });

  it('tells observers what it measures next: once to those who poll, on and on to those who listen', async () => {
    const simulation = await start(boiler());
    const url = simulation.servers.get('boiler') ?? '';
    const next: unknown = await (await fetch(new URL('properties/temp/longpoll', url))).json();
    expect(next).toBeCloseTo(31.5, 0);
    const ending = new AbortController();
    const stream = await fetch(new URL('properties/temp/sse', url), { signal: ending.signal });
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream.body ?? []) text += Buffer.from(chunk).toString();
    })().catch(() => undefined);
    await until(() => (text.match(/^data: 3\d\.\d+$/gm) ?? []).length >= 3);
    ending.abort();
    await reading;
  });

  it('fails, and does not answer, when a fault has it so', async () => {
    const faults = [
      '{ at: 0s, for: 1s, device: boiler, kind: exception, code: 503 }',
      '{ at: 1s, for: 1h, device: boiler, kind: no-answer }',
    ];
    const simulation = await start(boiler(faults.join(', ')));
    const href = new URL('properties/temp', simulation.servers.get('boiler'));
    expect((await fetch(href)).status).toBe(503);
    await expect
      .poll(
        () =>
          fetch(href, { signal: AbortSignal.timeout(200) }).then(
            ({ status }) => status,
            () => 'no answer',
          ),
        patience,
      )
      .toBe('no answer');
  });
});
