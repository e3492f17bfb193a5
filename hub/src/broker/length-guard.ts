// Stands between a socket and the MQTT parser, because the parser believes every length: a packet that says it is 200 MB
// long is collected until it is there. The guard follows the bytes as they pass and closes the connection at the first
// fixed header that no gateway would send; it holds no more than a stream's usual buffer.
//
// A fixed header (MQTT 3.1.1, section 2.2) is one byte, type in the high and flags in the low half, and the remaining
// length as a varint of at most four bytes. The guard wants CONNECT first and only once, types a client may send, the
// flags the standard fixes, and a remaining length within the limit: a smaller one for CONNECT, which anybody may send.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export type GuardReason = 'packet_too_long' | 'malformed_header' | 'connect_not_first';

export class GuardError extends Error {
  override readonly name = 'GuardError';
  readonly reason: GuardReason;

  constructor(reason: GuardReason) {
    super(`connection closed by the length guard: ${reason}`);
    this.reason = reason;
  }
}

const connectType = 1;

/** Per packet type the flags that may stand beside it; types a client never sends are missing. */
const allowedFlags: Readonly<Record<number, (flags: number) => boolean>> = {
  1: (flags) => flags === 0, // CONNECT
  3: (flags) => (flags & 0b0110) !== 0b0110, // PUBLISH: QoS 3 does not exist
  4: (flags) => flags === 0, // PUBACK
  5: (flags) => flags === 0, // PUBREC
  6: (flags) => flags === 2, // PUBREL
  7: (flags) => flags === 0, // PUBCOMP
  8: (flags) => flags === 2, // SUBSCRIBE
  10: (flags) => flags === 2, // UNSUBSCRIBE
  12: (flags) => flags === 0, // PINGREQ
  14: (flags) => flags === 0, // DISCONNECT
};

export interface LengthLimits {
  readonly maxPacketBytes: number;
  readonly maxConnectBytes: number;
}

/** Follows fixed headers through a stream of bytes. Pure: keeps a few numbers, never bytes. */
export class HeaderTracker {
  readonly #limits: LengthLimits;
  #type = 0;
  #connected = false;
  /** Bytes of the current packet's body still to come. */
  #bodyLeft = 0;
  /** Inside a remaining length: how many of its bytes were read; -1 outside. */
  #lengthBytes = -1;
  #length = 0;

  constructor(limits: LengthLimits) {
    this.#limits = limits;
  }

  /** @returns why the connection must be closed, or undefined while all is well */
  follow(chunk: Uint8Array): GuardReason | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#bodyLeft > 0) {
        const passed = Math.min(this.#bodyLeft, chunk.length - at);
        this.#bodyLeft -= passed;
        at += passed;
        continue;
      }
      const byte = chunk[at++] ?? 0;
      const reason = this.#lengthBytes < 0 ? this.#firstByte(byte) : this.#lengthByte(byte);
      if (reason !== undefined) return reason;
    }
    return undefined;
  }

  #firstByte(byte: number): GuardReason | undefined {
    this.#type = byte >> 4;
    if (allowedFlags[this.#type]?.(byte & 0x0f) !== true) return 'malformed_header';
    if ((this.#type === connectType) === this.#connected) return 'connect_not_first';
    this.#connected = true;
    this.#lengthBytes = 0;
    this.#length = 0;
    return undefined;
  }

  #lengthByte(byte: number): GuardReason | undefined {
    this.#length += (byte & 0x7f) * 0x80 ** this.#lengthBytes;
    this.#lengthBytes += 1;
    const limit = this.#type === connectType ? this.#limits.maxConnectBytes : this.#limits.maxPacketBytes;
    if (this.#length > limit) return 'packet_too_long';
    if (byte < 0x80) {
      this.#lengthBytes = -1;
      this.#bodyLeft = this.#length;
      return undefined;
    }
    return this.#lengthBytes === 4 ? 'malformed_header' : undefined;
  }
}

/** The guarded side of a socket. Destroys itself with a GuardError; closing it closes the socket, and the other way round. */
export class LengthGuard extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket, limits: LengthLimits) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    const tracker = new HeaderTracker(limits);
    socket.on('data', (chunk: Buffer) => {
      const reason = tracker.follow(chunk);
      if (reason !== undefined) this.destroy(new GuardError(reason));
      else if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    // After a proper end the parser may still have bytes to read; it closes this side when it is through.
    socket.on('close', () => {
      if (!socket.readableEnded) this.destroy();
    });
    socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: (error?: Error | null) => void): void {
    this.#socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
