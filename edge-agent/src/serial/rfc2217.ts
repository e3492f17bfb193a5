// A serial port behind a device server that takes its settings over the network: Telnet with the COM port option (RFC 2217).
//
// Within the bytes of the port, 255 (IAC) begins a command: IAC IAC is a byte 255, IAC DO/DONT/WILL/WONT option is a wish or
// an answer, IAC SB option … IAC SE a subnegotiation. Both sides are asked for binary transmission (RFC 856) without go-ahead
// (RFC 858); of the server we want option 44, and then say baud rate, data bits, parity, stop bits and flow control. A server
// that does not know option 44 says so, and the port stays as it is set there: that is told as an error, because a wrong
// baud rate reads as noise.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { PortSettings } from './settings.ts';

const [se, sb, will, wont, doIt, dont, iac] = [240, 250, 251, 252, 253, 254, 255] as const;
const [binary, noGoAhead, comPort] = [0, 3, 44] as const;
const accepted: ReadonlySet<number> = new Set([binary, noGoAhead, comPort]);
/** Of the server's answer to a command of ours: so much more than its number. */
const fromServer = 100;
const answerTimeoutMs = 5000;
const parities = { none: 1, odd: 2, even: 3 } as const;
const flows = { none: 1, software: 2, hardware: 3 } as const;
/** A subnegotiation that never ends is cut here. */
const maxCommandBytes = 256;

export class Rfc2217Stream extends Duplex {
  readonly #socket: Socket;
  readonly #parser = new TelnetParser();
  /** What the server has said it does not do, or what it set otherwise. */
  #refused: string | undefined;
  readonly #wanted: ReadonlyMap<number, Buffer>;
  readonly #confirmed = new Set<number>();

  private constructor(socket: Socket, settings: PortSettings) {
    super({ highWaterMark: 64 * 1024 });
    this.#socket = socket;
    this.#wanted = commandsFor(settings);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
  }

  /** Resolves when the port is set as it is to be. @throws when the server does not do that, or does not answer */
  static async start(socket: Socket, settings: PortSettings, signal: AbortSignal): Promise<Rfc2217Stream> {
    const stream = new Rfc2217Stream(socket, settings);
    const timeout = AbortSignal.timeout(answerTimeoutMs);
    try {
      for (const option of [binary, noGoAhead]) stream.#send([iac, will, option, iac, doIt, option]);
      stream.#send([iac, will, comPort]);
      if (!stream.#isSet()) await once(stream, 'settled', { signal: AbortSignal.any([signal, timeout]) });
      if (stream.#refused !== undefined) throw new Error(stream.#refused);
      return stream;
    } catch (error) {
      stream.on('error', () => undefined).destroy();
      if (timeout.aborted && !signal.aborted)
        throw new Error('the device server does not answer to RFC 2217; if it has its own settings, use tcp://', {
          cause: error,
        });
      throw error;
    }
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(escaped(chunk), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#parser.push(chunk, {
      option: (verb, option) => this.#answer(verb, option),
      subnegotiation: (content) => this.#hear(content),
    });
    if (bytes.length > 0 && !this.push(bytes)) this.#socket.pause();
  }

  #answer(verb: number, option: number): void {
    if (option === comPort) {
      if (verb === doIt) for (const command of this.#wanted.values()) this.#socket.write(command);
      else if (verb === dont || verb === wont)
        this.#settle('the device server does not take settings (RFC 2217); set them there and use tcp://');
      return;
    }
    const isWanted = accepted.has(option);
    if (verb === will && !isWanted) this.#send([iac, dont, option]);
    if (verb === doIt && !isWanted) this.#send([iac, wont, option]);
  }

  #hear(content: Buffer): void {
    if (content[0] !== comPort) return;
    const command = (content[1] ?? 0) - fromServer;
    const wanted = this.#wanted.get(command);
    if (wanted === undefined) return;
    // IAC SB 44 and the number before, IAC SE behind.
    const value = unescaped(wanted.subarray(4, -2));
    const set = content.subarray(2);
    if (!set.equals(value))
      this.#settle(`the device server sets ${commandNames.get(command)} to ${number(set)} instead of ${number(value)}`);
    this.#confirmed.add(command);
    if (this.#isSet()) this.#settle(undefined);
  }

  #isSet(): boolean {
    return this.#confirmed.size === this.#wanted.size;
  }

  #settle(refused: string | undefined): void {
    this.#refused ??= refused;
    this.emit('settled');
  }

  #send(bytes: readonly number[]): void {
    this.#socket.write(Buffer.from(bytes));
  }
}

const commandNames: ReadonlyMap<number, string> = new Map([
  [1, 'the baud rate'],
  [2, 'the data bits'],
  [3, 'the parity'],
  [4, 'the stop bits'],
  [5, 'the flow control'],
]);

function commandsFor({ baud, dataBits, parity, stopBits, flow }: PortSettings): Map<number, Buffer> {
  const rate = Buffer.alloc(4);
  rate.writeUInt32BE(baud);
  const values: [number, Buffer][] = [
    [1, rate],
    [2, Buffer.of(dataBits)],
    [3, Buffer.of(parities[parity])],
    [4, Buffer.of(stopBits)],
    [5, Buffer.of(flows[flow])],
  ];
  return new Map(
    values.map(([command, value]) => [
      command,
      Buffer.concat([Buffer.of(iac, sb, comPort, command), escaped(value), Buffer.of(iac, se)]),
    ]),
  );
}

function number(value: Buffer): number {
  return value.length === 0 ? NaN : value.readUIntBE(0, Math.min(4, value.length));
}

function escaped(bytes: Buffer): Buffer {
  return bytes.includes(iac) ? Buffer.from([...bytes].flatMap((byte) => (byte === iac ? [iac, iac] : [byte]))) : bytes;
}

function unescaped(bytes: Buffer): Buffer {
  return Buffer.from([...bytes].filter((byte, index) => byte !== iac || bytes[index - 1] !== iac));
}

export interface TelnetHandler {
  option(verb: number, option: number): void;
  /** @param content the option and what is said of it, without escapes */
  subnegotiation(content: Buffer): void;
}

/** Takes the commands out of the bytes of the port, however they are cut into chunks. */
export class TelnetParser {
  #state: 'data' | 'command' | 'option' | 'content' | 'end' = 'data';
  #verb = 0;
  #content: number[] = [];

  /** @returns the bytes of the port */
  push(chunk: Buffer, handler: TelnetHandler): Buffer {
    if (this.#state === 'data' && !chunk.includes(iac)) return chunk;
    const bytes = Buffer.allocUnsafe(chunk.length);
    let length = 0;
    for (const byte of chunk) {
      switch (this.#state) {
        case 'data':
          if (byte === iac) this.#state = 'command';
          else bytes[length++] = byte;
          break;
        case 'command':
          if (byte === iac) bytes[length++] = iac;
          this.#verb = byte;
          this.#content = [];
          this.#state = byte === sb ? 'content' : byte >= will && byte <= dont ? 'option' : 'data';
          break;
        case 'option':
          this.#state = 'data';
          handler.option(this.#verb, byte);
          break;
        case 'content':
          if (byte === iac) this.#state = 'end';
          else if (this.#content.length < maxCommandBytes) this.#content.push(byte);
          break;
        case 'end':
          if (byte === iac) this.#content.push(iac);
          this.#state = byte === iac ? 'content' : 'data';
          if (byte === se) handler.subnegotiation(Buffer.from(this.#content));
      }
    }
    return bytes.subarray(0, length);
  }
}
