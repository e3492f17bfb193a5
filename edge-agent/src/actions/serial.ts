// Writes a line to a serial port, or to a serial device server: a display, a siren, a controller that takes orders.
//
// The port stays open between lines, because opening one resets many boards, and is opened anew after a failure. It cannot be
// one that a source reads: a port is opened once.

import { once } from 'node:events';
import * as z from 'zod';
import { isSerialAddress, openSerial, type SerialLine } from '../serial/open.ts';
import { portSettings } from '../serial/settings.ts';
import { messageKind, type Action, type ActionContext } from './action.ts';
import { deliverySettings } from './delivery.ts';
import { fieldsOf, type Notice } from './notice.ts';
import { fill, template } from './template.ts';

const schema = z.strictObject({
  serial: z
    .string()
    .refine(isSerialAddress, {
      message:
        'write a device path like /dev/ttyUSB0, usb:0403:6001 by the ids of an adapter, or tcp://host:port for a device server',
    })
    .describe('Device path, `usb:vendor:product`, or `tcp://host:port` of a device server; none that a source reads.'),
  ...portSettings,
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

class SerialAction implements Action {
  readonly #config: Config;
  readonly #context: ActionContext;
  #port: SerialLine | undefined;

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

  async #open(signal: AbortSignal): Promise<SerialLine> {
    const port = await openSerial(this.#config.serial, this.#config, this.#context.base, signal);
    port.stream.on('error', () => undefined).on('close', () => void this.#drop(port));
    // Nobody reads the answers, and nobody is to wait for that.
    port.stream.resume();
    this.#port = port;
    if (signal.aborted) void this.#drop(port);
    return port;
  }

  async #drop(port: SerialLine): Promise<void> {
    if (this.#port === port) this.#port = undefined;
    await port.close();
  }
}

async function write(port: SerialLine, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) =>
    port.stream.write(text, (error) => (error === null || error === undefined ? resolve() : reject(error))),
  );
  await port.drain();
}
