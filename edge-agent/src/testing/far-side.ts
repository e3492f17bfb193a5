// The far side of each kind of source, in the same words, so that one suite holds all of them to the same promises.

import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { join } from 'node:path';
import { ServerTCP } from 'modbus-serial';
import { onTestFinished } from 'vitest';
import { gpiomonInputs } from '../gpio/gpiomon.ts';
import { file } from '../sources/file.ts';
import { gpioKind } from '../sources/gpio.ts';
import { modbus } from '../sources/modbus.ts';
import { mqtt } from '../sources/mqtt.ts';
import { serial } from '../sources/serial.ts';
import type { SourceKind } from '../sources/source.ts';
import { system } from '../sources/system.ts';
import { wot } from '../sources/wot.ts';
import { FakeGpiod } from './fake-gpio.ts';
import { cable, hasSocat } from './cable.ts';
import { hasMosquitto, Mosquitto, publisher } from './mosquitto.ts';
import { freePort, portOf } from './ports.ts';
import { tempFolder } from './temp-folder.ts';

export interface FarSide {
  readonly raw: object;
  /** Channel whose readings come. */
  readonly channel: string;
  /** Says something, as often as it is called; a source that asks or looks by itself needs no telling. */
  speak(): Promise<void>;
  /** Says what is no reading; undefined where there is nothing to say it with. */
  readonly babble?: ((bytes: Buffer) => Promise<void>) | undefined;
  /** Goes away, and comes back; undefined where it cannot. */
  readonly leave?: (() => Promise<void>) | undefined;
  readonly comeBack?: (() => Promise<void>) | undefined;
}

export interface FarSideKind {
  readonly name: string;
  readonly kind: SourceKind;
  readonly isHere: boolean;
  /** Whether it can go away and come back, and whether it can say what is no reading. */
  readonly leaves: boolean;
  readonly babbles: boolean;
  make(): Promise<FarSide>;
}

export const farSides: readonly FarSideKind[] = [
  { name: 'a serial line', kind: serial, isHere: hasSocat, leaves: true, babbles: true, make: onPty },
  { name: 'a device server', kind: serial, isHere: true, leaves: true, babbles: true, make: behindServer },
  { name: 'Modbus TCP', kind: modbus, isHere: true, leaves: true, babbles: false, make: modbusTcp },
  { name: 'MQTT', kind: mqtt, isHere: hasMosquitto, leaves: true, babbles: true, make: overMqtt },
  {
    name: 'a line of the board',
    kind: gpioKind(gpiomonInputs),
    isHere: true,
    leaves: false,
    babbles: false,
    make: onBoard,
  },
  { name: 'a Thing', kind: wot, isHere: true, leaves: false, babbles: false, make: ofThing },
  { name: 'a recording', kind: file, isHere: true, leaves: false, babbles: false, make: fromFile },
  { name: 'the gateway itself', kind: system, isHere: true, leaves: false, babbles: false, make: ofSystem },
];

async function onPty(): Promise<FarSide> {
  const line = await cable();
  return {
    raw: { serial: line.path, format: 'json' },
    channel: 'temp',
    speak: () => line.print('{"temp": 1}\n'),
    babble: (bytes) => line.print(bytes),
    leave: () => line.unplug(),
    comeBack: () => line.plugIn(),
  };
}

async function behindServer(): Promise<FarSide> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const listen = async (): Promise<() => void> => {
    const server = createServer((socket) => {
      sockets.add(socket.resume());
      socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    }).listen(port, '127.0.0.1');
    await once(server, 'listening');
    return () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    };
  };
  let close = await listen();
  onTestFinished(() => close());
  const say = async (bytes: Buffer): Promise<void> => {
    for (const socket of sockets) if (!socket.write(bytes)) await once(socket, 'drain').catch(() => undefined);
  };
  return {
    raw: { serial: `tcp://127.0.0.1:${port}`, format: 'kv' },
    channel: 'temp',
    speak: () => say(Buffer.from('temp=1\n')),
    babble: say,
    leave: async () => close(),
    comeBack: async () => {
      close = await listen();
    },
  };
}

async function modbusTcp(): Promise<FarSide> {
  const port = await freePort();
  const listen = async (): Promise<() => Promise<void>> => {
    const server = new ServerTCP({ getHoldingRegister: () => Promise.resolve(1) }, { host: '127.0.0.1', port });
    server.on('socketError', () => undefined);
    await once(server, 'initialized');
    return async () => {
      for (const socket of server.socks.keys()) socket.destroy();
      await new Promise<void>((closed) => server.close(() => closed()));
    };
  };
  let close = await listen();
  onTestFinished(() => close());
  return {
    raw: {
      modbus: `tcp://127.0.0.1:${port}`,
      slave: 1,
      every: '20ms',
      timeout: '200ms',
      registers: { temp: { at: 40_001 } },
    },
    channel: 'temp',
    speak: async () => undefined,
    leave: () => close(),
    comeBack: async () => {
      close = await listen();
    },
  };
}

async function overMqtt(): Promise<FarSide> {
  const broker = await Mosquitto.start();
  let publish = await publisher(broker.url);
  return {
    raw: { mqtt: broker.url, topics: ['plant/{device}'] },
    channel: 'temp',
    speak: () => publish('plant/press', '{"temp": 1}'),
    babble: (bytes) => publish('plant/press', bytes),
    leave: () => broker.stop(),
    comeBack: async () => {
      await broker.restart();
      publish = await publisher(broker.url);
    },
  };
}

async function onBoard(): Promise<FarSide> {
  const board = await FakeGpiod.make('2.2.1');
  let level = false;
  return {
    raw: { gpio: 17, states: ['closed', 'open'] },
    channel: 'state',
    speak: async () => {
      level = !level;
      if (board.isHeld(17)) board.drive(17, level);
    },
  };
}

async function ofThing(): Promise<FarSide> {
  const server = createHttpServer((_, response) => response.end('21.5')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const path = join(await tempFolder(), 'boiler.td.json');
  const temp = { type: 'number', forms: [{ href: `http://127.0.0.1:${portOf(server)}/temp` }] };
  const security = { security: 'none', securityDefinitions: { none: { scheme: 'nosec' } } };
  await writeFile(path, JSON.stringify({ title: 'Boiler', ...security, properties: { temp } }));
  return { raw: { wot: path, poll: '20ms' }, channel: 'temp', speak: async () => undefined };
}

async function fromFile(): Promise<FarSide> {
  const path = join(await tempFolder(), 'day.csv');
  await writeFile(path, 'time,temp\n1700000000000,1\n1700000000005,1\n');
  return { raw: { file: path, repeat: true, pause: '5ms' }, channel: 'temp', speak: async () => undefined };
}

async function ofSystem(): Promise<FarSide> {
  return { raw: { system: '10ms' }, channel: 'uptime', speak: async () => undefined };
}
