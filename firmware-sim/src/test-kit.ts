// What the simulator's tests share: a real broker, readers of lines, and waiting for conditions.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { connect, type MqttClient } from 'mqtt';

export const hasSocat = spawnSync('socat', ['-V']).status === 0;
const mosquitto = ['mosquitto', '/usr/sbin/mosquitto'].find(
  (command) => spawnSync(command, ['-h']).error === undefined,
);
export const hasMosquitto = mosquitto !== undefined;

/** Fails the test by its own time limit when the condition never comes true. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setTimeout(5);
}

/** Lines as the frames a `Line` takes. */
export function asLines(lines: readonly string[]): Buffer[] {
  return lines.map((line) => Buffer.from(`${line}\n`));
}

export interface Reader {
  readonly lines: string[];
  isClosed(): boolean;
  close(): void;
}

/** Opens what a `Line` offers and collects its lines. */
export async function readLines(device: string): Promise<Reader> {
  return collectLines(await openDevice(device));
}

/** Opens what a `Line` offers and collects its bytes. */
export async function readBytes(device: string): Promise<{ bytes(): Buffer; isClosed(): boolean }> {
  const chunks: Buffer[] = [];
  let isClosed = false;
  const stream = await openDevice(device);
  stream.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
  stream.on('error', () => {});
  stream.on('close', () => (isClosed = true));
  return { bytes: () => Buffer.concat(chunks), isClosed: () => isClosed };
}

async function openDevice(device: string): Promise<Socket> {
  return device.startsWith('tcp://') ? dial(device) : new ReadStream(openSync(device, 'r'));
}

export function collectLines(stream: Socket): Reader {
  const lines: string[] = [];
  let rest = '';
  let isClosed = false;
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const parts = `${rest}${String(chunk)}`.split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  stream.on('error', () => {});
  stream.on('close', () => (isClosed = true));
  return { lines, isClosed: () => isClosed, close: () => stream.destroy() };
}

async function dial(device: string): Promise<Socket> {
  const { hostname, port } = new URL(device);
  const socket = connectTcp({ host: hostname, port: Number(port) });
  await once(socket, 'connect');
  return socket;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return address !== null && typeof address !== 'string' ? address.port : 0;
}

export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: string;
}

export class TestBroker {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #clients: MqttClient[] = [];

  private constructor(url: string, process: ChildProcess) {
    this.url = url;
    this.#process = process;
  }

  static async start(port?: number): Promise<TestBroker> {
    const chosen = port ?? (await freePort());
    const broker = new TestBroker(
      `mqtt://127.0.0.1:${chosen}`,
      spawn(mosquitto ?? 'mosquitto', ['-p', String(chosen)], { stdio: 'ignore' }),
    );
    await broker.#client();
    return broker;
  }

  /** Everything published from now on, in order of arrival. */
  async listen(): Promise<ReceivedMessage[]> {
    const messages: ReceivedMessage[] = [];
    const client = await this.#client();
    client.on('message', (topic, payload) => messages.push({ topic, payload: payload.toString() }));
    await client.subscribeAsync('#', { qos: 1 });
    return messages;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.endAsync(true)));
    const exit = once(this.#process, 'exit');
    this.#process.kill();
    await exit;
  }

  async #client(): Promise<MqttClient> {
    const { hostname, port } = new URL(this.url);
    const client = connect({ protocol: 'mqtt', host: hostname, port: Number(port), reconnectPeriod: 20 });
    client.on('error', () => {});
    this.#clients.push(client);
    await until(() => client.connected);
    return client;
  }
}
