// Serial lines: a board that prints records, on a device path, by its USB ids, or behind a TCP device server.
//
// serialport brings the port; frames are cut here, because its own parsers have no length limit. The port is read only when
// asked (stream back-pressure). An unplugged device ends the stream with an error, and the supervisor opens it again.

import type { Readable } from 'node:stream';
import * as z from 'zod';
import { ReadingBatch } from '../formats/batch.ts';
import { framings, type Decode } from '../formats/format.ts';
import { checksums, FrameCutter } from '../formats/frames.ts';
import { formatNames, formats } from '../formats/registry.ts';
import { timeUnits } from '../formats/time-field.ts';
import { isSerialAddress, openSerial } from '../serial/open.ts';
import { portSettings } from '../serial/settings.ts';
import { sourceKind, type Delivery, type Source, type SourceContext } from './source.ts';
import { words } from './words.ts';

const maxFrameBytes = 64 * 1024;

const schema = z
  .strictObject({
    serial: z
      .string()
      .refine(isSerialAddress, {
        message:
          'write a device path like /dev/ttyUSB0, usb:0403:6001 by the ids of an adapter, or tcp://host:port for a device server',
      })
      .describe(
        'Device path; `usb:vendor:product` or `usb:vendor:product:serial` of an adapter; `tcp://host:port` of a device server, or `rfc2217://host:port` of one that takes settings.',
      ),
    ...portSettings,
    format: z.enum(formatNames).describe('What a frame is: [formats](formats.md).'),
    framing: z
      .enum(framings)
      .optional()
      .describe('How frames are cut from the bytes. Default lines; `cobs` with format cbor.'),
    crc: z.enum(checksums).default('none').describe('Checksum behind each frame of COBS or SLIP. Default none.'),
    columns: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('CSV: the names of the columns; `-` passes one over.'),
    separator: z.string().min(1).default(',').describe('CSV: between the columns. Default `,`.'),
    time: z
      .string()
      .optional()
      .describe(
        'Field or column with the event time (NMEA: `utc`). Without it, the time of arrival is taken. SenML brings its own.',
      ),
    timeUnit: z.enum(timeUnits).default('ms').describe('Unit of a numeric event time since 1970. Default ms.'),
    device: z.string().optional().describe("The device's name in series and tags. Default: the name of the source."),
    words,
  })
  .superRefine(({ format, framing, crc, columns, time }, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (format === 'csv' && columns === undefined)
      refuse('format', 'csv needs the names of its columns, such as columns: [t, rh]');
    if (columns !== undefined && time !== undefined && !columns.includes(time))
      refuse('time', 'time must be one of the columns');
    const possible = formats[format].framings;
    const [usual = 'lines'] = possible;
    if (framing !== undefined && !possible.includes(framing))
      refuse('framing', `${format} does not come in ${framing}; use ${possible.join(' or ')}`);
    if (crc !== 'none' && (framing ?? usual) === 'lines')
      refuse('crc', 'lines have no checksum behind them; say framing: cobs or slip');
    if (format === 'nmea' && time !== undefined && time !== 'utc')
      refuse('time', 'NMEA sentences have one time: say time: utc');
    if (format === 'senml' && time !== undefined) refuse('time', 'SenML records bring their own times; leave it out');
  });

type Config = z.output<typeof schema>;

export const serial = sourceKind({
  key: 'serial',
  schema,
  channels: (config) => config.columns?.filter((column) => column !== '-' && column !== config.time),
  device: (config, id) => (config.format === 'senml' ? config.device : (config.device ?? id)),
  holds: (config) => config.serial,
  make: (config, context) => new SerialSource(config, context),
});

class SerialSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;
  readonly #device: string;
  readonly #decode: Decode;

  constructor(config: Config, context: SourceContext) {
    this.#config = config;
    this.#context = context;
    this.#device = config.device ?? context.id;
    this.#decode = formats[config.format].prepare({
      ...config,
      channels: context.router.channels(),
      ownDevice: config.device === undefined,
    });
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    const { format, framing = formats[format].framings[0] ?? 'lines', crc } = this.#config;
    const line = await openSerial(this.#config.serial, this.#config, this.#context.base, signal);
    // Closing alone is not enough: a stream that is paused would not end.
    const stop = (): void => void line.close().finally(() => line.stream.destroy());
    signal.addEventListener('abort', stop);
    this.#context.opened();
    try {
      const cutter = new FrameCutter(framing, crc, maxFrameBytes);
      for await (const delivery of this.#deliveries(line.stream, cutter, framing === 'lines' ? 'utf8' : 'hex'))
        yield delivery;
    } finally {
      signal.removeEventListener('abort', stop);
      await line.close();
    }
    if (!signal.aborted) throw new Error(`${this.#config.serial} closed: unplugged, or the far end hung up`);
  }

  async *#deliveries(stream: Readable, cutter: FrameCutter, shownAs: 'utf8' | 'hex'): AsyncGenerator<Delivery> {
    const { id, clock, router } = this.#context;
    const device = this.#device;
    for await (const chunk of stream) {
      const received = clock.monotonicMs();
      const batch = new ReadingBatch(id, router, clock.now(), this.#config.words);
      cutter.push(toBuffer(chunk), {
        frame: (bytes) => this.#decode(bytes, device, batch),
        bad: (detail, beginning) => batch.dead('malformed', device, detail, beginning.toString(shownAs)),
      });
      if (batch.size === 0) continue;
      const { readings, deadLetters, arrival } = batch;
      // A serial line cannot be asked to repeat: there is nobody to acknowledge to.
      yield { readings, deadLetters, arrival, received, attempt: 'only', ack: () => undefined };
    }
  }
}

function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  throw new TypeError('a serial stream gives bytes');
}
