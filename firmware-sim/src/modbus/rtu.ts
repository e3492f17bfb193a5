// Modbus RTU frames on a line of bytes: address, function code and data, CRC-16 with the low byte first (Modbus over Serial Line
// 1.02, section 2.5.1). A frame should end with a silence of 3.5 characters, which nobody can see through a pseudo-terminal;
// the length of a request follows from its function code instead, and what does not add up is skipped byte by byte.

import { crc16modbus } from 'crc';

/** No request is longer. */
const maxLength = 256;

export interface RtuFrame {
  readonly unit: number;
  readonly pdu: Buffer;
}

export class RtuRequests {
  #rest = Buffer.alloc(0);

  push(chunk: Buffer): RtuFrame[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const frames: RtuFrame[] = [];
    for (;;) {
      const length = requestLength(this.#rest);
      if (length === undefined || this.#rest.length < length) break;
      const bytes = this.#rest.subarray(0, length);
      const isWhole = length <= maxLength && crc16modbus(bytes.subarray(0, -2)) === bytes.readUInt16LE(length - 2);
      if (isWhole) frames.push({ unit: bytes[0] ?? 0, pdu: Buffer.from(bytes.subarray(1, -2)) });
      this.#rest = this.#rest.subarray(isWhole ? length : 1);
    }
    return frames;
  }
}

export function rtuFrame({ unit, pdu }: RtuFrame, isCheckWrong: boolean): Buffer {
  const body = Buffer.concat([Buffer.from([unit]), pdu]);
  const check = Buffer.alloc(2);
  check.writeUInt16LE(crc16modbus(body) ^ (isCheckWrong ? 0xffff : 0));
  return Buffer.concat([body, check]);
}

/** @returns undefined while it cannot be said yet; 4, the shortest frame there is, for codes nobody knows */
function requestLength(bytes: Buffer): number | undefined {
  const code = bytes[1];
  if (code === undefined) return undefined;
  if (code >= 1 && code <= 6) return 8;
  if (code !== 15 && code !== 16) return 4;
  const count = bytes[6];
  return count === undefined ? undefined : 9 + count;
}
