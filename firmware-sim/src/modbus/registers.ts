// The registers of a simulated Modbus slave: where each signal stands, and as what bits.
//
// Orders of the bytes of values that take two registers: big (ABCD) has the highest first, CDAB the lower register first, BADC
// the bytes of each register swapped, little (DCBA) the lowest first.

import * as z from 'zod';

export const registerSchema = z.strictObject({
  at: z.int().min(0).max(65_534),
  table: z.enum(['holding', 'input']).default('holding'),
  type: z.enum(['int16', 'uint16', 'int32', 'uint32', 'float32']).default('uint16'),
  order: z.enum(['big', 'little', 'ABCD', 'CDAB', 'BADC', 'DCBA']).default('big'),
  scale: z.number().positive().default(1),
});

export type Register = z.output<typeof registerSchema>;

/** Registers that it takes. */
export function lengthOf({ type }: Pick<Register, 'type'>): number {
  return type === 'int16' || type === 'uint16' ? 1 : 2;
}

/** The bytes of a value in its registers; what does not fit is as near as the type can say. */
export function encodeRegister({ type, order, scale }: Register, value: number): Buffer {
  const bytes = bigEndian(type, value / scale);
  switch (order) {
    case 'big':
    case 'ABCD':
      return bytes;
    case 'little':
    case 'DCBA':
      return Buffer.from(bytes.toReversed());
    case 'BADC':
      return bytes.swap16();
    case 'CDAB':
      return Buffer.concat([bytes.subarray(2), bytes.subarray(0, 2)]);
  }
}

function bigEndian(type: Register['type'], value: number): Buffer {
  const bytes = Buffer.alloc(2 * lengthOf({ type }));
  const bits = 8 * bytes.length;
  if (type === 'float32') bytes.writeFloatBE(value);
  else if (type === 'int16' || type === 'int32')
    bytes.writeIntBE(between(value, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1), 0, bytes.length);
  else bytes.writeUIntBE(between(value, 0, 2 ** bits - 1), 0, bytes.length);
  return bytes;
}

function between(value: number, low: number, high: number): number {
  return Math.min(Math.max(Math.round(value), low), high);
}
