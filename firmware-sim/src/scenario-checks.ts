// What a schema of one value in a scenario cannot see: names that stand elsewhere in the file, and which device can have what.

import type { YamlFile } from '@weir/shared/config/yaml-file.ts';
import type { LineBoard, Measuring, SlaveBoard } from './board-schema.ts';
import type { Fault } from './fault-schema.ts';
import { hasCheck, saysTime, unsayable } from './formats/voice.ts';
import { lengthOf } from './modbus/registers.ts';
import type { Scenario } from './scenario.ts';
import { bandSignals, temperatureKinds } from './signals/kinds.ts';

/** Lines that a device keeps for later. */
const maxHeld = 100_000;

const sensorKinds = ['overheat', 'stuck', 'spike', 'offset', 'drift', 'noise'] as const;
const answerKinds = ['no-answer', 'slow-answer', 'exception'] as const;
const lineKinds = ['garbage', 'bad-crc', 'baud-mismatch', 'reboot', 'unplug'] as const;
const clockKinds = ['clock-ahead', 'time-reset'] as const;

export function checkNames(scenario: Scenario, yaml: YamlFile): void {
  const { boards, slaves, things, wearables } = scenario;
  const bands = wearables?.bands ?? {};
  if (Object.keys({ ...boards, ...slaves, ...things, ...bands }).length === 0)
    yaml.add('there is nothing to simulate: add boards, things or wearables', []);
  const taken = new Map([...Object.keys(boards), ...Object.keys(slaves)].map((board) => [board, 'board']));
  for (const thing of Object.keys(things)) {
    if (taken.has(thing)) yaml.add(`"${thing}" is a board already`, ['things'], { key: thing });
    taken.set(thing, 'thing');
  }
  for (const band of Object.keys(bands))
    if (taken.has(band)) yaml.add(`"${band}" is a ${taken.get(band)} already`, ['wearables', 'bands'], { key: band });
  for (const [board, { format, signals }] of Object.entries(boards)) {
    for (const signal of Object.keys(signals)) {
      const problem = unsayable(format, signal);
      if (problem !== undefined) yaml.add(problem, ['boards', board, 'signals'], { key: signal });
    }
  }
  checkSlaves(slaves, yaml);
  for (const [index, fault] of scenario.faults.entries()) checkFault(fault, index, scenario, yaml);
}

export function checkTimes({ everyMs, forMs }: Fault, at: readonly (string | number)[], yaml: YamlFile): void {
  if (everyMs !== undefined && forMs !== undefined && everyMs <= forMs)
    yaml.add('"every" must be longer than "for", or the fault never ends', [...at, 'every']);
}

function checkSlaves(slaves: Scenario['slaves'], yaml: YamlFile): void {
  const numbers = new Map<string, string>();
  for (const [board, { bus, slave, signals, registers }] of Object.entries(slaves)) {
    const at = ['boards', board];
    const number = `${slave} ${JSON.stringify(bus)}`;
    const other = numbers.get(number);
    if (other !== undefined) yaml.add(`${other} is slave ${slave} on this bus already`, at, { key: 'slave' });
    numbers.set(number, board);
    for (const signal of Object.keys(signals))
      if (registers[signal] === undefined) yaml.add(`"${signal}" has no register`, [...at, 'signals'], { key: signal });
    const places = Object.entries(registers).map(([signal, register]) => ({ signal, ...register }));
    for (const [index, one] of places.entries()) {
      if (signals[one.signal] === undefined)
        yaml.add(`there is no signal "${one.signal}"`, [...at, 'registers'], { key: one.signal });
      const under = places
        .slice(0, index)
        .find(
          ({ table, at: from, type }) =>
            table === one.table && from < one.at + lengthOf(one) && one.at < from + lengthOf({ type }),
        );
      if (under !== undefined)
        yaml.add(`"${one.signal}" lies on "${under.signal}"`, [...at, 'registers'], { key: one.signal });
    }
  }
}

function checkFault(fault: Fault, index: number, scenario: Scenario, yaml: YamlFile): void {
  const at = ['faults', index];
  const { boards, slaves, things, wearables } = scenario;
  const board = boards[fault.device];
  const slave = slaves[fault.device];
  const measuring: Measuring | undefined = board ?? slave ?? things[fault.device];
  const band = wearables?.bands[fault.device];
  if (measuring === undefined && band === undefined) {
    const devices = Object.keys({ ...boards, ...slaves, ...things, ...wearables?.bands });
    yaml.add(`there is no device "${fault.device}"; devices: ${devices.join(', ')}`, [...at, 'device']);
    return;
  }
  const signals = measuring === undefined ? bandSignals : Object.keys(measuring.signals);
  if (fault.signal !== undefined && !signals.some((signal) => signal === fault.signal)) {
    yaml.add(`${fault.device} has no signal "${fault.signal}"; signals: ${signals.join(', ')}`, [...at, 'signal']);
  } else if (fault.kind === 'overheat') {
    const kind = measuring?.signals[fault.signal]?.kind;
    if (kind === undefined || !temperatureKinds.includes(kind))
      yaml.add(`only a temperature (${temperatureKinds.join(', ')}) can overheat`, [...at, 'signal']);
  }
  const everyMs = (measuring ?? band)?.everyMs ?? 0;
  const problem =
    board !== undefined
      ? whyNotOfBoard(fault, board)
      : band !== undefined
        ? whyNotOfBand(fault)
        : whyNotOfAsked(fault, slave);
  if (problem !== undefined) yaml.add(problem, [...at, 'kind']);
  if (fault.kind === 'delay' && (fault.forMs ?? 0) / everyMs > maxHeld)
    yaml.add(`at most ${maxHeld} lines can be held back`, [...at, 'kind']);
  checkTimes(fault, at, yaml);
}

function whyNotOfBoard({ kind, forMs = 0 }: Fault, board: LineBoard): string | undefined {
  if (isOne(answerKinds, kind)) return `"${kind}" is a fault of what is asked; this board prints`;
  if (kind === 'bad-crc' && !hasCheck(board)) return `${board.format} has no check sum here; nmea and cbor have`;
  if (isOne(clockKinds, kind) && !saysTime(board)) return `${board.format} says no time that could be wrong`;
  if (kind === 'reboot' && forMs < board.everyMs) return 'a reboot shorter than the board\'s "every" is seen by nobody';
  return undefined;
}

function whyNotOfBand({ kind }: Fault): string | undefined {
  return isOne(lineKinds, kind) || isOne(answerKinds, kind)
    ? `"${kind}" is a fault of a board; a wearable has no line`
    : undefined;
}

/** Of a slave, or of a thing where that is missing. */
function whyNotOfAsked(fault: Fault, slave: SlaveBoard | undefined): string | undefined {
  const { kind } = fault;
  if (fault.kind === 'exception' && slave !== undefined && fault.code > 255) return 'a Modbus exception is at most 255';
  if (isOne(sensorKinds, kind) || isOne(answerKinds, kind)) return undefined;
  if (kind !== 'bad-crc')
    return `"${kind}" is a fault of what prints; this device is asked: ${answerKinds.join(', ')}, or of its sensors`;
  return slave !== undefined && 'rtu' in slave.bus ? undefined : 'only Modbus RTU has a check sum here';
}

function isOne(kinds: readonly Fault['kind'][], kind: Fault['kind']): boolean {
  return kinds.includes(kind);
}
