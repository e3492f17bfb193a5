// Which slaves answer on a Modbus bus: each number is asked for one register. An exception is an answer, too.

import { Bus, SlaveError } from '../modbus/bus.ts';
import { messageOf } from '../logger.ts';
import type { PortSettings } from '../serial/settings.ts';
import type { Clock } from '../time/clock.ts';
import { nameOf, quoted, type Finding } from './finding.ts';

export interface ModbusScan {
  readonly address: string;
  readonly settings: PortSettings;
  /** Numbers to ask, the first and the last. */
  readonly slaves: readonly [number, number];
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export async function findSlaves({
  address,
  settings,
  slaves: [first, last],
  timeoutMs,
  clock,
}: ModbusScan): Promise<Finding> {
  const what = `Modbus slaves on ${address}`;
  const never = new AbortController().signal;
  let bus: Bus;
  try {
    bus = await Bus.open({ address, settings, base: '/', clock }, never);
  } catch (error) {
    return { what, lines: [messageOf(error)], sources: [] };
  }
  const found: { slave: number; told: string }[] = [];
  try {
    for (let slave = first; slave <= last; slave++) {
      const told = await ask(bus, slave, timeoutMs, never);
      if (told !== undefined) found.push({ slave, told });
    }
  } finally {
    await bus.close();
  }
  const list = found.map(({ slave }) => `slave_${slave}: ${slave}`).join(', ');
  const registers = 'registers: { value: { at: 40001, type: uint16 } }';
  return {
    what,
    lines:
      found.length === 0
        ? [`none of ${first} to ${last} answers within ${timeoutMs} ms; are baud rate and parity those of the slaves?`]
        : found.map(({ slave, told }) => `slave ${slave}  ${told}`),
    sources:
      found.length === 0
        ? []
        : [
            {
              name: nameOf('modbus'),
              entry: `{ modbus: ${quoted(address)}, baud: ${settings.baud}, parity: ${settings.parity}, slaves: { ${list} }, ${registers} }`,
              note: 'say its registers: see the manuals of the slaves',
              isGuess: true,
              channels: [],
            },
          ],
  };
}

async function ask(bus: Bus, slave: number, timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
  try {
    const bytes = await bus.read(slave, { table: 'holding', address: 0, count: 1, registers: [] }, timeoutMs, signal);
    return `answers; holding register 0 is ${bytes.readUInt16BE()}`;
  } catch (error) {
    if (!(error instanceof SlaveError) || error.kind === 'silent') return undefined;
    // A gateway whose slave is dead says so with exceptions 10 and 11.
    if (error.code === 10 || error.code === 11) return undefined;
    return error.kind === 'refused'
      ? `answers: ${error.message}`
      : `something answers that cannot be read: ${error.message}`;
  }
}
