// A board behind a TCP port, as a serial device server offers it: the agent connects to tcp://host:port.
//
// One reader at a time, as on a cable. A new connection takes the place of the old one, whose other end may have
// crashed without saying goodbye; what it had not taken is printed to the new one.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { SimError } from '../errors.ts';
import type { HostPort } from '../host-port.ts';
import { Changes } from './changes.ts';
import type { Line } from './line.ts';

const closeAfterMs = 1000;

/** @param address port 0 lets the system choose. @throws SimError when the port is taken */
export async function openTcpLine(address: HostPort): Promise<Line> {
  const line = new TcpLine(address);
  await line.replug();
  return line;
}

class TcpLine implements Line {
  readonly #host: string;
  #port: number;
  readonly #changes = new Changes();
  #server: Server | undefined;
  #socket: Socket | undefined;
  #isSending = false;

  constructor({ host, port }: HostPort) {
    this.#host = host;
    this.#port = port;
  }

  get device(): string {
    return `tcp://${this.#host.includes(':') ? `[${this.#host}]` : this.#host}:${this.#port}`;
  }

  get hasReader(): boolean {
    return this.#socket !== undefined;
  }

  async write(frames: readonly Uint8Array[]): Promise<number> {
    for (;;) {
      await this.#changes.until(() => this.#socket !== undefined || this.#server === undefined);
      const socket = this.#socket;
      if (socket === undefined) return 0;
      if (await this.#send(socket, Buffer.concat(frames))) return frames.length;
    }
  }

  /** What the system has taken from us arrives, even when the connection is closed afterwards. */
  async drain(signal: AbortSignal): Promise<boolean> {
    const stop = (): void => this.#changes.notify();
    signal.addEventListener('abort', stop);
    await this.#changes.until(() => !this.#isSending || signal.aborted);
    signal.removeEventListener('abort', stop);
    return this.#server !== undefined && !this.#isSending;
  }

  async unplug(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    const closed = server === undefined ? undefined : once(server, 'close');
    server?.close();
    this.#socket?.destroy();
    this.#changes.notify();
    await closed;
  }

  async replug(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => this.#attach(socket));
    server.listen(this.#port, this.#host);
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new SimError('LINE_FAILED', `cannot listen on ${this.device}: ${String(error)}`, { cause: error });
    }
    const address = server.address();
    if (address !== null && typeof address !== 'string') this.#port = address.port;
    this.#server = server;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket !== undefined && !socket.destroyed) {
      const closed = once(socket, 'close');
      const killer = setTimeout(() => socket.destroy(), closeAfterMs);
      socket.end();
      await closed;
      clearTimeout(killer);
    }
    await this.unplug();
  }

  /** @returns false when the connection closed before the system took the bytes */
  async #send(socket: Socket, bytes: Buffer): Promise<boolean> {
    let isSent = false;
    this.#isSending = true;
    socket.write(bytes, (error) => {
      isSent = error === undefined || error === null;
      this.#changes.notify();
    });
    await this.#changes.until(() => isSent || this.#socket !== socket);
    this.#isSending = false;
    this.#changes.notify();
    return isSent;
  }

  #attach(socket: Socket): void {
    this.#socket?.destroy();
    this.#socket = socket;
    // A reset by the reader is followed by `close`, and what it did not take is not counted.
    socket.on('error', () => {});
    socket.once('close', () => {
      if (this.#socket === socket) this.#socket = undefined;
      this.#changes.notify();
    });
    // Boards do not listen, but unread input would turn our closing into a reset.
    socket.resume();
    this.#changes.notify();
  }
}
