// What to ask a slave for: neighbouring registers together, because a request costs more than the registers it asks for.

import { isBits, type Register, type Table } from './registers.ts';

export interface ReadRequest {
  readonly table: Table;
  /** Counted from 0. */
  readonly address: number;
  readonly count: number;
  readonly registers: readonly Register[];
}

/** What one request may ask for, by the specification. */
const mostRegisters = 125;
const mostBits = 2000;

/** @param maxGap so many places between two that are wanted are asked for as well; 0 asks for nothing else */
export function planReads(registers: readonly Register[], maxGap: number): ReadRequest[] {
  const sorted = registers.toSorted((a, b) => a.table.localeCompare(b.table) || a.address - b.address);
  const requests: ReadRequest[] = [];
  for (const register of sorted) {
    const last = requests.at(-1);
    const most = isBits(register.table) ? mostBits : mostRegisters;
    const end = Math.max(register.address + register.count, last === undefined ? 0 : last.address + last.count);
    const joins =
      last !== undefined &&
      last.table === register.table &&
      register.address - (last.address + last.count) <= maxGap &&
      end - last.address <= most;
    if (joins) requests.splice(-1, 1, { ...last, count: end - last.address, registers: [...last.registers, register] });
    else {
      const { table, address, count } = register;
      requests.push({ table, address, count, registers: [register] });
    }
  }
  return requests;
}
