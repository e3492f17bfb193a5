import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planReads } from './plan.ts';
import { orders, registerOf, registerSchema, tables, type Register } from './registers.ts';

function decode(raw: object, hex: string): number | undefined {
  return registerOf('x', registerSchema.parse(raw)).decode(Buffer.from(hex, 'hex'), 0);
}

function place(raw: object): unknown {
  const { table, address, count } = registerOf('x', registerSchema.parse(raw));
  return `${table} ${address}+${count}`;
}

function problems(raw: object): string[] {
  return registerSchema.safeParse(raw).error?.issues.map(({ message }) => message) ?? [];
}

describe('a register', () => {
  it.each([
    [{ at: 40_001 }, 'holding 0+1'],
    [{ at: 40_108, type: 'float32' }, 'holding 107+2'],
    [{ at: 465_536 }, 'holding 65535+1'],
    [{ at: 30_011, type: 'int64' }, 'input 10+4'],
    [{ at: 10_197 }, 'discrete 196+1'],
    [{ at: 0, table: 'coil' }, 'coil 0+1'],
    [{ at: 40_001, table: 'holding' }, 'holding 40001+1'],
  ])('%j is at %s', (raw, expected) => {
    expect(place(raw)).toBe(expected);
  });

  it.each([
    [{ at: 40_001, type: 'int16' }, 'fffe', -2],
    [{ at: 40_001 }, 'fffe', 65_534],
    [{ at: 40_001, type: 'int32' }, 'fffffffe', -2],
    [{ at: 40_001, type: 'float32' }, '41fb3333', Math.fround(31.4)],
    [{ at: 40_001, type: 'float32', order: 'CDAB' }, '333341fb', Math.fround(31.4)],
    [{ at: 40_001, type: 'float32', order: 'BADC' }, 'fb413333', Math.fround(31.4)],
    [{ at: 40_001, type: 'float32', order: 'DCBA' }, '3333fb41', Math.fround(31.4)],
    [{ at: 40_001, type: 'uint64' }, '0000000100000000', 2 ** 32],
    [{ at: 40_001, type: 'float64', order: 'DCBA' }, '000000000000f83f', 1.5],
    [{ at: 40_001, type: 'int16', scale: 0.5, offset: -10 }, '0064', 40],
    [{ at: 40_001, bit: 3 }, '0008', 1],
    [{ at: 40_001, bit: 2 }, '0008', 0],
    [{ at: 40_001, type: 'int16', none: -32_768 }, '8000', undefined],
  ])('%j of %s is %s', (raw, hex, value) => {
    expect(decode(raw, hex)).toBe(value);
  });

  it.each([
    [
      { at: 100 },
      '100 is no reference such as 40001; for an address counted from 0 say which table: holding, input, …',
    ],
    [{ at: 465_536, type: 'int32' }, 'there is nothing behind address 65535'],
    [{ at: 40_001, type: 'float32', bit: 1 }, 'a bit is one of a register of type uint16'],
  ])('%j is refused', (raw, message) => {
    expect(problems(raw)).toEqual([message]);
  });
});

describe('the reads of a plan', () => {
  const register = fc.record({
    at: fc.integer({ min: 0, max: 400 }),
    table: fc.constantFrom(...tables),
    type: fc.constantFrom('uint16', 'float32', 'float64'),
    order: fc.constantFrom(...orders),
  });

  it('ask for every register, within what one request may ask for, and for no gap that is longer than said', () => {
    fc.assert(
      fc.property(fc.array(register, { minLength: 1, maxLength: 60 }), fc.integer({ min: 0, max: 20 }), (raws, gap) => {
        const registers = raws.map((raw, index) => registerOf(`r${index}`, registerSchema.parse(raw)));
        const requests = planReads(registers, gap);
        const asked = requests.flatMap((request) => request.registers);
        expect(new Set(asked)).toEqual(new Set(registers));
        expect(asked).toHaveLength(registers.length);
        for (const request of requests) {
          const isBits = request.table === 'coil' || request.table === 'discrete';
          expect(request.count).toBeLessThanOrEqual(isBits ? 2000 : 125);
          const covered = new Set<number>();
          for (const one of request.registers) {
            expect(one.table).toBe(request.table);
            for (let at = one.address; at < one.address + one.count; at++) covered.add(at);
            expect(one.address >= request.address).toBe(true);
            expect(one.address + one.count <= request.address + request.count).toBe(true);
          }
          let missing = 0;
          for (let at = request.address; at < request.address + request.count; at++) {
            missing = covered.has(at) ? 0 : missing + 1;
            expect(missing).toBeLessThanOrEqual(gap);
          }
        }
      }),
    );
  });

  it('are as few as there can be for neighbours', () => {
    const at = (address: number): Register => registerOf(`r${address}`, registerSchema.parse({ at: 40_001 + address }));
    const spans = (gap: number): string[] =>
      planReads([at(9), at(0), at(1), at(20), at(200)], gap).map(({ address, count }) => `${address}+${count}`);
    expect(spans(0)).toEqual(['0+2', '9+1', '20+1', '200+1']);
    expect(spans(8)).toEqual(['0+10', '20+1', '200+1']);
    expect(spans(10)).toEqual(['0+21', '200+1']);
  });
});
