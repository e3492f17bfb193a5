// Against the servers of modbus-serial, over TCP and on a pty.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { ServerSerial, ServerTCP, type FCallbackVal, type IServiceVector } from 'modbus-serial';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cable, hasSocat, type Cable } from '../testing/cable.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { Puller } from '../testing/puller.ts';
import { modbus } from './modbus.ts';

const never = new Promise<never>(() => undefined);

/** Slaves whose registers say who they are: register r of slave s is 1000 s + r. `silent` ones never answer. */
class Plant {
  readonly asked: string[] = [];
  readonly silent = new Set<number>();
  readonly values = new Map<number, number>();
  /** Registers from here on do not exist. */
  end = 65_536;

  readonly vector: IServiceVector = {
    getMultipleHoldingRegisters: (address: number, count: number, slave: number, answer: FCallbackVal<number[]>) =>
      void this.#answer('holding', address, count, slave).then(
        (values) => answer(null, values),
        (error: Error) => answer(error, []),
      ),
    getMultipleInputRegisters: (address: number, count: number, slave: number, answer: FCallbackVal<number[]>) =>
      void this.#answer('input', address, count, slave).then(
        (values) => answer(null, values),
        (error: Error) => answer(error, []),
      ),
    getHoldingRegister: async (address: number, slave: number) =>
      (await this.#answer('holding', address, 1, slave))[0] ?? 0,
    getInputRegister: async (address: number, slave: number) =>
      (await this.#answer('input', address, 1, slave))[0] ?? 0,
    getCoil: async (address: number, slave: number) => (this.silent.has(slave) ? never : address % 2 === 1),
    getDiscreteInput: async (address: number, slave: number) => (this.silent.has(slave) ? never : address % 2 === 0),
  };

  async #answer(table: string, address: number, count: number, slave: number): Promise<number[]> {
    this.asked.push(`${slave}: ${table} ${address}+${count}`);
    if (this.silent.has(slave)) return never;
    if (address + count > this.end) throw Object.assign(new Error('no such address'), { modbusErrorCode: 2 });
    return Array.from({ length: count }, (_, n) => this.values.get(address + n) ?? 1000 * slave + address + n);
  }
}

async function overTcp(plant: Plant, port = 0): Promise<{ url: string; close: () => Promise<void> }> {
  const listening = port === 0 ? await freePort() : port;
  const server = new ServerTCP(plant.vector, { host: '127.0.0.1', port: listening });
  server.on('socketError', () => undefined);
  await once(server, 'initialized');
  let closed = false;
  const close = async (): Promise<void> => {
    if (closed) return;
    closed = true;
    for (const socket of server.socks.keys()) socket.destroy();
    await new Promise<void>((done) => server.close(() => done()));
  };
  onTestFinished(close);
  return { url: `tcp://127.0.0.1:${listening}`, close };
}

async function onLine(plant: Plant): Promise<Cable> {
  const line = await cable();
  const server = new ServerSerial(plant.vector, { path: line.board, baudRate: 9600 });
  await once(server, 'initialized');
  onTestFinished(() => new Promise<void>((done) => server.close(() => done())));
  return line;
}

describe('Modbus TCP', () => {
  it('gives registers and bits of every table, scaled, with neighbours asked for together', async () => {
    const plant = new Plant();
    plant.values.set(100, 0x41fb).set(101, 0x3333);
    const { url } = await overTcp(plant);
    const raw = {
      modbus: url,
      slave: 3,
      registers: {
        level: { at: 40_001 },
        temp: { at: 40_005, scale: 0.1 },
        pressure: { at: 40_101, type: 'float32' },
        flow: { at: 30_008 },
        pump: { at: 7, table: 'coil' },
        door: { at: 10_001 },
        unused: { at: 40_050 },
      },
    };
    const puller = new Puller(modbus, raw, { channels: ['level', 'temp', 'pressure', 'flow', 'pump', 'door'] });
    await expect.poll(() => puller.readings.length).toBeGreaterThanOrEqual(6);
    expect(new Set(puller.readings.slice(0, 6))).toEqual(
      new Set([
        'board/level = 3000',
        'board/temp = 300.40000000000003',
        `board/pressure = ${Math.fround(31.4)}`,
        'board/flow = 3007',
        'board/pump = 1',
        'board/door = 1',
      ]),
    );
    expect(new Set(plant.asked)).toEqual(new Set(['3: holding 0+5', '3: holding 100+2', '3: input 7+1']));
    expect(puller.deadLetters).toEqual([]);
  });

  it('asks neighbours one by one where the slave does not have those between them, and says what it does not have', async () => {
    const plant = new Plant();
    plant.end = 6;
    const { url } = await overTcp(plant);
    const raw = { modbus: url, slave: 1, every: '20ms', registers: { temp: { at: 40_002 }, rh: { at: 40_009 } } };
    const puller = new Puller(modbus, raw);
    await expect.poll(() => puller.readings).toContain('board/temp = 1001');
    await expect
      .poll(() => puller.problems.get('board'))
      .toBe('slave 1: rh (holding 8): Modbus exception 2: Illegal data address (register not supported by device)');
    expect(puller.ended).toBe(false);
  });

  it('of a dead slave holds up no other, and asks it less and less often', async () => {
    const plant = new Plant();
    plant.silent.add(2);
    const { url } = await overTcp(plant);
    const raw = {
      modbus: url,
      slaves: { alive: 1, dead: 2, late: { slave: 3, registers: { temp: { at: 40_010 } } } },
      registers: { temp: { at: 40_001 } },
      every: '10ms',
      timeout: '50ms',
    };
    const puller = new Puller(modbus, raw);
    const of = (device: string): number => puller.readings.filter((text) => text.startsWith(`${device}/`)).length;
    await expect.poll(() => puller.problems.get('dead')).toBe('slave 2: no answer within 50 ms');
    const asked = (slave: number): number => plant.asked.filter((text) => text.startsWith(`${slave}:`)).length;
    await expect.poll(() => of('alive')).toBeGreaterThan(50);
    expect(of('late')).toBeGreaterThan(25);
    expect(asked(2)).toBeLessThan(asked(1) / 3);
    expect([...puller.problems.keys()]).toEqual(['dead']);
    plant.silent.clear();
    await expect.poll(() => of('dead'), { timeout: 10_000 }).toBeGreaterThan(3);
    expect(puller.problems.size).toBe(0);
  });

  it('is down when the far end hangs up, and does not take a refused connection for an end', async () => {
    const plant = new Plant();
    const server = await overTcp(plant);
    const raw = { modbus: server.url, slave: 1, registers: { temp: { at: 40_001 } } };
    const puller = new Puller(modbus, raw);
    await expect.poll(() => puller.readings.length).toBe(1);
    await server.close();
    await expect
      .poll(() => puller.error)
      .toMatchObject({ message: `${server.url} closed: unplugged, or the far end hung up` });
    const refused = new Puller(modbus, raw);
    await expect.poll(() => refused.error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('waits for each slave as long as is said of it, and asks it as often', async () => {
    const plant = new Plant();
    plant.silent.add(2).add(3);
    const { url } = await overTcp(plant);
    const slaves = {
      often: { slave: 1, every: '10ms' },
      quick: { slave: 2, timeout: '30ms' },
      slow: { slave: 3, timeout: '90ms' },
    };
    const raw = { modbus: url, slaves, registers: { temp: { at: 40_001 } }, every: '100ms' };
    const puller = new Puller(modbus, raw);
    await expect.poll(() => puller.problems.get('quick'), { timeout: 10_000 }).toBe('slave 2: no answer within 30 ms');
    await expect.poll(() => puller.problems.get('slow'), { timeout: 10_000 }).toBe('slave 3: no answer within 90 ms');
    await expect.poll(() => puller.readings.length).toBeGreaterThan(10);
  });

  it('is down when the connection is reset', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => sockets.push(socket)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const raw = { modbus: `tcp://127.0.0.1:${portOf(server)}`, slave: 1, registers: { temp: { at: 40_001 } } };
    const puller = new Puller(modbus, raw);
    await expect.poll(() => sockets.length).toBe(1);
    await expect.poll(() => puller.opened).toBe(1);
    sockets[0]?.resetAndDestroy();
    await expect.poll(() => String(puller.error)).toContain('closed: unplugged, or the far end hung up');
  });

  it('survives a far end that speaks something else', async () => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('data', () => socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'.repeat(50))));
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    const raw = {
      modbus: `tcp://127.0.0.1:${portOf(server)}`,
      slave: 1,
      every: '10ms',
      timeout: '30ms',
      registers: { temp: { at: 40_001 } },
    };
    const puller = new Puller(modbus, raw);
    await expect.poll(() => puller.problems.get('board')).toBeDefined();
    expect(puller.readings).toEqual([]);
    await puller.end();
    expect(puller.error).toBeUndefined();
  });

  it('asks for nothing while nobody pulls', async () => {
    const plant = new Plant();
    const { url } = await overTcp(plant);
    const raw = { modbus: url, slaves: { a: 1, b: 2 }, every: '5ms', registers: { temp: { at: 40_001 } } };
    const puller = new Puller(modbus, raw, { paused: true });
    await expect.poll(() => plant.asked.length).toBe(2);
    puller.resume();
    await expect.poll(() => plant.asked.length).toBeGreaterThan(10);
  });
});

describe.skipIf(!hasSocat)('Modbus RTU on a serial line (needs socat)', () => {
  it('gives registers of several slaves on one line', async () => {
    const plant = new Plant();
    const line = await onLine(plant);
    const raw = {
      modbus: line.path,
      baud: 9600,
      slaves: { a: 1, b: 17 },
      registers: { temp: { at: 40_001 }, rh: { at: 30_021 } },
    };
    const puller = new Puller(modbus, raw);
    await expect.poll(() => puller.readings.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(4);
    expect(new Set(puller.readings.slice(0, 4))).toEqual(
      new Set(['a/temp = 1000', 'a/rh = 1020', 'b/temp = 17000', 'b/rh = 17020']),
    );
    await puller.end();
    expect(puller.error).toBeUndefined();
  });

  it('is open while a slave is dead, and the others are asked on', async () => {
    const plant = new Plant();
    plant.silent.add(9);
    const line = await onLine(plant);
    const raw = {
      modbus: line.path,
      slaves: { dead: 9, alive: 1 },
      every: '20ms',
      timeout: '100ms',
      registers: { temp: { at: 40_001 } },
    };
    const puller = new Puller(modbus, raw);
    await expect.poll(() => puller.problems.get('dead'), { timeout: 10_000 }).toBe('slave 9: no answer within 100 ms');
    await expect.poll(() => puller.readings.length, { timeout: 10_000 }).toBeGreaterThan(10);
    expect(puller.readings.every((text) => text === 'alive/temp = 1000')).toBe(true);
  });

  it('never takes a late answer for that of the next question', async () => {
    const line = await cable();
    const raw = {
      modbus: line.path,
      slave: 1,
      every: '10ms',
      timeout: '40ms',
      gap: 0,
      registers: { temp: { at: 40_001 }, rh: { at: 40_100 } },
    };
    const server = new LateSlave(line);
    await server.start();
    const puller = new Puller(modbus, raw);
    await expect.poll(() => server.answered, { timeout: 10_000 }).toBeGreaterThan(6);
    await expect.poll(() => puller.readings.length, { timeout: 10_000 }).toBeGreaterThan(3);
    // Register 0 holds 10, register 99 holds 99: a mistaken answer would swap them.
    expect(puller.readings.every((text) => text === 'board/temp = 10' || text === 'board/rh = 99')).toBe(true);
  });

  it('tells noise from silence', async () => {
    const line = await cable();
    const puller = new Puller(modbus, {
      modbus: line.path,
      slave: 1,
      every: '20ms',
      timeout: '50ms',
      registers: { temp: { at: 40_001 } },
    });
    await expect.poll(() => puller.opened).toBe(1);
    await expect.poll(() => puller.problems.get('board')).toBe('slave 1: no answer within 50 ms');
    const noise = setInterval(() => void line.print(Buffer.from([1, 3, 2, 0, 7, 1, 1])), 10);
    onTestFinished(() => clearInterval(noise));
    await expect.poll(() => puller.deadLetters.length, { timeout: 10_000 }).toBeGreaterThan(0);
    expect(puller.deadLetters[0]).toMatchObject({
      reason: 'malformed',
      detail: 'slave 1: bytes came that are no answer; are baud rate and parity those of the slave?',
    });
    expect(puller.readings).toEqual([]);
  });
});

describe('the part of a Modbus source in the gateway file', () => {
  const problems = (raw: object): string[] =>
    modbus.schema.safeParse(raw).error?.issues.map(({ message }) => message) ?? [];
  const registers = { temp: { at: 40_001 } };

  it.each([
    [{ modbus: '/dev/ttyUSB0', slave: 3, registers }, []],
    [{ modbus: 'rtu+tcp://10.0.0.5:4001', slaves: { a: 1, b: { slave: 2 } }, registers }, []],
    [{ modbus: 'usb:0403:6001', slaves: { a: { slave: 1, registers } } }, []],
    [{ modbus: '10.0.0.5', slave: 1, registers }, [expect.stringContaining('write tcp://host:502 for Modbus TCP')]],
    [{ modbus: '/dev/ttyUSB0', registers }, ['say slave: with its number, or slaves: with several']],
    [{ modbus: '/dev/ttyUSB0', slave: 1 }, ['registers: is missing: what is there to read?']],
    [{ modbus: '/dev/ttyUSB0', slaves: { a: 1, b: 1 }, registers }, ['slave 1 stands here twice']],
    [
      { modbus: '/dev/ttyUSB0', slaves: { a: 1 }, device: 'x', registers },
      ['slaves have their own names; leave it out'],
    ],
  ])('%j', (raw, expected) => {
    expect(problems(raw)).toEqual(expected);
  });
});

/** Answers every other question after its time is over, in RTU by hand. */
class LateSlave {
  answered = 0;
  #asked = 0;
  readonly #line: Cable;

  constructor(line: Cable) {
    this.#line = line;
  }

  async start(): Promise<void> {
    this.#line.onRequest((request) => {
      const address = request.readUInt16BE(2);
      const frame = Buffer.from([1, 3, 2, 0, address === 0 ? 10 : 99, 0, 0]);
      let crc = 0xffff;
      for (const byte of frame.subarray(0, 5)) {
        crc ^= byte;
        for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0xa001 : crc >> 1;
      }
      frame.writeUInt16LE(crc, 5);
      this.#asked += 1;
      const lateMs = this.#asked % 2 === 0 ? 50 : 0;
      setTimeout(() => void this.#line.print(frame).then(() => (this.answered += 1)), lateMs);
    });
  }
}
