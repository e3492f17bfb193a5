// A small CoAP server (RFC 7252) whose resources can be observed (RFC 7641) and that can forget who does: node-wot's own cannot
// be observed. It answers GET, acknowledges at once, and notifies without asking for acknowledgement.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

const [confirmable, nonConfirmable, acknowledgement] = [0, 1, 2];
const content = 0x45;
const [observe, uriPath, contentFormat] = [6, 11, 12];
const json = 50;

interface Observer {
  readonly path: string;
  readonly token: Buffer;
  readonly peer: RemoteInfo;
}

export class CoapThing {
  readonly #socket: Socket;
  readonly #values: Map<string, string>;
  #observers: Observer[] = [];
  #id = 1;
  #sequence = 2;

  private constructor(socket: Socket, values: Readonly<Record<string, string>>) {
    this.#socket = socket;
    this.#values = new Map(Object.entries(values));
    socket.on('message', (message, peer) => this.#answer(message, peer));
  }

  /** Call it inside a test. @param values by path, as JSON @param port any, when left out */
  static async start(values: Readonly<Record<string, string>>, port = 0): Promise<CoapThing> {
    const socket = createSocket('udp4').bind(port, '127.0.0.1');
    await once(socket, 'listening');
    onTestFinished(() => void socket.close());
    return new CoapThing(socket, values);
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Paths somebody observes. */
  get observed(): string[] {
    return this.#observers.map(({ path }) => path);
  }

  say(path: string, value: string): void {
    this.#values.set(path, value);
    for (const { token, peer } of this.#observers.filter((observer) => observer.path === path)) {
      const head = header(nonConfirmable, content, (this.#id += 1), token);
      this.#send(peer, head, [option(observe, Buffer.of((this.#sequence += 1)), 0)], observe, value);
    }
  }

  /** As after a restart. */
  forget(): void {
    this.#observers = [];
  }

  #answer(message: Buffer, peer: RemoteInfo): void {
    const [first = 0, code = 0] = message;
    if (code !== 1 || ((first >> 4) & 3) !== confirmable) return;
    const token = Buffer.from(message.subarray(4, 4 + (first & 15)));
    const options = optionsOf(message.subarray(4 + token.length));
    const path = options
      .filter(([number]) => number === uriPath)
      .map(([, value]) => value.toString())
      .join('/');
    const wish = options.find(([number]) => number === observe)?.[1];
    const isObserving = wish !== undefined && (wish[0] ?? 0) === 0;
    this.#observers = this.#observers.filter((one) => !(one.path === path && one.token.equals(token)));
    if (isObserving) this.#observers.push({ path, token, peer });
    const head = header(acknowledgement, content, message.readUInt16BE(2), token);
    const observing = isObserving ? [option(observe, Buffer.of((this.#sequence += 1)), 0)] : [];
    this.#send(peer, head, observing, isObserving ? observe : 0, this.#values.get(path) ?? '');
  }

  #send({ port, address }: RemoteInfo, head: Buffer, options: readonly Buffer[], last: number, value: string): void {
    const format = option(contentFormat, Buffer.of(json), last);
    const payload = value === '' ? [] : [Buffer.of(0xff), Buffer.from(value)];
    this.#socket.send(Buffer.concat([head, ...options, format, ...payload]), port, address);
  }
}

function header(type: number, code: number, id: number, token: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x40 | (type << 4) | token.length, code, (id >> 8) & 255, id & 255), token]);
}

/** Numbers and lengths below 13 are all there are here. @param previous the number before, from which it is counted */
function option(number: number, value: Buffer, previous: number): Buffer {
  return Buffer.concat([Buffer.of(((number - previous) << 4) | value.length), value]);
}

function optionsOf(bytes: Buffer): [number, Buffer][] {
  const options: [number, Buffer][] = [];
  let [at, number] = [0, 0];
  const extended = (nibble: number): number => (nibble === 13 ? 13 + (bytes[at++] ?? 0) : nibble);
  while (at < bytes.length && bytes[at] !== 0xff) {
    const byte = bytes[at++] ?? 0;
    number += extended(byte >> 4);
    const length = extended(byte & 15);
    options.push([number, bytes.subarray(at, at + length)]);
    at += length;
  }
  return options;
}
