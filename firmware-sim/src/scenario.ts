// The scenario file: boards, things, wearables and faults, as a person writes them. Every mistake is reported with its place.

import { name } from '@weir/shared/config/schema.ts';
import { formatProblem, YamlFile } from '@weir/shared/config/yaml-file.ts';
import * as z from 'zod';
import {
  boardKeys,
  boardSchema,
  interval,
  type LineBoard,
  type SlaveBoard,
  type Thing,
  thingSchema,
} from './board-schema.ts';
import { SimError } from './errors.ts';
import { type Fault, faultKeys, faultSchema } from './fault-schema.ts';
import { registerSchema } from './modbus/registers.ts';
import { checkNames, checkTimes } from './scenario-checks.ts';

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
  things: z.record(name, thingSchema).default({}),
  wearables: wearablesSchema.optional(),
  faults: z.array(faultSchema).default([]),
});

type Written = z.output<typeof scenarioSchema>;

export interface Scenario extends Omit<Written, 'boards'> {
  /** Boards that print. */
  readonly boards: Readonly<Record<string, LineBoard>>;
  /** Boards that are asked over Modbus. */
  readonly slaves: Readonly<Record<string, SlaveBoard>>;
  readonly things: Readonly<Record<string, Thing>>;
}

export type Band = z.output<typeof wearablesSchema>['bands'][string];

/** @returns epoch ms of an ISO time; undefined when it is none */
export function parseStart(text: string): number | undefined {
  const ms = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** @throws SimError with every mistake as `file:line:column: error: what` */
export function parseScenario(text: string, file: string): Scenario {
  const yaml = new YamlFile(text);
  const parsed = scenarioSchema.safeParse(yaml.value() ?? {});
  const scenario = parsed.success ? sorted(parsed.data) : undefined;
  if (scenario !== undefined) checkNames(scenario, yaml);
  if (!parsed.success) yaml.addIssues(parsed.error, [], knownKeys);
  const problems = yaml.problems().filter(({ severity }) => severity === 'error');
  if (scenario !== undefined && problems.length === 0) return scenario;
  throw new SimError('SCENARIO_INVALID', problems.map((problem) => formatProblem(file, problem)).join('\n'));
}

function sorted(written: Written): Scenario {
  const boards: Record<string, LineBoard> = {};
  const slaves: Record<string, SlaveBoard> = {};
  for (const [board, one] of Object.entries(written.boards)) {
    if ('slave' in one) slaves[board] = one;
    else boards[board] = one;
  }
  return { ...written, boards, slaves };
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

function knownKeys(path: readonly (string | number)[]): readonly string[] {
  const [section, , part] = path;
  if (path.length === 0) return Object.keys(scenarioSchema.shape);
  if (section === 'boards' || section === 'things') {
    if (part === 'signals') return ['kind'];
    if (part === 'registers') return Object.keys(registerSchema.shape);
    if (part === 'modbus') return ['tcp', 'rtu', 'baud'];
    return section === 'things' ? ['http', 'every', 'signals'] : boardKeys;
  }
  if (section === 'wearables') return path.length === 1 ? Object.keys(wearablesSchema.shape) : ['every', 'sync'];
  return faultKeys;
}
