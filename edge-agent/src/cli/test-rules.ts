// `weir-agent test`: what the alerts of a gateway file do with series that somebody has written down.
//
//   - name: an oven that is hot for too long
//     every: 1s                        # between readings; default 1s
//     series:
//       oven/temperature: 30x5 35x12 32..20x13 _x5
//     until: 5m                        # goes on in silence after the last reading
//     expect:
//       - 15s too_hot firing
//       - 17s too_hot cleared
//
// A series is values in a row: `35` once, `35x12` twelve times, `32..20x13` thirteen values from one to the other, `_x5` nothing
// five times. Every transition has to be expected, at its time since the beginning, and nothing else may come. Behind the state
// may stand the device, and why nobody is told: `15s too_hot firing oven late`. Time goes by in ticks of a second.

import { silences } from '@weir/shared/model/alert.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import { compilePlan } from '@weir/shared/config/compile.ts';
import { suggestion, YamlFile, type Path } from '@weir/shared/config/yaml-file.ts';
import { alertStates, type Transition } from '@weir/shared/model/alert.ts';
import { formatDuration, parseDuration } from '@weir/shared/model/duration.ts';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import * as z from 'zod';

export interface CaseResult {
  readonly name: string;
  /** Empty when all went as expected. */
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
}

/** A Monday. */
const start = Date.UTC(2026, 0, 5);
const tickMs = 1000;
const maxReadings = 1_000_000;

const caseSchema = z.strictObject({
  name: z.string().min(1),
  every: z.string().default('1s'),
  series: z.record(z.string(), z.union([z.string(), z.number().transform(String)])),
  until: z.string().optional(),
  expect: z.array(z.string()).default([]),
});

interface Expected {
  readonly text: string;
  readonly ms: number;
  readonly rule: string;
  readonly state: string;
  /** Device and reason, as far as they are said. */
  readonly rest: readonly string[];
}

/** @param text of the cases @returns results, or what is wrong with the text, each problem a line `line:column: …` */
export function testRules(
  file: GatewayFile,
  text: string,
): readonly CaseResult[] | { readonly problems: readonly string[] } {
  const yaml = new YamlFile(text);
  const written = yaml.value();
  const cases: (() => CaseResult)[] = [];
  if (!Array.isArray(written) && yaml.problems().length === 0)
    yaml.add('a list of cases: each begins with "- name: …"', []);
  for (const [index, value] of (Array.isArray(written) ? written : []).entries()) {
    const parsed = caseSchema.safeParse(value);
    if (!parsed.success) yaml.addIssues(parsed.error, [index], () => Object.keys(caseSchema.shape));
    else cases.push(prepare(parsed.data, [index], file, yaml));
  }
  const problems = yaml.problems();
  if (problems.length > 0)
    return { problems: problems.map(({ line, column, message }) => `${line}:${column}: ${message}`) };
  return cases.map((run) => run());
}

function prepare(one: z.output<typeof caseSchema>, at: Path, file: GatewayFile, yaml: YamlFile): () => CaseResult {
  const everyMs = durationAt(one.every, [...at, 'every'], yaml);
  const untilMs = one.until === undefined ? 0 : durationAt(one.until, [...at, 'until'], yaml);
  const series = Object.entries(one.series).map(([key, values]) => {
    const slash = key.indexOf('/');
    const [device, signal] = slash === -1 ? ['device', key] : [key.slice(0, slash), key.slice(slash + 1)];
    const signals = [...file.signals.keys()];
    if (!signals.includes(signal))
      yaml.add(`no signal "${signal}"${suggestion(signal, signals)}`, [...at, 'series'], { key });
    return { device, signal, values: valuesOf(values, [...at, 'series', key], yaml) };
  });
  const expected = one.expect.map((text, index) => expectedOf(text, [...at, 'expect', index], file, yaml));
  return () => compare(one.name, expected, play(file, series, everyMs, untilMs));
}

function durationAt(text: string, at: Path, yaml: YamlFile): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0) yaml.add(`"${text}" is not a duration; write it like 10s`, at);
  return ms ?? tickMs;
}

/** NaN where there is no reading. */
function valuesOf(text: string, at: Path, yaml: YamlFile): number[] {
  const values: number[] = [];
  for (const part of text.trim().split(/\s+/)) {
    const [, value = '', times = '1'] = /^(.*?)(?:x(\d+))?$/.exec(part) ?? [];
    const [from = NaN, to = from] =
      value === '_' ? [] : value.split('..').map((number) => (number === '' ? NaN : Number(number)));
    const isNumber = value === '_' || (Number.isFinite(from) && Number.isFinite(to));
    if (!isNumber || Number(times) === 0 || values.length + Number(times) > maxReadings) {
      yaml.add(`"${part}" is no value; write 35, 35x12, 32..20x13 or _x5`, at);
      break;
    }
    for (let index = 0; index < Number(times); index++)
      values.push(from + (Number(times) > 1 ? ((to - from) * index) / (Number(times) - 1) : 0));
  }
  return values;
}

function expectedOf(text: string, at: Path, file: GatewayFile, yaml: YamlFile): Expected {
  const [time = '', rule = '', state = '', ...rest] = text.trim().split(/\s+/);
  const ms = time === '0s' ? 0 : parseDuration(time);
  const rules = [...file.alerts.keys()];
  if (ms === undefined) yaml.add(`"${time}" is not a time since the beginning; write 15s too_hot firing`, at);
  else if (!rules.includes(rule)) yaml.add(`no alert "${rule}"${suggestion(rule, rules)}`, at);
  else if (!alertStates.some((known) => known === state))
    yaml.add(`"${state}" is none of ${alertStates.join(', ')}`, at);
  return { text, ms: ms ?? NaN, rule, state, rest };
}

function play(
  file: GatewayFile,
  series: readonly { readonly device: string; readonly signal: string; readonly values: readonly number[] }[],
  everyMs: number,
  untilMs: number,
): Transition[] {
  const pipeline = new Pipeline(compilePlan(file));
  pipeline.awake(start);
  const found: Transition[] = [];
  const length = Math.max(0, ...series.map(({ values }) => values.length));
  const end = start + Math.max(untilMs, (length - 1) * everyMs);
  let tick = start;
  const tickTo = (time: number): void => {
    for (; tick <= time; tick += tickMs) pipeline.tick(tick);
    found.push(...pipeline.drain().transitions);
  };
  for (let index = 0; index < length; index++) {
    const time = start + index * everyMs;
    tickTo(time - 1);
    for (const { device, signal, values } of series) {
      const value = values[index] ?? NaN;
      const known = Number.isNaN(value) ? undefined : pipeline.series.intern(device, signal);
      if (known !== undefined) pipeline.ingest({ series: known.id, time, value, quality: 'good' }, time);
    }
  }
  tickTo(end);
  return found;
}

function compare(name: string, expected: readonly Expected[], found: readonly Transition[]): CaseResult {
  const left = [...found];
  const missing = expected.flatMap((wanted) => {
    const place = left.findIndex((transition) => isAsExpected(wanted, transition));
    if (place === -1) return [wanted.text];
    left.splice(place, 1);
    return [];
  });
  return { name, missing, unexpected: left.map(describe) };
}

function isAsExpected({ ms, rule, state, rest }: Expected, t: Transition): boolean {
  const quiet = rest.find((word) => silences.some((known) => known === word)) ?? '';
  const device = rest.find((word) => word !== quiet);
  return (
    t.time - start === ms &&
    t.rule === rule &&
    t.state === state &&
    t.quiet === quiet &&
    (device === undefined || t.series.device === device)
  );
}

function describe({ time, rule, state, series, quiet, reason }: Transition): string {
  const words = [formatDuration(time - start), rule, state, series.device, quiet].filter((word) => word !== '');
  return reason === '' ? words.join(' ') : `${words.join(' ')}   # ${reason}`;
}
