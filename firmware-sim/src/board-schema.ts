// Devices of a plant in a scenario, as a person writes them: boards that print, Modbus slaves that are asked, and things on the web.

import { name, positiveDuration } from '@weir/shared/config/schema.ts';
import * as z from 'zod';
import { crcs } from './formats/checksum.ts';
import { framings } from './formats/framing.ts';
import { boardFormats } from './formats/voice.ts';
import { parseHostPort } from './host-port.ts';
import { registerSchema } from './modbus/registers.ts';
import { signalKinds } from './signals/kinds.ts';

const hostPort = z
  .string()
  .refine((text) => parseHostPort(text) !== undefined, { message: 'expected host:port, like 127.0.0.1:7001' });

export const interval = positiveDuration.refine((ms) => ms >= 1, {
  message: 'a device measures at most once a millisecond',
});

const signals = z
  .record(name, z.strictObject({ kind: z.enum(signalKinds) }))
  .refine((all) => Object.keys(all).length > 0, { message: 'a board measures at least one signal' });

export interface Measuring {
  readonly everyMs: number;
  readonly signals: z.output<typeof signals>;
}

/** Prints what it measures. */
export type LineBoard = Extract<z.output<typeof boardSchema>, { format: string }>;

/** Is asked for what it measures. */
export type SlaveBoard = Extract<z.output<typeof boardSchema>, { slave: number }>;

/** A device with this number on a Modbus bus; boards with the same place share the bus. */
const modbusSchema = z
  .strictObject({ tcp: hostPort.optional(), rtu: z.string().min(1).optional(), baud: z.int().positive().optional() })
  .refine(({ tcp, rtu }) => (tcp === undefined) !== (rtu === undefined), {
    message: 'say where the bus is: { tcp: 127.0.0.1:1502 } or { rtu: ./bus.tty }',
  });

export const boardSchema = z
  .strictObject({
    every: interval,
    signals,
    format: z.enum(boardFormats).optional(),
    framing: z.enum(framings).optional(),
    crc: z.enum(crcs).optional(),
    link: z.string().min(1).optional(),
    tcp: hostPort.optional(),
    modbus: modbusSchema.optional(),
    slave: z.int().min(1).max(247).optional(),
    registers: z.record(name, registerSchema).optional(),
  })
  .transform(({ every: everyMs, modbus, slave, registers, format, framing, crc, link, tcp, ...board }, context) => {
    const refuse = (message: string, ...path: string[]): typeof z.NEVER => {
      context.addIssue({ code: 'custom', message, path });
      return z.NEVER;
    };
    if (modbus === undefined) {
      if (slave !== undefined) refuse('only a board with modbus: has a slave number', 'slave');
      if (registers !== undefined) refuse('only a board with modbus: has registers', 'registers');
      if (framing !== undefined && format !== 'cbor') refuse('only cbor has a framing', 'framing');
      if (crc !== undefined && format !== 'cbor') refuse('only cbor has a crc', 'crc');
      if (link !== undefined && tcp !== undefined) refuse('a board has either link or tcp', 'tcp');
      if (format === undefined) return refuse(`"format" is missing: ${boardFormats.join(', ')}; or modbus:`);
      return { ...board, everyMs, format, framing: framing ?? 'cobs', crc: crc ?? 'none', link, tcp };
    }
    for (const [key, value] of Object.entries({ format, framing, crc, link, tcp }))
      if (value !== undefined) refuse(`a Modbus slave has no ${key}`, key);
    const { baud } = modbus;
    if (slave === undefined) return refuse('"slave" is missing: its number on the bus, 1 to 247');
    if (registers === undefined) return refuse('"registers" is missing: { signal: { at: 0, type: float32 } }');
    const bus = modbus.rtu === undefined ? { tcp: modbus.tcp ?? '' } : { rtu: modbus.rtu };
    return { ...board, everyMs, bus, baud, slave, registers };
  });

/** A thing of the Web of Things, served over HTTP. */
export const thingSchema = z
  .strictObject({ http: hostPort, every: interval, signals })
  .transform(({ every, ...thing }) => ({ ...thing, everyMs: every }));

export type Thing = z.output<typeof thingSchema>;

export const boardKeys = [
  'format',
  'framing',
  'crc',
  'every',
  'signals',
  'link',
  'tcp',
  'modbus',
  'slave',
  'registers',
] as const;
