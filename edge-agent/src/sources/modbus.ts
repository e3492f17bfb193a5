// Modbus slaves on one bus, polled: RTU on a serial line, or TCP.
//
// Each slave is polled by itself (modbus/slave.ts), so that one that is dead or slow holds up no other; what it answers becomes
// readings with the time of the answer. The bus is open as long as it is there, whoever answers on it: which slaves do is
// shown of each.

import * as z from 'zod';
import { ReadingBatch } from '../formats/batch.ts';
import { Bus, isBusAddress } from '../modbus/bus.ts';
import type { ReadRequest } from '../modbus/plan.ts';
import { isBits, registerOf, registerSchema, type Register, type RegisterConfig } from '../modbus/registers.ts';
import { SlavePoller } from '../modbus/slave.ts';
import { portSettings } from '../serial/settings.ts';
import { name, positiveDuration } from '@weir/shared/config/schema.ts';
import { Handoff } from './handoff.ts';
import { sourceKind, type Delivery, type Source, type SourceContext } from './source.ts';

const registers = z
  .record(z.string().regex(/^[^\s.]\S*$/, 'a register is named like a channel, without white space'), registerSchema)
  .refine((all) => Object.keys(all).length > 0, { message: 'name at least one register' });
const slaveId = z.int().min(1).max(247);

const slaveSchema = z.strictObject({
  slave: slaveId,
  registers: registers.optional(),
  every: positiveDuration.optional(),
  timeout: positiveDuration.optional(),
});

const schema = z
  .strictObject({
    modbus: z
      .string()
      .refine(isBusAddress, {
        message:
          'write tcp://host:502 for Modbus TCP, a device path or usb:0403:6001 for RTU, or rtu+tcp://host:port for RTU through a device server',
      })
      .describe(
        '`tcp://host:502` for Modbus TCP; for RTU a device path, `usb:vendor:product` or `rtu+tcp://host:port` of a device server.',
      ),
    ...portSettings,
    slave: slaveId.optional().describe('Number of the one slave (unit).'),
    slaves: z
      .record(name, z.union([slaveId, slaveSchema]))
      .optional()
      .describe(
        'Several slaves: device name and number, or `{ slave, registers, every, timeout }` where these differ.',
      ),
    registers: registers
      .optional()
      .describe('Name and place of each register: `{ at, type, order, bit, scale, offset, none, table }`.'),
    every: positiveDuration.default(1000).describe('How often each slave is asked. Default 1s.'),
    timeout: positiveDuration.default(1000).describe('How long an answer is waited for. Default 1s.'),
    gap: z
      .int()
      .min(0)
      .max(124)
      .default(8)
      .describe('Registers between two that are wanted, up to which both are asked for together. Default 8.'),
    device: z.string().optional().describe('Device of the one slave. Default: the name of the source.'),
  })
  .superRefine((config, context) => {
    const refuse = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if ((config.slave === undefined) === (config.slaves === undefined))
      refuse('modbus', 'say slave: with its number, or slaves: with several');
    if (config.slaves !== undefined && config.device !== undefined)
      refuse('device', 'slaves have their own names; leave it out');
    if (config.registers === undefined && Object.values(config.slaves ?? { '': 1 }).some((one) => bringsNone(one)))
      refuse('modbus', 'registers: is missing: what is there to read?');
    const numbers = slavesOf(config, '').map(({ slave }) => slave);
    const twice = numbers.find((slave, index) => numbers.indexOf(slave) < index);
    if (twice !== undefined) refuse('slaves', `slave ${twice} stands here twice`);
  });

type Config = z.output<typeof schema>;

export const modbus = sourceKind({
  key: 'modbus',
  schema,
  channels: (config) => [...new Set(slavesOf(config, '').flatMap((one) => Object.keys(one.registers)))],
  device: (config, id) => (config.slaves === undefined ? (config.device ?? id) : undefined),
  holds: (config) => config.modbus,
  make: (config, context) => new ModbusSource(config, context),
});

function bringsNone(one: number | { registers?: unknown }): boolean {
  return typeof one === 'number' || one.registers === undefined;
}

interface Slave {
  readonly device: string;
  readonly slave: number;
  readonly registers: Readonly<Record<string, RegisterConfig>>;
  readonly everyMs: number | undefined;
  readonly timeoutMs: number | undefined;
}

function slavesOf(config: Pick<Config, 'slave' | 'slaves' | 'registers' | 'device'>, id: string): Slave[] {
  const shared = config.registers ?? {};
  const one = (device: string, entry: z.output<typeof slaveSchema>): Slave => ({
    device,
    slave: entry.slave,
    registers: entry.registers ?? shared,
    everyMs: entry.every,
    timeoutMs: entry.timeout,
  });
  if (config.slave !== undefined) return [one(config.device ?? id, { slave: config.slave })];
  return Object.entries(config.slaves ?? {}).map(([device, entry]) =>
    one(device, typeof entry === 'number' ? { slave: entry } : entry),
  );
}

class ModbusSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;

  constructor(config: Config, context: SourceContext) {
    this.#config = config;
    this.#context = context;
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    const { modbus: address } = this.#config;
    const { base, clock } = this.#context;
    const bus = await Bus.open({ address, settings: this.#config, base, clock }, signal);
    this.#context.opened();
    const handoff = new Handoff<Delivery>();
    const end = new AbortController();
    const either = AbortSignal.any([signal, end.signal]);
    void bus.closed.then(() => handoff.fail(new Error(`${address} closed: unplugged, or the far end hung up`)));
    const polling = slavesOf(this.#config, this.#context.id).map((slave) =>
      this.#poller(slave, bus, handoff, either)
        .run(either)
        .catch((error: unknown) => handoff.fail(error instanceof Error ? error : new Error(String(error)))),
    );
    try {
      yield* handoff.take(signal);
    } finally {
      end.abort();
      await bus.close();
      await Promise.all(polling);
    }
  }

  #poller(
    { device, slave, registers, everyMs = this.#config.every, timeoutMs = this.#config.timeout }: Slave,
    bus: Bus,
    handoff: Handoff<Delivery>,
    signal: AbortSignal,
  ): SlavePoller {
    const { clock, router, random } = this.#context;
    const wanted = Object.entries(registers).filter(([channel]) => router.takes(channel));
    return new SlavePoller({
      slave,
      registers: wanted.map(([channel, config]) => registerOf(channel, config)),
      everyMs,
      maxGap: this.#config.gap,
      clock,
      random,
      read: (slave, request) => bus.read(slave, request, timeoutMs, signal),
      answered: (request, bytes) => handoff.give(this.#deliver((batch) => takeValues(batch, device, request, bytes))),
      garbled: (detail) => handoff.give(this.#deliver((batch) => batch.dead('malformed', device, detail, ''))),
      health: (problem) => this.#context.device(device, problem),
    });
  }

  #deliver(fill: (batch: ReadingBatch) => void): Delivery {
    const { id, router, clock } = this.#context;
    const received = clock.monotonicMs();
    const batch = new ReadingBatch(id, router, clock.now());
    fill(batch);
    const { readings, deadLetters, arrival } = batch;
    // A register holds what it holds now: there is nobody to acknowledge to.
    return { readings, deadLetters, arrival, received, attempt: 'only', ack: () => undefined };
  }
}

function takeValues(batch: ReadingBatch, device: string, request: ReadRequest, bytes: Buffer): void {
  for (const register of request.registers) {
    const place = register.address - request.address;
    const value = isBits(request.table) ? bytes[place] : valueIn(register, bytes, place * 2);
    if (value !== undefined)
      batch.value(device, register.channel, batch.arrival, value, sampleOf(register, bytes, place));
  }
}

function valueIn(register: Register, bytes: Buffer, offset: number): number | undefined {
  return offset + 2 * register.count <= bytes.length ? register.decode(bytes, offset) : NaN;
}

function sampleOf({ count }: Register, bytes: Buffer, place: number): string {
  return bytes.toString('hex', place * 2, (place + count) * 2);
}
