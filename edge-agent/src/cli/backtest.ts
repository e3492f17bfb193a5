// `weir-agent replay` with --since, --against or --report: the past under changed rules. Which alarms there would have been, when, and
// how that differs from the rules at work.

import { createWriteStream } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { basename } from 'node:path';
import { finished } from 'node:stream/promises';
import { compilePlan } from '@weir/shared/config/compile.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import type { Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { compare, Episodes, type Compared } from '../backtest/episodes.ts';
import { Gatherer, mostAlarms, type ReportData, type ReportRule } from '../backtest/report-data.ts';
import { reportPage } from './report-page.ts';
import { Run } from '../backtest/run.ts';
import type { Stretch } from '../log/history.ts';
import { isoTime, lasting, learningLine, transitionLine } from './output-lines.ts';
import { usable } from './gateway-file.ts';
import type { Progress } from './progress.ts';

/** What is gone over once more. */
export interface Past {
  readonly stretches: AsyncIterable<Stretch>;
  /** Arrival times: alarms count from `from` on, and what comes before is to learn from. */
  readonly from: number;
  readonly to: number;
  /** Whether everything that is open at the end is closed: nothing comes behind it. */
  readonly ends: boolean;
  /** What it is, for people: `recording.csv`. */
  readonly name: string;
  /** How much of it has gone by, 0 to 1. */
  readonly share: () => number;
}

export interface BacktestOptions {
  readonly file: GatewayFile;
  /** Name of the gateway file. */
  readonly name: string;
  readonly past: Past;
  /** The rules to compare with, and what they are called; undefined: there are none. */
  readonly present: { readonly plan: Plan; readonly name: string } | undefined;
  /** File for all transitions as JSON lines. */
  readonly out: string | undefined;
  /** File for the page. */
  readonly report: string | undefined;
  readonly print: (line: string) => void;
  readonly progress: Progress;
}

export interface BacktestSummary {
  readonly readings: number;
  readonly series: number;
  readonly seconds: number;
}

const listed = 100;

/** One set of rules going over the past. */
interface Side {
  readonly run: Run;
  readonly episodes: Episodes;
  readonly set: 'present' | 'changed';
}

/** @throws CommandError when a file cannot be used */
export async function backtest(options: BacktestOptions): Promise<BacktestSummary> {
  const { file, past, present, print } = options;
  const started = performance.now();
  const sideOf = (plan: Plan, set: Side['set']): Side => {
    return { run: new Run(plan, file.settings.commit), episodes: new Episodes(past.from), set };
  };
  const changed = sideOf(compilePlan(file), 'changed');
  const sides = present === undefined ? [changed] : [sideOf(present.plan, 'present'), changed];
  const unitOf = (signal: string): string => file.signals.get(signal)?.unit ?? '';
  const gatherer = new Gatherer(changed.run.pipeline, past.from, unitOf);
  const sink = options.out === undefined ? undefined : createWriteStream(options.out);
  if (sink !== undefined) await usable(options.out ?? '', once(sink, 'open'));

  const take = async (side: Side, { panes, transitions }: Outputs): Promise<void> => {
    if (side === changed) gatherer.panes(panes);
    for (const transition of transitions) {
      side.episodes.add(transition);
      if (sink === undefined || transition.time < past.from) continue;
      const rules = present === undefined ? {} : { rules: side.set };
      const line = JSON.stringify({ ...rules, ...JSON.parse(transitionLine(transition)) });
      if (!sink.write(`${line}\n`)) await once(sink, 'drain');
    }
  };
  let [readings, first, last] = [0, Infinity, -Infinity];
  for await (const { starts, readings: all } of past.stretches) {
    let next = 0;
    const wake = async (until: number): Promise<void> => {
      for (let start = starts[next]; start !== undefined && start <= until; start = starts[++next])
        for (const side of sides) await take(side, side.run.awake(start));
    };
    for (const reading of all) {
      if (reading.arrival > past.to) continue;
      await wake(reading.arrival);
      for (const side of sides) {
        const outputs = side.run.advance(reading.arrival);
        if (outputs !== undefined) await take(side, outputs);
        const state = side.run.take(reading);
        if (side === changed && state !== undefined && reading.arrival >= past.from)
          gatherer.reading(state, reading.time, reading.value);
      }
      first = Math.min(first, reading.arrival);
      last = Math.max(last, reading.arrival);
      readings += 1;
    }
    await wake(past.to);
    options.progress.to(past.share(), () => `${readings} readings`);
  }
  for (const side of sides) {
    if (past.ends) for (const outputs of side.run.end()) await take(side, outputs);
    else await take(side, side.run.advance(past.to + file.settings.commit) ?? { panes: [], transitions: [] });
  }
  options.progress.end();
  if (sink !== undefined) {
    sink.end();
    await finished(sink);
  }

  const alarms = compare(sides.length === 1 ? [] : (sides[0]?.episodes.all ?? []), changed.episodes.all);
  const begin = Math.max(past.from, first);
  const end = Math.min(past.to, last);
  const rules = rulesOf(sides);
  const series = changed.run.pipeline.series.size;
  const title = `${basename(options.name)} over ${past.name}`;
  const learning = learningLine(changed.run.learning());
  const notes = notesOf(options, { readings, series, first, begin, end, rules });
  if (learning !== undefined) notes.push(learning);
  print(title);
  for (const note of notes) print(note);
  printRules(rules, sides.length === 2, print);
  printAlarms(alarms, sides.length === 2, print);
  const left = sides.reduce((sum, { episodes }) => sum + episodes.left, 0);
  if (left > 0) print(`and ${left} more that are counted nowhere: such rules are of no use`);

  if (options.report !== undefined) {
    const data: ReportData = {
      title,
      notes,
      from: begin,
      to: end,
      sets: sides.map(({ set }) => set),
      rules,
      alarms: alarms.slice(0, mostAlarms).map(({ episode, by }) => {
        const { series: of, to, value, ...rest } = episode;
        return { ...rest, ...of, by, to: finite(to), value: finite(value) };
      }),
      alarmsLeft: Math.max(0, alarms.length - mostAlarms) + left,
      ...gatherer.charts(alarms),
    };
    await usable(options.report, writeFile(options.report, await reportPage(data)));
  }
  return { readings, series, seconds: (performance.now() - started) / 1000 };
}

/** JSON knows neither Infinity nor NaN. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function rulesOf(sides: readonly Side[]): ReportRule[] {
  const severities = new Map(
    sides.flatMap(({ run }) => run.pipeline.plan.rules.map((rule) => [rule.id, rule.severity])),
  );
  return [...severities].map(([rule, severity]) => {
    const count = (isTold: boolean) =>
      sides.map(({ run, episodes }) => {
        if (!run.pipeline.plan.rules.some(({ id }) => id === rule)) return null;
        return episodes.all.filter((one) => one.rule === rule && (one.quiet === '') === isTold).length;
      });
    return { rule, severity, told: count(true), quiet: count(false) };
  });
}

function notesOf(
  { present, name }: BacktestOptions,
  found: {
    readonly readings: number;
    readonly series: number;
    readonly first: number;
    readonly begin: number;
    readonly end: number;
    readonly rules: readonly ReportRule[];
  },
): string[] {
  const { readings, series, first, begin, end } = found;
  if (readings === 0) return ['there are no readings'];
  const learnt = first < begin ? `, after what had arrived since ${isoTime(first)}` : '';
  return [
    `${readings} readings of ${series} series; alarms from ${isoTime(begin)} to ${isoTime(end)}${learnt}`,
    ...(present === undefined ? [] : [`present: ${present.name}; changed: ${name}`]),
  ];
}

function printRules(rules: readonly ReportRule[], isCompared: boolean, print: (line: string) => void): void {
  const width = Math.max(4, ...rules.map(({ rule }) => rule.length));
  const column = (text: string): string => text.padStart(10);
  print('');
  print(`${'alarms'.padEnd(width)}${isCompared ? column('present') + column('changed') : ''}`);
  for (const { rule, told, quiet } of rules) {
    const untold = quiet.at(-1) ?? 0;
    const counts = told.map((count) => column(count === null ? '-' : String(count))).join('');
    print(`${rule.padEnd(width)}${counts}${untold === 0 ? '' : `   and ${untold} nobody is told of`}`);
  }
}

const marks = { present: '-', changed: '+', both: '=' } as const;

function printAlarms(alarms: readonly Compared[], isCompared: boolean, print: (line: string) => void): void {
  if (alarms.length > 0) print('');
  for (const { episode, by } of alarms.slice(0, listed)) {
    const { rule, series, from, to, reason, quiet } = episode;
    const why = reason === '' ? '' : `: ${reason}`;
    const untold = quiet === '' ? '' : ` (nobody told: ${quiet})`;
    const mark = isCompared ? `${marks[by]} ` : '';
    print(`${mark}${isoTime(from)} ${lasting(to - from)} ${rule} ${series.device}/${series.signal}${why}${untold}`);
  }
  if (alarms.length > listed) print(`and ${alarms.length - listed} more; --out writes all of them`);
}
