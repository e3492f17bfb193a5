// Registers of a Modbus slave, as the gateway file names them, and what their bits mean.
//
// A slave has four tables of up to 65,536 places: coils and discrete inputs of one bit, holding and input registers of 16.
// Manuals write the place as a reference (40001 is holding register 0, 30001 input register 0, 10001 discrete input 0) or as
// table and address on the wire, counted from 0. Values of more than one register come in four orders of their bytes:
//
//   ABCD   the highest first, as the specification has it for one register
//   CDAB   the lower register first
//   BADC   the bytes of each register swapped
//   DCBA   the lowest byte first

import * as z from 'zod';

export const tables = ['holding', 'input', 'coil', 'discrete'] as const;
export type Table = (typeof tables)[number];

export const orders = ['ABCD', 'CDAB', 'BADC', 'DCBA'] as const;
type Order = (typeof orders)[number];

const lengths = { int16: 1, uint16: 1, int32: 2, uint32: 2, float32: 2, int64: 4, uint64: 4, float64: 4 } as const;
type Type = keyof typeof lengths;
const types = Object.keys(lengths).filter((name): name is Type => name in lengths);

/** References by their first digit, of five digits and of six. */
const references: readonly (readonly [Table, number, number])[] = [
  ['discrete', 10_001, 19_999],
  ['input', 30_001, 39_999],
  ['holding', 40_001, 49_999],
  ['discrete', 100_001, 165_536],
  ['input', 300_001, 365_536],
  ['holding', 400_001, 465_536],
];

export const registerSchema = z
  .strictObject({
    at: z
      .int()
      .min(0)
      .max(465_536)
      .describe('Reference, such as 40001 or 30001; with `table`, the address counted from 0.'),
    table: z.enum(tables).optional().describe('holding, input, coil or discrete. Default: what the reference says.'),
    type: z.enum(types).default('uint16').describe('What the bits of registers are. Default uint16.'),
    order: z.enum(orders).default('ABCD').describe('Order of the bytes. Default ABCD, the highest first.'),
    bit: z.int().min(0).max(15).optional().describe('One bit of a register, 0 being the lowest.'),
    scale: z.number().default(1).describe('What the number is multiplied by. Default 1.'),
    offset: z.number().default(0).describe('What is added then. Default 0.'),
    none: z.number().optional().describe('The number, before scaling, by which the slave says that it has no value.'),
  })
  .superRefine(({ at, table, type, bit }, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    const place = placeOf(at, table);
    if (place === undefined)
      refuse(
        'at',
        `${at} is no reference such as 40001; for an address counted from 0 say which table: holding, input, …`,
      );
    else if (place.address + countOf(place.table, type) > 65_536) refuse('at', 'there is nothing behind address 65535');
    if (bit !== undefined && (type !== 'uint16' || isBits(place?.table)))
      refuse('bit', 'a bit is one of a register of type uint16');
  });

export type RegisterConfig = z.output<typeof registerSchema>;

export interface Register {
  readonly channel: string;
  readonly table: Table;
  /** Counted from 0. */
  readonly address: number;
  /** Registers it takes; 1 of a coil. */
  readonly count: number;
  /** Of the bytes of its registers, at `offset`. @returns undefined when the slave says that it has no value */
  readonly decode: (bytes: Buffer, offset: number) => number | undefined;
  readonly scaled: (value: number) => number;
}

export function registerOf(channel: string, config: RegisterConfig): Register {
  const { at, table: given, type, order, bit, scale, offset: added, none } = config;
  const { table, address } = placeOf(at, given) ?? { table: 'holding', address: at };
  const scaled = (value: number): number => value * scale + added;
  return {
    channel,
    table,
    address,
    count: countOf(table, type),
    decode: (bytes, offset) => {
      const value = read(ordered(bytes, offset, lengths[type] * 2, order), type);
      if (value === none) return undefined;
      return bit === undefined ? scaled(value) : (value >> bit) & 1;
    },
    scaled,
  };
}

export function isBits(table: Table | undefined): boolean {
  return table === 'coil' || table === 'discrete';
}

function placeOf(at: number, table: Table | undefined): { table: Table; address: number } | undefined {
  if (table !== undefined) return { table, address: at };
  const reference = references.find(([, first, last]) => at >= first && at <= last);
  return reference && { table: reference[0], address: at - reference[1] };
}

function countOf(table: Table, type: Type): number {
  return isBits(table) ? 1 : lengths[type];
}

function ordered(bytes: Buffer, offset: number, length: number, order: Order): Buffer {
  const value = Buffer.from(bytes.subarray(offset, offset + length));
  if (order === 'BADC' || order === 'DCBA') value.swap16();
  // What remains is the order of the registers.
  if (order === 'ABCD' || order === 'BADC') return value;
  const swapped = Buffer.alloc(length);
  for (let at = 0; at < length; at += 2) value.copy(swapped, length - 2 - at, at, at + 2);
  return swapped;
}

function read(bytes: Buffer, type: Type): number {
  switch (type) {
    case 'int16':
      return bytes.readInt16BE();
    case 'uint16':
      return bytes.readUInt16BE();
    case 'int32':
      return bytes.readInt32BE();
    case 'uint32':
      return bytes.readUInt32BE();
    case 'float32':
      return bytes.readFloatBE();
    case 'int64':
      return Number(bytes.readBigInt64BE());
    case 'uint64':
      return Number(bytes.readBigUInt64BE());
    case 'float64':
      return bytes.readDoubleBE();
  }
}
