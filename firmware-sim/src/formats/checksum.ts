// The check sums boards put behind what they say.

import { crc16ccitt, crc32 } from 'crc';

export const crcs = ['crc16', 'crc32', 'none'] as const;

/** crc16 is CRC-16/CCITT-FALSE (polynomial 0x1021, begins at 0xFFFF), crc32 that of Ethernet and zlib; both big-endian. */
export type Crc = (typeof crcs)[number];

export function appendCheck(payload: Buffer, crc: Crc, isWrong: boolean): Buffer {
  const flip = isWrong ? 0xffff : 0;
  if (crc === 'none') return payload;
  const check = Buffer.alloc(crc === 'crc16' ? 2 : 4);
  if (crc === 'crc16') check.writeUInt16BE((crc16ccitt(payload) ^ flip) & 0xffff);
  else check.writeUInt32BE((crc32(payload) ^ flip) >>> 0);
  return Buffer.concat([payload, check]);
}

/** Exclusive or of the characters between $ and *. */
export function nmeaCheck(body: string): number {
  return Buffer.from(body).reduce((sum, byte) => sum ^ byte, 0);
}
