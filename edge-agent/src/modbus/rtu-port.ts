// Modbus RTU on a serial line, as modbus-serial wants a port: takes a request, gives the answer as one frame.
//
// A frame on the line has no beginning and no end but silence. What an answer to this request looks like is known, though:
// slave, function, and a length that follows from the function or its byte count, or the five bytes of an exception; its
// checksum tells it from noise. Bytes in front of it are thrown away, and so is everything that came before the request: a
// slave that answers late must not be taken to have answered the next question.

import { EventEmitter } from 'node:events';
import crc16modbus from 'crc/calculators/crc16modbus';
import type { SerialLine } from '../serial/open.ts';

/** No frame is longer. */
const maxFrameBytes = 256;
const exceptionBytes = 5;

export class RtuPort extends EventEmitter {
  /** modbus-serial keeps answers apart by these; on a line there is one at a time. */
  readonly _transactionIdRead = 1;
  readonly _transactionIdWrite = 1;
  readonly #line: SerialLine;
  #bytes = Buffer.alloc(0);
  #slave = 0;
  #code = 0;
  #length = 0;
  #isOpen = true;

  constructor(line: SerialLine) {
    super();
    this.#line = line;
    line.stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    line.stream.on('close', () => {
      this.#isOpen = false;
      this.emit('close');
    });
    line.stream.on('error', () => undefined);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(done: (error?: Error) => void): void {
    done();
  }

  close(done?: () => void): void {
    void this.#line.close().finally(() => done?.());
  }

  destroy(done?: () => void): void {
    this.close(done);
  }

  write(request: Buffer): void {
    this.#bytes = Buffer.alloc(0);
    this.#slave = request[0] ?? 0;
    this.#code = request[1] ?? 0;
    const count = request.readUInt16BE(4);
    this.#length = 5 + (this.#code <= 2 ? Math.ceil(count / 8) : 2 * count);
    this.#line.stream.write(request);
  }

  #receive(chunk: Buffer): void {
    if (this.#length === 0) return;
    this.#bytes = Buffer.concat([this.#bytes, chunk]).subarray(-2 * maxFrameBytes);
    for (let at = 0; at + exceptionBytes <= this.#bytes.length; at++) {
      if (this.#bytes[at] !== this.#slave) continue;
      const code = this.#bytes[at + 1];
      const length = code === this.#code ? this.#length : code === (this.#code | 0x80) ? exceptionBytes : Infinity;
      if (at + length > this.#bytes.length) continue;
      const frame = this.#bytes.subarray(at, at + length);
      if (frame.readUInt16LE(length - 2) !== crc16modbus(frame.subarray(0, -2))) continue;
      this.#length = 0;
      this.emit('data', Buffer.from(frame));
      return;
    }
  }

  /** Whether bytes have come since the request that made no answer. */
  get hasNoise(): boolean {
    return this.#length > 0 && this.#bytes.length > 0;
  }
}
