// A Modbus slave: answers requests for its registers (Modbus Application Protocol 1.1b3), function codes 3 and 4.
//
// Registers between two of its own that nobody has named hold 0; beyond the first and the last there is none (exception 2).

import { type AskedDevice, answered, type Fate } from '../asked-device.ts';
import type { SampledValue } from '../device.ts';
import { malformed, type Said } from '../frames.ts';
import { encodeRegister, lengthOf, type Register } from './registers.ts';

export const exceptions = { illegalFunction: 1, illegalAddress: 2, illegalValue: 3, busy: 6 } as const;

/** Registers in one answer. */
const maxCount = 125;

export interface Answer {
  /** Function code and what follows, without address and check. */
  readonly pdu: Buffer;
  readonly delayMs: number;
  readonly isCheckWrong: boolean;
  readonly said: Said;
}

export class Slave {
  readonly #device: AskedDevice;
  readonly #registers: ReadonlyMap<string, Register>;

  constructor(device: AskedDevice, registers: Readonly<Record<string, Register>>) {
    this.#device = device;
    this.#registers = new Map(Object.entries(registers));
  }

  /** @param pdu function code and what follows @param atMs event time @returns undefined when it does not answer */
  answer(pdu: Buffer, atMs: number): Answer | undefined {
    const request = requestOf(pdu);
    const asked = 'exception' in request ? [] : this.#within(request);
    const fate = this.#device.fate(atMs, asked.length);
    if (fate.isSilent) return undefined;
    if (fate.exception !== undefined) return refusal(pdu, fate.exception, fate);
    if ('exception' in request) return refusal(pdu, request.exception, fate);
    const bounds = this.#bounds(request.table);
    if (bounds === undefined || request.from < bounds.from || request.to > bounds.to)
      return refusal(pdu, exceptions.illegalAddress, fate);
    const image = Buffer.alloc(2 * (bounds.to - bounds.from));
    const values: SampledValue[] = [];
    for (const [signal, register] of this.#registers) {
      if (register.table !== request.table) continue;
      const value = this.#device.value(signal);
      if (value === undefined) return refusal(pdu, exceptions.busy, fate);
      encodeRegister(register, value.value).copy(image, 2 * (register.at - bounds.from));
      if (asked.includes(signal)) values.push(value);
    }
    const data = image.subarray(2 * (request.from - bounds.from), 2 * (request.to - bounds.from));
    return {
      pdu: Buffer.concat([Buffer.from([request.code, data.length]), data]),
      delayMs: fate.delayMs,
      isCheckWrong: fate.isCheckWrong,
      said: fate.isCheckWrong ? malformed : answered(values),
    };
  }

  /** Signals whose registers are asked for, whole. */
  #within({ table, from, to }: ReadRequest): string[] {
    return [...this.#registers]
      .filter(([, one]) => one.table === table && one.at >= from && one.at + lengthOf(one) <= to)
      .map(([signal]) => signal);
  }

  #bounds(table: Register['table']): { from: number; to: number } | undefined {
    const ofTable = [...this.#registers.values()].filter((register) => register.table === table);
    if (ofTable.length === 0) return undefined;
    return {
      from: Math.min(...ofTable.map(({ at }) => at)),
      to: Math.max(...ofTable.map((register) => register.at + lengthOf(register))),
    };
  }
}

interface ReadRequest {
  readonly code: number;
  readonly table: Register['table'];
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

function requestOf(pdu: Buffer): ReadRequest | { exception: number } {
  const code = pdu[0] ?? 0;
  if (code !== 3 && code !== 4) return { exception: exceptions.illegalFunction };
  if (pdu.length !== 5) return { exception: exceptions.illegalValue };
  const from = pdu.readUInt16BE(1);
  const count = pdu.readUInt16BE(3);
  if (count < 1 || count > maxCount) return { exception: exceptions.illegalValue };
  return { code, table: code === 3 ? 'holding' : 'input', from, to: from + count };
}

function refusal(pdu: Buffer, code: number, { delayMs, isCheckWrong }: Fate): Answer {
  const said = isCheckWrong ? malformed : { readings: 0, bad: [] };
  return { pdu: Buffer.from([(pdu[0] ?? 0) | 0x80, code]), delayMs, isCheckWrong, said };
}
