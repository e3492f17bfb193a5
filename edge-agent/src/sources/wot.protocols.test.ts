// The wot source against what speaks each protocol for real: node-wot's CoAP server, mosquitto, a Modbus server, a WebSocket.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { ServerTCP } from 'modbus-serial';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AedesBroker } from '../testing/aedes.ts';
import { CoapThing } from '../testing/coap-thing.ts';
import { hasMosquitto, Mosquitto, publisher } from '../testing/mosquitto.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { Puller } from '../testing/puller.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { TestThing } from '../testing/things.ts';
import { wot } from './wot.ts';

const patient = { timeout: 20_000 };

async function fileOf(description: unknown): Promise<string> {
  const path = join(await tempFolder(), 'thing.td.json');
  await writeFile(path, JSON.stringify(description));
  return path;
}

describe('a Thing behind CoAP', () => {
  const description = (port: number) => ({
    title: 'Tank',
    base: `coap://127.0.0.1:${port}/`,
    properties: {
      level: { type: 'number', forms: [{ href: 'level', op: ['readproperty', 'observeproperty'] }] },
      depth: { type: 'number', forms: [{ href: 'depth' }] },
    },
    events: { full: { data: { type: 'number' }, forms: [{ href: 'full', op: 'subscribeevent' }] } },
  });

  it("is read: node-wot's own server", async () => {
    const tank = { title: 'Tank', properties: { level: { type: 'number' as const, readOnly: true } } };
    const thing = await TestThing.start(tank, { level: 2 }, 'coap');
    const source = new Puller(wot, { wot: await fileOf(thing.description), poll: '50ms' }, { channels: ['level'] });
    await expect.poll(() => source.readings, patient).toContain('tank/level = 2');
    thing.set('level', 2.5);
    await expect.poll(() => source.readings).toContain('tank/level = 2.5');
    expect([source.deadLetters, source.error]).toEqual([[], undefined]);
  });

  it('is read, observed, and its events are taken', async () => {
    const server = await CoapThing.start({ level: '2', depth: '4', full: '' });
    const file = await fileOf(description(server.port));
    const source = new Puller(wot, { wot: file, poll: '1h', refresh: '1h' }, { channels: ['level', 'depth', 'full'] });
    await expect
      .poll(() => source.readings, patient)
      .toEqual(expect.arrayContaining(['tank/level = 2', 'tank/depth = 4']));
    await expect.poll(() => server.observed.toSorted(), patient).toEqual(['full', 'level']);
    server.say('level', '2.5');
    server.say('full', '99');
    await expect.poll(() => source.readings).toEqual(expect.arrayContaining(['tank/level = 2.5', 'tank/full = 99']));
    server.say('level', '{');
    await expect.poll(() => source.deadLetters.map(({ reason }) => reason)).toEqual(['not_a_number']);
    expect(source.error).toBeUndefined();
  });

  it('is read and observed when it comes late', async () => {
    const port = await freePort();
    const file = await fileOf(description(port));
    const source = new Puller(
      wot,
      { wot: file, poll: '100ms', refresh: '1h', timeout: '200ms' },
      { channels: ['level', 'full'] },
    );
    await expect.poll(() => source.trouble, patient).toContain('tank does not give level');
    const server = await CoapThing.start({ level: '2', full: '' }, port);
    await expect.poll(() => source.readings, patient).toContain('tank/level = 2');
    await expect.poll(() => [...new Set(server.observed)].toSorted(), patient).toEqual(['full', 'level']);
    server.say('full', '1');
    await expect.poll(() => source.readings, patient).toContain('tank/full = 1');
    expect(source.readings.filter((line) => line === 'tank/full = 1')).toHaveLength(1);
  });

  it('is observed again after a restart in which it forgot who listens', async () => {
    const server = await CoapThing.start({ level: '2', depth: '4', full: '' });
    const file = await fileOf(description(server.port));
    const source = new Puller(wot, { wot: file, poll: '100ms', refresh: '200ms' }, { channels: ['level', 'full'] });
    await expect.poll(() => server.observed.toSorted(), patient).toEqual(['full', 'level']);
    server.say('level', '3');
    await expect.poll(() => source.readings).toContain('tank/level = 3');
    server.forget();
    // Nobody is told of this: it shows when it is asked.
    server.say('level', '4');
    await expect.poll(() => server.observed.toSorted(), patient).toEqual(['full', 'level']);
    server.say('full', '1');
    await expect.poll(() => source.readings).toContain('tank/full = 1');
  });
});

describe.runIf(hasMosquitto)('a Thing behind MQTT', () => {
  it('is subscribed: retained values at once, others as they come, also after the broker was away', async () => {
    const broker = await Mosquitto.start();
    const publish = await publisher(broker.url);
    const description = {
      title: 'Press',
      properties: {
        force: {
          type: 'number',
          forms: [{ href: `${broker.url}/press/force`, op: ['readproperty', 'observeproperty'] }],
        },
        speed: { type: 'number', forms: [{ href: `${broker.url}/press/speed` }] },
      },
      events: { jam: { forms: [{ href: `${broker.url}/press/jam`, op: 'subscribeevent' }] } },
    };
    const source = new Puller(wot, { wot: await fileOf(description) }, { channels: ['force', 'speed', 'jam'] });
    await expect
      .poll(async () => {
        await publish('press/force', '12.5');
        await publish('press/speed', '3');
        await publish('press/jam', '');
        return source.readings;
      }, patient)
      .toEqual(expect.arrayContaining(['press/force = 12.5', 'press/speed = 3', 'press/jam = 1']));
    await broker.restart();
    const again = await publisher(broker.url);
    await expect
      .poll(async () => {
        await again('press/force', '13');
        return source.readings;
      }, patient)
      .toContain('press/force = 13');
  });
});

describe('a Thing behind an MQTT broker that was away', () => {
  it('is subscribed again, by one connection', async () => {
    let clients = 0;
    const broker = await AedesBroker.start((aedes) => {
      aedes.on('client', () => void (clients += 1));
    });
    const form = (name: string) => [{ href: `${broker.url}/press/${name}`, op: 'observeproperty' }];
    const names = ['force', 'speed', 'stroke'];
    const properties = Object.fromEntries(names.map((name) => [name, { type: 'number', forms: form(name) }]));
    const source = new Puller(wot, { wot: await fileOf({ title: 'Press', properties }) }, { channels: names });
    const publish = (payload: string): void => {
      for (const name of names)
        broker.aedes.publish(
          { cmd: 'publish', qos: 0, dup: false, retain: false, topic: `press/${name}`, payload },
          () => undefined,
        );
    };
    const all = (value: number) => names.map((name) => `press/${name} = ${value}`);
    await expect
      .poll(() => {
        publish('1');
        return source.readings;
      }, patient)
      .toEqual(expect.arrayContaining(all(1)));
    expect(clients).toBe(1);
    await broker.kill();
    await expect.poll(() => source.trouble, patient).toContain('press does not give');
    await broker.restart();
    await expect
      .poll(() => {
        publish('2');
        return source.readings;
      }, patient)
      .toEqual(expect.arrayContaining(all(2)));
    await expect.poll(() => source.trouble, patient).toBeUndefined();
    expect(clients).toBe(2);
  });
});

describe('a Thing behind Modbus TCP', () => {
  it('is polled: registers by their media type', async () => {
    const port = await freePort();
    const registers = new Map([
      [0, 0x41_bd],
      [1, 0x33_33],
      [10, 655],
    ]);
    const server = new ServerTCP(
      { getHoldingRegister: async (address: number) => registers.get(address) ?? 0 },
      { host: '127.0.0.1', port, unitID: 1 },
    );
    await once(server, 'initialized');
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const form = (address: number, quantity: number, length: number) => ({
      href: `modbus+tcp://127.0.0.1:${port}/1/${address}?quantity=${quantity}`,
      contentType: `application/octet-stream;length=${length};byteSeq=BIG_ENDIAN`,
      'modv:entity': 'HoldingRegister',
    });
    const description = {
      title: 'Meter',
      properties: {
        power: { type: 'number', forms: [form(0, 2, 4)] },
        level: { type: 'integer', maximum: 600, forms: [form(10, 1, 2)] },
      },
    };
    const source = new Puller(wot, { wot: await fileOf(description), poll: '100ms' }, { channels: ['power', 'level'] });
    await expect
      .poll(() => source.readings.map((line) => line.slice(0, 20)), patient)
      .toContain('meter/power = 23.649');
    await expect.poll(() => source.deadLetters.map(({ reason }) => reason), patient).toContain('out_of_range');
    registers.set(10, 599);
    await expect.poll(() => source.readings, patient).toContain('meter/level = 599');
  });
});

describe('a Thing behind WebSocket', () => {
  it('is listened to, and called again when it hangs up', async () => {
    const sockets = new Set<Duplex>();
    const server = createServer().listen(0, '127.0.0.1');
    server.on('upgrade', (request, socket) => {
      const key = createHash('sha1')
        .update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
      );
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    });
    await once(server, 'listening');
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const say = (text: string): void => {
      for (const socket of sockets) socket.write(Buffer.concat([Buffer.of(0x81, text.length), Buffer.from(text)]));
    };
    const description = {
      title: 'Scale',
      properties: {
        weight: { type: 'number', forms: [{ href: `ws://127.0.0.1:${portOf(server)}/weight`, op: 'observeproperty' }] },
      },
    };
    const source = new Puller(wot, { wot: await fileOf(description) }, { channels: ['weight'] });
    await expect.poll(() => sockets.size, patient).toBe(1);
    say('81.5');
    say('null');
    await expect.poll(() => source.readings, patient).toEqual(['scale/weight = 81.5']);
    await expect.poll(() => source.deadLetters.map(({ reason }) => reason)).toEqual(['not_a_number']);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => source.trouble, patient).toContain('scale does not give weight');
    await expect
      .poll(() => {
        say('82');
        return source.readings;
      }, patient)
      .toContain('scale/weight = 82');
    expect(source.trouble).toBeUndefined();
  });
});

describe('a Thing that is away', () => {
  it.each(['coap', 'mqtt', 'modbus+tcp', 'ws', 'http'])(
    'is told by name, over %s, and the others of the source are read',
    async (scheme) => {
      const thing = await TestThing.start(
        { title: 'Here', properties: { level: { type: 'number' as const, readOnly: true } } },
        { level: 2 },
      );
      const form = {
        href: `${scheme}://127.0.0.1:${await freePort()}/1/2`,
        op: ['readproperty', 'observeproperty'],
        'modv:entity': 'Coil',
      };
      const away = { title: 'Away', properties: { depth: { type: 'number', forms: [form] } } };
      const source = new Puller(
        wot,
        { wot: [await fileOf(thing.description), await fileOf(away)], poll: '50ms', timeout: '500ms' },
        { channels: ['level', 'depth'] },
      );
      await expect.poll(() => source.trouble, patient).toContain('away does not give depth: ');
      const before = source.readings.length;
      await expect.poll(() => source.readings.length, patient).toBeGreaterThan(before + 10);
      expect(source.error).toBeUndefined();
    },
  );
});
