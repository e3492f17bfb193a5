// A golden case is a folder: a gateway file, what comes in, and what must come out. A person can check it by reading.
//
//   gateway.yaml    a whole gateway file. Its first line, a comment, says in a sentence what the case shows. A comment
//                   `# order matters: <why>` where the outcome depends on the order in which the readings come.
//   readings.csv    what the gateway is told, one thing a row, in the order of arrival:
//                     arrival,device,signal,time,value[,quality]    a reading
//                     arrival,commit                                a commit, as the agent makes them: a tick and a drain
//                   Times are ISO 8601 or epoch milliseconds; lines that begin with # are comments. The last row is a commit.
//   expected.jsonl  what comes out; lines.ts says how it is written.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadGatewayFile } from '@weir/edge-agent/cli/gateway-file.ts';
import { parseTime } from '@weir/edge-agent/formats/time-field.ts';
import { compilePlan } from '@weir/shared/config/compile.ts';
import { qualities, type Quality } from '@weir/shared/model/quality.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';

export interface ReadingStep {
  readonly kind: 'reading';
  readonly arrival: number;
  readonly device: string;
  readonly signal: string;
  readonly time: number;
  /** NaN where the row has something else than a number. */
  readonly value: number;
  readonly quality: Quality;
}

export interface CommitStep {
  readonly kind: 'commit';
  readonly arrival: number;
}

export type Step = ReadingStep | CommitStep;

export interface GoldenCase {
  readonly name: string;
  /** What it shows, in a sentence. */
  readonly title: string;
  /** Why the outcome depends on the order of the readings; undefined where it must not. */
  readonly orderMatters: string | undefined;
  readonly plan: Plan;
  readonly steps: readonly Step[];
}

const folder = join(import.meta.dirname, 'cases');

export function caseNames(): string[] {
  return readdirSync(folder).toSorted();
}

export function expectedPath(name: string): string {
  return join(folder, name, 'expected.jsonl');
}

/** @throws Error when the folder is no golden case; the message says where and why */
export function readCase(name: string): GoldenCase {
  const path = join(folder, name, 'gateway.yaml');
  const yaml = readFileSync(path, 'utf8');
  const title = /^# (.+)/.exec(yaml)?.[1];
  if (title === undefined) throw new Error(`${path}:1: begin with "# " and a sentence that says what the case shows`);
  const file = loadGatewayFile(path, (warning) => {
    throw new Error(warning);
  });
  return {
    name,
    title,
    orderMatters: /^# order matters: (.+)/m.exec(yaml)?.[1],
    plan: compilePlan(file),
    steps: readSteps(join(folder, name, 'readings.csv')),
  };
}

function readSteps(path: string): Step[] {
  const steps: Step[] = [];
  let latest = -Infinity;
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (index === 0 || line.trim() === '' || line.startsWith('#')) continue;
    const step = parseStep(line);
    if (typeof step === 'string') throw new Error(`${path}:${index + 1}: ${step}`);
    if (step.arrival < latest) throw new Error(`${path}:${index + 1}: arrives before the row above`);
    latest = step.arrival;
    steps.push(step);
  }
  if (steps.at(-1)?.kind !== 'commit') throw new Error(`${path}: the last row is no commit`);
  return steps;
}

/** @returns the step, or what is wrong with the line */
function parseStep(line: string): Step | string {
  const [arrivalText = '', device = '', signal, timeText, valueText = '', quality = 'good', ...rest] = line
    .split(',')
    .map((field) => field.trim());
  const arrival = parseTime(arrivalText, 'ms');
  if (Number.isNaN(arrival)) return `"${arrivalText}" is no time`;
  if (device === 'commit' && signal === undefined) return { kind: 'commit', arrival };
  const time = parseTime(timeText, 'ms');
  if (Number.isNaN(time)) return `"${timeText ?? ''}" is no time`;
  if (signal === undefined || rest.length > 0) return 'neither a reading nor a commit';
  if (!isQuality(quality)) return `"${quality}" is no quality`;
  const value = valueText === '' ? NaN : Number(valueText);
  return { kind: 'reading', arrival, device, signal, time, value, quality };
}

function isQuality(text: string): text is Quality {
  return (qualities as readonly string[]).includes(text);
}
