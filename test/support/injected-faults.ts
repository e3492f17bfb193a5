// Faults on top of what sensors usually say, to see which alarms come of it and which come of nothing: the recorded heart rate of one
// person, and weeks of the simulated chocolate line.
//
// The clean series runs through the pipeline; what an alarm is there, nobody wants. At some moments the pipeline's state is
// copied, and the copies go on with a fault each: whatever they have learnt is the same, and no fault spends another's alarms.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compilePlan } from '@weir/shared/config/compile.ts';
import { readGatewayFile } from '@weir/shared/config/gateway.ts';
import type { Transition } from '@weir/shared/model/alert.ts';
import { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import { restore, snapshot } from '@weir/shared/pipeline/snapshot.ts';
import { kinds } from '@weir/edge-agent/cli/gateway-file.ts';
import type { Row } from '@weir/firmware-sim/csv-rows.ts';
import { Injector, type InjectedFault } from '@weir/firmware-sim/inject.ts';
import { createRandom } from '@weir/firmware-sim/random.ts';
import { createBandSignals, createSignal, type SignalKind } from '@weir/firmware-sim/signals/kinds.ts';

const heartRateFile = join(import.meta.dirname, '../../../shared/data/wearable/heart-rate.csv');
export const haveHeartRate = existsSync(heartRateFile);

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** What is done to the sensors of one set of series. */
export interface FaultSet {
  readonly name: string;
  /** In order of time; the same every time it is asked for. */
  readonly rows: () => Iterable<Row>;
  readonly signals: readonly string[];
  /** Sizes a person at the machine would call a fault, by signal: what each class adds, and the impossible value of a spike. */
  readonly sizes: Readonly<Record<string, FaultSize>>;
  /** Event times at which the copies are made, counted from the first row. */
  readonly forks: readonly number[];
}

interface FaultSize {
  readonly offset: number;
  readonly drift: number;
  readonly noise: number;
  readonly spike: number;
}

export const faultClasses = ['spike', 'stuck', 'offset', 'drift', 'noise', 'dropout'] as const;
export type FaultClass = (typeof faultClasses)[number];

/** How long each lasts. */
const lasts: Readonly<Record<FaultClass, number>> = {
  spike: 0,
  stuck: 2 * hourMs,
  offset: hourMs,
  drift: 6 * hourMs,
  noise: hourMs,
  dropout: hourMs,
};
/** An alarm counts for the fault until so long after it. */
const graceMs = 15 * minuteMs;

const heartRateSize: FaultSize = { offset: 70, drift: 80, noise: 25, spike: 250 };

/** After each week but the last, at another time of the day. */
function forksOf(weeks: number): number[] {
  return Array.from({ length: weeks - 1 }, (_, week) => (week + 1) * 7 * dayMs + (5 + 6 * week) * hourMs);
}

export function heartRate(): FaultSet {
  const [, ...lines] = readFileSync(heartRateFile, 'utf8').trim().split('\n');
  const rows = lines.map((line): Row => {
    const [, time, value] = line.split(',');
    return { timeMs: Number(time) * 1000, values: { heart_rate: Number(value) } };
  });
  return {
    name: 'heart rate',
    rows: () => rows,
    signals: ['heart_rate'],
    sizes: { heart_rate: heartRateSize },
    forks: [8, 12, 16, 20, 24].map((day) => day * dayMs + 5 * hourMs),
  };
}

const factoryKinds = {
  tempering: { offset: 1, drift: 2, noise: 0.3, spike: 60 },
  coldroom: { offset: 4, drift: 5, noise: 1, spike: 85 },
  humidity: { offset: 20, drift: 20, noise: 5, spike: 100 },
  pressure: { offset: -1, drift: -1.5, noise: 0.3, spike: 0 },
  vibration: { offset: 3, drift: 3, noise: 1, spike: 40 },
} as const satisfies Partial<Record<SignalKind, FaultSize>>;

/** A reading a second of each signal. */
export function factoryLine(seed: number, weeks: number): FaultSet {
  const start = Date.UTC(2026, 0, 5);
  const names = Object.keys(factoryKinds) as (keyof typeof factoryKinds)[];
  return {
    name: `factory line, seed ${seed}`,
    *rows() {
      const signals = names.map((kind) => [kind, createSignal(kind, seed, `line/${kind}`, start)] as const);
      for (let timeMs = start; timeMs < start + weeks * 7 * dayMs; timeMs += 1000)
        yield { timeMs, values: Object.fromEntries(signals.map(([kind, signal]) => [kind, signal(timeMs, 0)])) };
    },
    signals: names,
    sizes: factoryKinds,
    forks: forksOf(weeks),
  };
}

/** A reading every five seconds of each wristband, by the simulator. */
export function wristbands(seed: number, weeks: number): FaultSet {
  const start = Date.UTC(2026, 0, 5);
  const names = ['anna', 'ben', 'clara'];
  return {
    name: `simulated wristbands, seed ${seed}`,
    *rows() {
      const bands = names.map((name) => [name, createBandSignals(seed, name, start).get('hr')] as const);
      for (let timeMs = start; timeMs < start + weeks * 7 * dayMs; timeMs += 5000)
        yield { timeMs, values: Object.fromEntries(bands.map(([name, hr]) => [name, hr?.(timeMs, 0) ?? NaN])) };
    },
    signals: names,
    sizes: Object.fromEntries(names.map((name) => [name, heartRateSize])),
    forks: forksOf(weeks),
  };
}

export interface Watched {
  /** Alarms somebody was told of in the clean series, by rule. */
  readonly falseAlarms: ReadonlyMap<string, number>;
  readonly sensorWeeks: number;
  /** Of each class: the rules that found it, one entry for each signal and fork. */
  readonly found: ReadonlyMap<FaultClass, readonly (readonly string[])[]>;
}

/** A moment at which the pipeline was copied, and what came in since. */
interface Fork {
  readonly copy: Uint8Array;
  readonly rows: Row[];
  readonly at: number;
}

/** @param rules of the gateway file, by the signal they are for: the indented lines of `alerts:` */
export function watch(set: FaultSet, rules: (signal: string) => string): Watched {
  const plan = planOf(set.signals, rules);
  const pipeline = new Pipeline(plan);
  const falseAlarms = new Map<string, number>();
  const found = new Map<FaultClass, string[][]>(faultClasses.map((fault) => [fault, []]));
  const forks = [...set.forks];
  let begin = NaN;
  let end = NaN;
  let fork: Fork | undefined;
  const branch = (): void => {
    if (fork === undefined) return;
    for (const fault of faultClasses) {
      for (const signal of set.signals) {
        const size = set.sizes[signal];
        if (size !== undefined) found.get(fault)?.push(rulesThatFind(plan, fork, { fault, signal, size }));
      }
    }
    fork = undefined;
  };
  for (const row of set.rows()) {
    if (Number.isNaN(begin)) begin = row.timeMs;
    end = row.timeMs;
    const next = forks[0];
    if (next !== undefined && row.timeMs - begin >= next) {
      branch();
      forks.shift();
      fork = { copy: snapshot(pipeline), rows: [], at: row.timeMs };
    }
    if (fork !== undefined && row.timeMs - fork.at > longestMs) branch();
    fork?.rows.push(row);
    for (const { rule, state, quiet } of feed(pipeline, row))
      if (state === 'firing' && quiet === '') falseAlarms.set(rule, (falseAlarms.get(rule) ?? 0) + 1);
  }
  branch();
  return { falseAlarms, sensorWeeks: ((end - begin) / (7 * dayMs)) * set.signals.length, found };
}

const startsMs = 10 * minuteMs;
const longestMs = startsMs + 6 * hourMs + graceMs;

/** Rules that speak because of the fault: those that say something which they do not say without it. */
function rulesThatFind(
  plan: Plan,
  fork: Fork,
  { fault, signal, size }: { readonly fault: FaultClass; readonly signal: string; readonly size: FaultSize },
): string[] {
  const until = startsMs + lasts[fault] + graceMs;
  const speaking = (faults: readonly InjectedFault[]): Set<string> => {
    const { pipeline } = restore(plan, fork.copy);
    const injector = new Injector(faults, createRandom(1, `${signal} ${fault}`), () => undefined);
    const rules = new Set<string>();
    for (const one of fork.rows) {
      if (one.timeMs - fork.at > until) break;
      const row = injector.apply(one);
      if (row === undefined) continue;
      const isDuring = row.timeMs >= fork.at + startsMs;
      for (const { rule, state, quiet, series } of feed(pipeline, row))
        if (isDuring && state === 'firing' && quiet === '' && series.signal === signal) rules.add(rule);
    }
    return rules;
  };
  const anyway = speaking([]);
  return [...speaking([faultOf(fault, signal, size)])].filter((rule) => !anyway.has(rule));
}

function faultOf(fault: FaultClass, signal: string, size: FaultSize): InjectedFault {
  const common = { device: '', atMs: startsMs, everyMs: undefined };
  if (fault === 'dropout') return { ...common, kind: fault, signal: undefined, forMs: lasts[fault] };
  if (fault === 'spike') return { ...common, kind: fault, signal, forMs: undefined, value: size.spike };
  if (fault === 'stuck') return { ...common, kind: fault, signal, forMs: lasts[fault] };
  return { ...common, kind: fault, signal, forMs: lasts[fault], by: size[fault] };
}

export function feed(pipeline: Pipeline, { timeMs, values }: Row): readonly Transition[] {
  pipeline.tick(timeMs);
  for (const [signal, value] of Object.entries(values)) {
    const series = pipeline.series.intern('sensor', signal);
    if (series !== undefined) pipeline.ingest({ series: series.id, time: timeMs, value, quality: 'good' }, timeMs);
  }
  return pipeline.transitions.length > 0 ? pipeline.drain().transitions : [];
}

export function planOf(signals: readonly string[], rules: (signal: string) => string): Plan {
  const text = `
gateway: watched
sources: { board: { serial: /dev/board, format: json } }
signals:
${signals.map((signal) => `  ${signal}: { from: board.${signal} }`).join('\n')}
windows: [{ every: 1h, of: all, compute: [mean] }]
alerts:
${signals.map(rules).join('\n')}
`;
  const { file, problems } = readGatewayFile(text, kinds);
  if (file === undefined) throw new Error(problems.map(({ message }) => message).join('\n'));
  return compilePlan(file);
}
