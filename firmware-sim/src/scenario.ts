// The scenario file: boards, wearables and faults, as a person writes them. Every mistake is reported with its place.

import { duration, name, positiveDuration } from '@weir/shared/config/schema.ts';
import { formatProblem, YamlFile } from '@weir/shared/config/yaml-file.ts';
import { z } from 'zod';
import { SimError } from './errors.ts';
import { crcs } from './formats/checksum.ts';
import { framings } from './formats/framing.ts';
import { boardFormats, hasCheck, saysTime, unsayable } from './formats/voice.ts';
import { parseHostPort } from './host-port.ts';
import { bandSignals, signalKinds, temperatureKinds } from './signals/kinds.ts';

const hostPort = z
  .string()
  .refine((text) => parseHostPort(text) !== undefined, { message: 'expected host:port, like 127.0.0.1:7001' });

const interval = positiveDuration.refine((ms) => ms >= 1, { message: 'a device measures at most once a millisecond' });

const boardSchema = z
  .strictObject({
    format: z.enum(boardFormats),
    framing: z.enum(framings).optional(),
    crc: z.enum(crcs).optional(),
    every: interval,
    signals: z
      .record(name, z.strictObject({ kind: z.enum(signalKinds) }))
      .refine((signals) => Object.keys(signals).length > 0, { message: 'a board measures at least one signal' }),
    link: z.string().min(1).optional(),
    tcp: hostPort.optional(),
  })
  .superRefine(({ format, framing, crc }, context) => {
    if (format === 'cbor') return;
    if (framing !== undefined)
      context.addIssue({ code: 'custom', message: 'only cbor has a framing', path: ['framing'] });
    if (crc !== undefined) context.addIssue({ code: 'custom', message: 'only cbor has a crc', path: ['crc'] });
  })
  .transform(({ every, framing = 'cobs', crc = 'none', ...board }) => ({ ...board, framing, crc, everyMs: every }));

const wearablesSchema = z.strictObject({
  broker: z.url({ protocol: /^mqtts?$/, error: 'expected a broker address like mqtt://127.0.0.1:1883' }),
  topic: z.string().refine((topic) => topic.includes('{device}') && topic.includes('{signal}'), {
    message: 'the topic must contain {device} and {signal}, like band/{device}/{signal}',
  }),
  bands: z.record(
    name,
    z
      .strictObject({ every: interval, sync: interval.optional() })
      .transform(({ every, sync }) => ({ everyMs: every, syncMs: sync })),
  ),
});

const moment = { device: z.string(), at: duration, every: positiveDuration.optional() };
const span = { ...moment, for: positiveDuration };

function times(fault: { at: number; for?: number | undefined; every?: number | undefined }) {
  return { atMs: fault.at, forMs: fault.for, everyMs: fault.every };
}

const faultKinds = [
  'overheat',
  'stuck',
  'spike',
  'offset',
  'drift',
  'noise',
  'dropout',
  'clock-ahead',
  'time-reset',
  'delay',
  'duplicate',
  'garble',
  'garbage',
  'bad-crc',
  'baud-mismatch',
  'reboot',
  'unplug',
] as const;

const faultSchema = z.discriminatedUnion(
  'kind',
  [
    z
      .strictObject({ ...span, kind: z.literal('overheat'), signal: z.string(), by: z.number().positive().default(6) })
      .transform(({ kind, device, signal, by, ...rest }) => ({ kind, device, signal, byDegrees: by, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.literal('stuck'), signal: z.string() })
      .transform(({ kind, device, signal, ...rest }) => ({ kind, device, signal, ...times(rest) })),
    z
      .strictObject({
        ...moment,
        for: positiveDuration.optional(),
        kind: z.literal('spike'),
        signal: z.string(),
        value: z.number(),
      })
      .transform(({ kind, device, signal, value, ...rest }) => ({ kind, device, signal, value, ...times(rest) })),
    // Off by so much from its beginning to its end, or ever further, up to so much at its end.
    z
      .strictObject({ ...span, kind: z.enum(['offset', 'drift']), signal: z.string(), by: z.number() })
      .transform(({ kind, device, signal, by, ...rest }) => ({ kind, device, signal, by, ...times(rest) })),
    // Trembles with this standard deviation.
    z
      .strictObject({ ...span, kind: z.literal('noise'), signal: z.string(), by: z.number().positive() })
      .transform(({ kind, device, signal, by, ...rest }) => ({ kind, device, signal, by, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.literal('dropout') })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.literal('clock-ahead'), by: positiveDuration })
      .transform(({ kind, device, by, ...rest }) => ({ kind, device, signal: undefined, byMs: by, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.enum(['time-reset', 'delay', 'baud-mismatch', 'unplug']) })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
    z
      .strictObject({
        ...moment,
        for: positiveDuration.optional(),
        kind: z.enum(['duplicate', 'garbage', 'bad-crc']),
      })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
    // Silent for so long; then the clock begins at 1970, until somebody sets it, or has kept the time.
    z
      .strictObject({
        ...span,
        kind: z.literal('reboot'),
        clock: z.enum(['reset', 'keep']).default('reset'),
        resync: positiveDuration.optional(),
      })
      .transform(({ kind, device, clock, resync, ...rest }) => ({
        kind,
        device,
        signal: undefined,
        clock,
        resyncMs: resync,
        ...times(rest),
      })),
    z
      .strictObject({ ...moment, kind: z.literal('garble') })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
  ],
  { error: `a fault needs a kind: ${faultKinds.join(', ')}` },
);

const startTime = z.string().transform((text, context): number | 'now' => {
  const ms = text === 'now' ? text : parseStart(text);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: `"${text}" is neither "now" nor an ISO time like 2026-03-01T08:00:00Z` });
  return z.NEVER;
});

const scenarioSchema = z.strictObject({
  start: startTime.default('now'),
  speed: z.number().positive().default(1),
  seed: z.int().default(1),
  boards: z.record(name, boardSchema).default({}),
  wearables: wearablesSchema.optional(),
  faults: z.array(faultSchema).default([]),
});

export type Scenario = z.output<typeof scenarioSchema>;
export type Board = Scenario['boards'][string];
export type Band = z.output<typeof wearablesSchema>['bands'][string];
export type Fault = z.output<typeof faultSchema>;

/** @returns epoch ms of an ISO time; undefined when it is none */
export function parseStart(text: string): number | undefined {
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** @throws SimError with every mistake as `file:line:column: error: what` */
export function parseScenario(text: string, file: string): Scenario {
  const yaml = new YamlFile(text);
  const parsed = scenarioSchema.safeParse(yaml.value() ?? {});
  if (parsed.success) checkNames(parsed.data, yaml);
  else yaml.addIssues(parsed.error, [], knownKeys);
  const problems = yaml.problems().filter(({ severity }) => severity === 'error');
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new SimError('SCENARIO_INVALID', problems.map((problem) => formatProblem(file, problem)).join('\n'));
}

/** A list of faults without a scenario, for what stands in `device`. @throws SimError like `parseScenario` */
export function parseFaults(text: string, file: string, device: string): Fault[] {
  const yaml = new YamlFile(text);
  const named = (fault: unknown): unknown =>
    typeof fault === 'object' && fault !== null ? { device, ...fault } : fault;
  const parsed = z.array(z.preprocess(named, faultSchema)).safeParse(yaml.value() ?? []);
  if (!parsed.success) yaml.addIssues(parsed.error, [], () => faultKeys);
  else for (const [index, fault] of parsed.data.entries()) checkTimes(fault, [index], yaml);
  const problems = yaml.problems().filter(({ severity }) => severity === 'error');
  if (parsed.success && problems.length === 0) return parsed.data;
  throw new SimError('SCENARIO_INVALID', problems.map((problem) => formatProblem(file, problem)).join('\n'));
}

/** What a schema of one value cannot see: names that stand elsewhere in the file. */
function checkNames(scenario: Scenario, yaml: YamlFile): void {
  const bands = scenario.wearables?.bands ?? {};
  if (Object.keys({ ...scenario.boards, ...bands }).length === 0) {
    yaml.add('there is nothing to simulate: add boards or wearables', []);
  }
  for (const band of Object.keys(bands)) {
    if (band in scenario.boards) yaml.add(`"${band}" is a board already`, ['wearables', 'bands'], { key: band });
  }
  for (const [board, { link, tcp, format, signals }] of Object.entries(scenario.boards)) {
    for (const signal of Object.keys(signals)) {
      const problem = unsayable(format, signal);
      if (problem !== undefined) yaml.add(problem, ['boards', board, 'signals'], { key: signal });
    }
    if (link !== undefined && tcp !== undefined)
      yaml.add('a board has either link or tcp', ['boards', board], { key: 'tcp' });
  }
  for (const [index, fault] of scenario.faults.entries()) checkFault(fault, index, scenario, yaml);
}

function checkFault(fault: Fault, index: number, scenario: Scenario, yaml: YamlFile): void {
  const at = ['faults', index];
  const board = scenario.boards[fault.device];
  const bands = scenario.wearables?.bands ?? {};
  if (board === undefined && bands[fault.device] === undefined) {
    const devices = Object.keys({ ...scenario.boards, ...bands });
    yaml.add(`there is no device "${fault.device}"; devices: ${devices.join(', ')}`, [...at, 'device']);
    return;
  }
  const signals = board === undefined ? bandSignals : Object.keys(board.signals);
  if (fault.signal !== undefined && !signals.some((signal) => signal === fault.signal)) {
    yaml.add(`${fault.device} has no signal "${fault.signal}"; signals: ${signals.join(', ')}`, [...at, 'signal']);
  } else if (fault.kind === 'overheat') {
    const kind = board?.signals[fault.signal]?.kind;
    if (kind === undefined || !temperatureKinds.includes(kind)) {
      yaml.add(`only a temperature (${temperatureKinds.join(', ')}) can overheat`, [...at, 'signal']);
    }
  }
  const everyMs = (board ?? bands[fault.device])?.everyMs ?? 0;
  for (const problem of problemsOf(fault, board, everyMs)) yaml.add(problem, [...at, 'kind']);
  checkTimes(fault, at, yaml);
}

/** Faults that strike the line of a board. */
const lineFaults: ReadonlySet<Fault['kind']> = new Set(['garbage', 'bad-crc', 'baud-mismatch', 'reboot', 'unplug']);

/** Lines that a device keeps for later. */
const maxHeld = 100_000;

function problemsOf({ kind, forMs = 0 }: Fault, board: Board | undefined, everyMs: number): string[] {
  if (board === undefined)
    return lineFaults.has(kind) ? [`"${kind}" is a fault of a board; a wearable has no line`] : [];
  const problems: string[] = [];
  if (kind === 'bad-crc' && !hasCheck(board))
    problems.push(`${board.format} has no check sum here; nmea and cbor have`);
  if ((kind === 'clock-ahead' || kind === 'time-reset') && !saysTime(board))
    problems.push(`${board.format} says no time that could be wrong`);
  if (kind === 'delay' && forMs / everyMs > maxHeld) problems.push(`at most ${maxHeld} lines can be held back`);
  if (kind === 'reboot' && forMs < everyMs)
    problems.push('a reboot shorter than the board\'s "every" is seen by nobody');
  return problems;
}

function checkTimes({ everyMs, forMs }: Fault, at: readonly (string | number)[], yaml: YamlFile): void {
  if (everyMs !== undefined && forMs !== undefined && everyMs <= forMs)
    yaml.add('"every" must be longer than "for", or the fault never ends', [...at, 'every']);
}

const faultKeys = ['at', 'for', 'every', 'device', 'signal', 'kind', 'value', 'by', 'clock', 'resync'] as const;

function knownKeys(path: readonly (string | number)[]): readonly string[] {
  const [section, , part] = path;
  if (path.length === 0) return Object.keys(scenarioSchema.shape);
  if (section === 'boards')
    return part === 'signals' ? ['kind'] : ['format', 'framing', 'crc', 'every', 'signals', 'link', 'tcp'];
  if (section === 'wearables') return path.length === 1 ? Object.keys(wearablesSchema.shape) : ['every', 'sync'];
  return faultKeys;
}
