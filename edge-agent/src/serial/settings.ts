// How a serial port is set, in the words of every part of the gateway file that opens one.

import * as z from 'zod';

export const portSettings = {
  baud: z.int().min(50).max(12_000_000).default(115_200).describe('Bits per second. Default 115200.'),
  parity: z.enum(['none', 'even', 'odd']).default('none').describe('Parity bit. Default none.'),
  dataBits: z
    .union([z.literal(5), z.literal(6), z.literal(7), z.literal(8)])
    .default(8)
    .describe('Bits of a character. Default 8.'),
  stopBits: z
    .union([z.literal(1), z.literal(2)])
    .default(1)
    .describe('Stop bits. Default 1.'),
  flow: z
    .enum(['none', 'hardware', 'software'])
    .default('none')
    .describe('Flow control: RTS/CTS, or XON/XOFF. Default none.'),
} as const;

export interface PortSettings {
  readonly baud: number;
  readonly parity: 'none' | 'even' | 'odd';
  readonly dataBits: 5 | 6 | 7 | 8;
  readonly stopBits: 1 | 2;
  readonly flow: 'none' | 'hardware' | 'software';
}
