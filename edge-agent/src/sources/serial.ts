// Serial lines: a board that prints JSON or CSV, one line a record, on a device path or behind a TCP device server.
//
// serialport brings the port; lines are cut here, because its own parser has no length limit. The port is read only when
// asked (stream back-pressure). An unplugged device ends the stream with an error, and the supervisor opens it again.

import { once } from 'node:events';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { decodeCsvLine } from '../formats/csv.ts';
import { ReadingBatch } from '../formats/batch.ts';
import { decodeJsonObject } from '../formats/json.ts';
import { LineSplitter } from '../formats/lines.ts';
import { timeUnits } from '../formats/time-field.ts';
import { sourceKind, type Delivery, type Source, type SourceContext } from './source.ts';

const maxLineBytes = 64 * 1024;

const schema = z
  .strictObject({
    serial: z
      .string()
      .regex(
        /^(\/|\.\/|\.\.\/|tcp:\/\/[^:/]+:\d+$)/,
        'write a device path like /dev/ttyUSB0, or tcp://host:port for a device server',
      )
      .describe('Device path, or `tcp://host:port` of a serial device server.'),
    baud: z.int().positive().default(115_200).describe('Bits per second. Default 115200.'),
    format: z.enum(['json', 'csv']).describe('What a line is.'),
    columns: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('CSV: the names of the columns; `-` passes one over.'),
    separator: z.string().min(1).default(',').describe('CSV: between the columns. Default `,`.'),
    time: z
      .string()
      .optional()
      .describe('Field or column with the event time. Without it, the time of arrival is taken.'),
    timeUnit: z.enum(timeUnits).default('ms').describe('Unit of a numeric event time since 1970. Default ms.'),
    device: z.string().optional().describe("The device's name in series and tags. Default: the name of the source."),
  })
  .refine((config) => config.format !== 'csv' || config.columns !== undefined, {
    path: ['format'],
    message: 'csv needs the names of its columns, such as columns: [t, rh]',
  })
  .refine(
    (config) => config.columns === undefined || config.time === undefined || config.columns.includes(config.time),
    {
      path: ['time'],
      message: 'time must be one of the columns',
    },
  );

type Config = z.output<typeof schema>;

export const serial = sourceKind({
  key: 'serial',
  schema,
  channels: (config) => config.columns?.filter((column) => column !== '-' && column !== config.time),
  device: (config, id) => config.device ?? id,
  holds: (config) => config.serial,
  make: (config, context) => new SerialSource(config, context),
});

class SerialSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;

  constructor(config: Config, context: SourceContext) {
    this.#config = config;
    this.#context = context;
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    const stream = await openStream(this.#config, this.#context.base, signal);
    const stop = (): void => void stream.destroy();
    signal.addEventListener('abort', stop);
    this.#context.opened();
    try {
      const splitter = new LineSplitter(maxLineBytes);
      for await (const chunk of stream) {
        const delivery = this.#decode(splitter, toBuffer(chunk));
        if (delivery !== undefined) yield delivery;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
      return;
    } finally {
      signal.removeEventListener('abort', stop);
      stream.destroy();
    }
    if (!signal.aborted) throw new Error(`${this.#config.serial} closed: unplugged, or the far end hung up`);
  }

  #decode(splitter: LineSplitter, chunk: Buffer): Delivery | undefined {
    const { id, clock, router } = this.#context;
    const device = this.#config.device ?? id;
    const received = clock.monotonicMs();
    const batch = new ReadingBatch(id, router, clock.now());
    const line = (text: string): void => this.#decodeLine(text, device, batch);
    splitter.push(chunk, line, (beginning) => {
      batch.dead('malformed', device, `line longer than ${maxLineBytes} bytes; wrong baud rate?`, beginning);
    });
    if (batch.size === 0) return undefined;
    const { readings, deadLetters, arrival } = batch;
    // A serial line cannot be asked to repeat: there is nobody to acknowledge to.
    return { readings, deadLetters, arrival, received, attempt: 'only', ack: () => undefined };
  }

  #decodeLine(text: string, device: string, batch: ReadingBatch): void {
    const { format, columns, separator, time, timeUnit } = this.#config;
    if (format === 'json') decodeJsonObject(text, device, { time, timeUnit }, batch);
    else decodeCsvLine(text, device, { columns: columns ?? [], separator, time, timeUnit }, batch);
  }
}

async function openStream({ serial: address, baud }: Config, base: string, signal: AbortSignal): Promise<Readable> {
  if (address.startsWith('tcp://')) {
    const { hostname, port } = new URL(address);
    const socket = connect({ host: hostname, port: Number(port) });
    try {
      await once(socket, 'connect', { signal });
    } catch (error) {
      // Told to stop: the refusal may still come, and nobody waits for it.
      socket.on('error', () => undefined).destroy();
      throw error;
    }
    return socket.setKeepAlive(true, 15_000);
  }
  // Loaded when first needed: an agent without serial lines does not pay for it.
  const { SerialPort } = await import('serialport');
  const port = new SerialPort({
    path: resolve(base, address),
    baudRate: baud,
    autoOpen: false,
    highWaterMark: 64 * 1024,
  });
  await new Promise<void>((resolve, reject) => port.open((error) => (error === null ? resolve() : reject(error))));
  // serialport says "unplugged" only here; without it the stream would just stay silent.
  port.on('close', (error: Error | null) => port.destroy(error ?? undefined));
  return port;
}

function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  throw new TypeError('a serial stream gives bytes');
}
