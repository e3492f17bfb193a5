// Cuts a byte stream into frames at a delimiter. A frame that never ends is bounded: what is too long is dropped up to the
// next delimiter and reported once.
//
//   lines   text up to a newline
//   cobs    consistent overhead byte stuffing (Cheshire and Baker, 1997): frames hold no zero, and end with one
//   slip    RFC 1055: frames are between END bytes (192), and those within are escaped
//
// Behind the bytes of a frame there may be their checksum, the highest byte first: CRC-16/CCITT-FALSE in two bytes, or the
// CRC-32 of Ethernet and zlib in four.

import crc16ccitt from 'crc/calculators/crc16ccitt';
import crc32 from 'crc/calculators/crc32';
import type { Framing } from './format.ts';

export const checksums = ['none', 'crc16', 'crc32'] as const;

export type Checksum = (typeof checksums)[number];

const delimiters: Readonly<Record<Framing, number>> = { lines: 10, cobs: 0, slip: 192 };
const shown = 200;

export interface FrameHandler {
  frame(bytes: Buffer): void;
  /** What came in and is no frame. @param beginning the first of its bytes */
  bad(detail: string, beginning: Buffer): void;
}

export class FrameCutter {
  readonly #framing: Framing;
  readonly #checksum: Checksum;
  readonly #maxBytes: number;
  readonly #delimiter: number;
  /** The beginning of a frame whose end has not come yet. */
  #rest = Buffer.alloc(0);
  #kept = 0;
  #dropping = false;

  constructor(framing: Framing, checksum: Checksum, maxBytes: number) {
    this.#framing = framing;
    this.#checksum = checksum;
    this.#maxBytes = maxBytes;
    this.#delimiter = delimiters[framing];
  }

  /** The stream began anew: what had begun has no end. */
  reset(): void {
    this.#kept = 0;
    this.#dropping = false;
  }

  push(chunk: Buffer, handler: FrameHandler): void {
    let start = 0;
    for (let end = chunk.indexOf(this.#delimiter); end >= 0; end = chunk.indexOf(this.#delimiter, start)) {
      if (this.#dropping) this.#dropping = false;
      else if (this.#kept === 0) this.#end(chunk.subarray(start, end), handler);
      else {
        this.#keep(chunk, start, Math.min(end, start + this.#maxBytes + 1));
        this.#end(this.#rest.subarray(0, this.#kept), handler);
      }
      this.#kept = 0;
      start = end + 1;
    }
    if (this.#dropping || start === chunk.length) return;
    this.#keep(chunk, start, Math.min(chunk.length, start + this.#maxBytes + 1));
    if (this.#kept <= this.#maxBytes) return;
    handler.bad(this.#tooLong(), this.#rest.subarray(0, shown));
    this.#kept = 0;
    this.#rest = Buffer.alloc(0);
    this.#dropping = true;
  }

  /** A copy: the chunk's memory belongs to the stream. */
  #keep(chunk: Buffer, start: number, end: number): void {
    const needed = this.#kept + end - start;
    if (needed > this.#rest.length) {
      const grown = Buffer.alloc(Math.max(needed, Math.min(2 * this.#rest.length, this.#maxBytes)));
      this.#rest.copy(grown, 0, 0, this.#kept);
      this.#rest = grown;
    }
    chunk.copy(this.#rest, this.#kept, start, end);
    this.#kept = needed;
  }

  #end(bytes: Buffer, handler: FrameHandler): void {
    if (bytes.length > this.#maxBytes) {
      handler.bad(this.#tooLong(), bytes.subarray(0, shown));
      return;
    }
    if (this.#framing === 'lines') {
      this.#check(bytes, handler);
      return;
    }
    // Between two delimiters in a row there is nothing.
    if (bytes.length === 0) return;
    const content = this.#framing === 'cobs' ? unstuff(bytes) : unescape(bytes);
    if (content === undefined) handler.bad(`no ${this.#framing.toUpperCase()} frame; bytes were lost`, bytes);
    else this.#check(content, handler);
  }

  #check(bytes: Buffer, handler: FrameHandler): void {
    if (this.#checksum === 'none') {
      handler.frame(bytes);
      return;
    }
    const length = bytes.length - (this.#checksum === 'crc16' ? 2 : 4);
    const content = bytes.subarray(0, Math.max(0, length));
    const isRight =
      length >= 0 &&
      (this.#checksum === 'crc16'
        ? bytes.readUInt16BE(length) === crc16ccitt(content)
        : bytes.readUInt32BE(length) === crc32(content) >>> 0);
    if (isRight) handler.frame(content);
    else handler.bad(`wrong ${this.#checksum}: bytes were changed on the way`, bytes);
  }

  #tooLong(): string {
    const what = this.#framing === 'lines' ? 'line' : 'frame';
    return `${what} longer than ${this.#maxBytes} bytes; wrong baud rate?`;
  }
}

/** A block is a byte n, then n - 1 bytes as they are, then a zero, unless n is 255 or the frame ends. */
function unstuff(bytes: Buffer): Buffer | undefined {
  const content = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length;) {
    const code = bytes[at] ?? 0;
    const end = at + code;
    if (end > bytes.length) return undefined;
    bytes.copy(content, length, at + 1, end);
    length += code - 1;
    at = end;
    if (code < 255 && at < bytes.length) content[length++] = 0;
  }
  return content.subarray(0, length);
}

function unescape(bytes: Buffer): Buffer | undefined {
  const content = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== 219) {
      content[length++] = byte;
      continue;
    }
    at += 1;
    const escaped = bytes[at];
    if (escaped !== 220 && escaped !== 221) return undefined;
    content[length++] = escaped === 220 ? 192 : 219;
  }
  return content.subarray(0, length);
}
