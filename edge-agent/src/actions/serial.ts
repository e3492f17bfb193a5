// Writes a line to a serial port, or to a serial device server: a display, a siren, a controller that takes orders.
//
// The port stays open between lines, because opening one resets many boards, and is opened anew after a failure. It cannot be
// one that a source reads: a port is opened once.

import { once } from 'node:events';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { z } from 'zod';
import { messageKind, type Action, type ActionContext } from './action.ts';
import { deliverySettings } from './delivery.ts';
import { fieldsOf, type Notice } from './notice.ts';
import { fill, template } from './template.ts';

const schema = z.strictObject({
  serial: z
    .string()
    .regex(
      /^(\/|\.\/|\.\.\/|tcp:\/\/[^:/]+:\d+$)/,
      'write a device path like /dev/ttyUSB0, or tcp://host:port for a device server',
    )
    .describe('Device path, or `tcp://host:port` of a serial device server; none that a source reads.'),
  baud: z.int().positive().default(115_200).describe('Bits per second. Default 115200.'),
  text: template
    .default('{text}')
    .describe('What is written, with [placeholders](actions/README.md#placeholders). Default `{text}`, one sentence.'),
  end: z.string().default('\n').describe('What ends it. Default a line feed.'),
  ...deliverySettings,
});

type Config = z.output<typeof schema>;

export const serial = messageKind({
  key: 'serial',
  schema,
  holds: (config) => config.serial,
  make: (config, context) => new SerialAction(config, context),
});

interface Port {
  readonly stream: Duplex;
  /** Resolves when everything written has left the machine. */
  drain(): Promise<void>;
  close(): Promise<void>;
}

class SerialAction implements Action {
  readonly #config: Config;
  readonly #context: ActionContext;
  #port: Port | undefined;

  constructor(config: Config, context: ActionContext) {
    this.#config = config;
    this.#context = context;
  }

  async perform(notice: Notice, signal: AbortSignal): Promise<void> {
    const { text, end, serial: address } = this.#config;
    const port = this.#port ?? (await this.#open(signal));
    // A write to a port that is gone never calls back.
    const over = new AbortController();
    const gone = once(port.stream, 'close', { signal: AbortSignal.any([signal, over.signal]) }).then(() => {
      throw new Error(`${address} closed: unplugged, or the far end hung up`);
    });
    try {
      await Promise.race([write(port, `${fill(text, fieldsOf(notice, this.#context))}${end}`), gone]);
    } catch (error) {
      void this.#drop(port);
      throw error;
    } finally {
      over.abort();
    }
  }

  async close(): Promise<void> {
    if (this.#port !== undefined) await this.#drop(this.#port);
  }

  async #open(signal: AbortSignal): Promise<Port> {
    const port = await openPort(this.#config, this.#context.base, signal);
    port.stream.on('error', () => undefined).on('close', () => void this.#drop(port));
    // Nobody reads the answers, and nobody is to wait for that.
    port.stream.resume();
    this.#port = port;
    if (signal.aborted) void this.#drop(port);
    return port;
  }

  async #drop(port: Port): Promise<void> {
    if (this.#port === port) this.#port = undefined;
    await port.close();
  }
}

async function openPort({ serial: address, baud }: Config, base: string, signal: AbortSignal): Promise<Port> {
  if (address.startsWith('tcp://')) {
    const { hostname, port } = new URL(address);
    const socket = connect({ host: hostname, port: Number(port) });
    try {
      await once(socket, 'connect', { signal });
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      throw error;
    }
    const stream = socket.setKeepAlive(true, 15_000).setNoDelay(true);
    return { stream, drain: () => Promise.resolve(), close: async () => void stream.destroy() };
  }
  // Loaded when first needed: an agent without serial lines does not pay for it.
  const { SerialPort } = await import('serialport');
  const port = new SerialPort({ path: resolve(base, address), baudRate: baud, autoOpen: false });
  await new Promise<void>((resolve, reject) => port.open((error) => (error === null ? resolve() : reject(error))));
  const drain = (): Promise<void> =>
    new Promise((resolve, reject) => port.drain((error) => (error === null ? resolve() : reject(error))));
  // Destroying the stream alone leaves the port open, and locked. What nobody takes is thrown away: closing would wait for it.
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= new Promise((resolve) => {
      const finish = (): void => {
        port.destroy();
        resolve();
      };
      if (port.isOpen) port.flush(() => port.close(finish));
      else finish();
    }));
  return { stream: port, drain, close };
}

async function write(port: Port, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    port.stream.write(text, (error) => (error === null || error === undefined ? resolve() : reject(error))),
  );
  await port.drain();
}
