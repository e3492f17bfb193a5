// A Modbus bus: asks slaves for registers, over a serial line (RTU) or a TCP connection. The protocol is modbus-serial's.
//
//   /dev/ttyUSB0, usb:0403:6001      RTU on a port of this machine
//   rtu+tcp://host:port              RTU through a device server
//   tcp://host:port                  Modbus TCP, also of a gateway with many slaves behind it
//
// A serial line takes one question at a time, and pauses after one that was not answered: the answer may still come, and must
// not be taken for the next. Questions over TCP have numbers: slaves are asked side by side, and a dead one holds up no other.

import type { Duplex } from 'node:stream';
import type modbusSerial from 'modbus-serial';
import * as z from 'zod';
import { connectTo, isSerialAddress, openSerial } from '../serial/open.ts';
import type { PortSettings } from '../serial/settings.ts';
import type { Clock } from '../time/clock.ts';
import type { ReadRequest } from './plan.ts';
import type { Table } from './registers.ts';
import { RtuPort } from './rtu-port.ts';

type ModbusRTU = InstanceType<typeof modbusSerial.default>;

/** Some errors of modbus-serial are none of JavaScript's. */
const errorSchema = z.object({ message: z.string(), modbusCode: z.number().optional() });

/** What a slave that was asked says instead of an answer. */
export class SlaveError extends Error {
  override readonly name = 'SlaveError';
  /** `silent`: nothing came; `refused`: an exception of Modbus; `garbled`: something came that is no answer. */
  readonly kind: 'silent' | 'refused' | 'garbled';
  /** Of an exception, such as 2 for an address that is not there. */
  readonly code: number | undefined;

  constructor(kind: 'silent' | 'refused' | 'garbled', message: string, code?: number) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

export interface BusOptions {
  readonly address: string;
  readonly settings: PortSettings;
  /** Folder relative paths start from. */
  readonly base: string;
  readonly clock: Clock;
}

const functions: Readonly<Record<Table, 'writeFC1' | 'writeFC2' | 'writeFC3' | 'writeFC4'>> = {
  coil: 'writeFC1',
  discrete: 'writeFC2',
  holding: 'writeFC3',
  input: 'writeFC4',
};

export function isBusAddress(text: string): boolean {
  return /^(rtu\+)?tcp:\/\/[^:/]+:\d+$/.test(text) || (isSerialAddress(text) && !text.includes('://'));
}

export class Bus {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #client: ModbusRTU;
  readonly #options: BusOptions;
  readonly #port: RtuPort | undefined;
  readonly #hangUp: () => Promise<void>;
  /** Questions under way: modbus-serial forgets them when it is closed. */
  readonly #asking = new Set<(error: SlaveError) => void>();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(
    client: ModbusRTU,
    options: BusOptions,
    port: RtuPort | undefined,
    stream: Duplex,
    hangUp: () => Promise<void>,
  ) {
    this.#client = client;
    this.#options = options;
    this.#port = port;
    this.#hangUp = hangUp;
    client.on('error', () => undefined);
    // Not by modbus-serial, which says nothing when a connection ends with an error.
    this.closed = new Promise((resolve) => stream.on('close', () => resolve()));
  }

  /** @throws when it cannot be opened: says what to do */
  static async open(options: BusOptions, signal: AbortSignal): Promise<Bus> {
    const { address, settings, base } = options;
    // Loaded when first needed, as serialport is.
    const Client = (await import('modbus-serial')).default.default;
    if (address.startsWith('tcp://')) {
      const client = new Client();
      const socket = await connectTo(address, signal);
      await client.linkTCP(socket, { port: socket.remotePort ?? 0 });
      return new Bus(client, options, undefined, socket, async () => void socket.destroy());
    }
    const line = await openSerial(address.replace(/^rtu\+/, ''), settings, base, signal);
    const port = new RtuPort(line);
    const client = new Client(port);
    await new Promise<void>((opened) => client.open(() => opened()));
    return new Bus(client, options, port, line.stream, () => line.close());
  }

  /** @returns the bytes of the registers, or of each bit one byte @throws SlaveError */
  async read(slave: number, request: ReadRequest, timeoutMs: number, signal: AbortSignal): Promise<Buffer> {
    if (this.#port === undefined) return this.#ask(slave, request, timeoutMs);
    const asked = this.#turn.then(async () => {
      if (signal.aborted) throw new SlaveError('silent', 'closed');
      try {
        return await this.#ask(slave, request, timeoutMs);
      } catch (error) {
        const mayStillCome = error instanceof SlaveError && error.kind !== 'refused';
        if (mayStillCome) await this.#options.clock.sleep(timeoutMs / 2, signal);
        throw error;
      }
    });
    this.#turn = asked.catch(() => undefined);
    return asked;
  }

  async close(): Promise<void> {
    await this.#hangUp();
    for (const giveUp of this.#asking) giveUp(new SlaveError('silent', 'closed'));
  }

  #ask(slave: number, { table, address, count }: ReadRequest, timeoutMs: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#asking.add(reject);
      // modbus-serial has one for all questions, and looks at it when a question is asked.
      this.#client.setTimeout(timeoutMs);
      this.#client[functions[table]](slave, address, count, (error: unknown, answer?: Answer) => {
        this.#asking.delete(reject);
        if (answer !== undefined && (error === null || error === undefined)) resolve(bytesOf(answer, count));
        else reject(this.#explained(error, timeoutMs));
      });
    });
  }

  #explained(error: unknown, timeoutMs: number): SlaveError {
    const { message, modbusCode: code } = errorSchema.parse(error);
    if (code !== undefined) return new SlaveError('refused', message, code);
    if (!/timed out|not open/i.test(message)) return new SlaveError('garbled', message);
    if (this.#port?.hasNoise === true)
      return new SlaveError('garbled', 'bytes came that are no answer; are baud rate and parity those of the slave?');
    return new SlaveError('silent', `no answer within ${timeoutMs} ms`);
  }
}

interface Answer {
  readonly data: readonly (boolean | number)[];
  readonly buffer: Buffer;
}

/** Bits come as a list, and eight to a byte. */
function bytesOf({ data, buffer }: Answer, count: number): Buffer {
  return typeof data[0] === 'boolean' ? Buffer.from(data.slice(0, count).map(Number)) : buffer;
}
