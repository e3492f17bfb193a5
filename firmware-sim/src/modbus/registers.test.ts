// Registers hold what a value is in them: types, orders of bytes, scale, and what happens at the ends of a type.

import { describe, expect, it } from 'vitest';
import { encodeRegister, registerSchema } from './registers.ts';

function hex(register: object, value: number): string {
  return encodeRegister(registerSchema.parse({ at: 0, ...register }), value).toString('hex');
}

describe('a register', () => {
  it.each([
    [{ type: 'uint16' }, 513, '0201'],
    [{ type: 'int16' }, -2, 'fffe'],
    [{ type: 'uint32' }, 0x01020304, '01020304'],
    [{ type: 'int32' }, -2, 'fffffffe'],
    [{ type: 'float32' }, 1, '3f800000'],
    [{ type: 'uint16', scale: 0.1 }, 31.4, '013a'],
  ])('%o of %d is %s', (register, value, expected) => {
    expect(hex(register, value)).toBe(expected);
  });

  it.each([
    ['big', '01020304'],
    ['ABCD', '01020304'],
    ['CDAB', '03040102'],
    ['BADC', '02010403'],
    ['DCBA', '04030201'],
    ['little', '04030201'],
  ])('in order %s is %s', (order, expected) => {
    expect(hex({ type: 'uint32', order }, 0x01020304)).toBe(expected);
  });

  it('in one register only swaps its two bytes, where its order does', () => {
    expect(hex({ type: 'uint16', order: 'little' }, 513)).toBe('0102');
    expect(hex({ type: 'uint16', order: 'CDAB' }, 513)).toBe('0201');
  });

  it.each([
    [{ type: 'uint16' }, -1, '0000'],
    [{ type: 'uint16' }, 1e6, 'ffff'],
    [{ type: 'int16' }, -1e6, '8000'],
    [{ type: 'int32' }, 1e12, '7fffffff'],
  ])('%o says the nearest it can to %d', (register, value, expected) => {
    expect(hex(register, value)).toBe(expected);
  });
});
