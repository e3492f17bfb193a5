// `weir-agent replay`: a recording through the same core as on the gateway, as fast as it goes.
//
// The pipeline is stepped as the agent steps it: a tick and a drain for every commit interval of arrival time. A recording
// without arrival times is taken to have arrived when it was measured. At the end everything still open is closed, so that
// the last windows are seen.

import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { compilePlan } from '@weir/shared/config/compile.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { Losses } from '@weir/shared/model/ledger.ts';
import { Pipeline, type Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { messageOf } from '../logger.ts';
import { CommandError } from './gateway-file.ts';
import { describeTransition, paneLine, transitionLine } from './output-lines.ts';
import { Progress } from './progress.ts';
import { readRecording, type RecordingOptions } from './recording.ts';

export interface ReplayOptions extends Omit<RecordingOptions, 'signals'> {
  readonly recording: string;
  /** File for panes and transitions as JSON lines; without it they go to `print`. */
  readonly out: string | undefined;
  readonly progress: boolean;
  readonly print: (line: string) => void;
  readonly warn: (line: string) => void;
}

export interface ReplaySummary {
  readonly readings: number;
  readonly panes: number;
  readonly transitions: number;
  readonly lost: Losses;
  readonly seconds: number;
}

const warningsShown = 10;

/** A silence after which every window there is has ended. */
const ageMs = 1e14;

/** @throws CommandError when the recording cannot be used */
export async function replay(file: GatewayFile, options: ReplayOptions): Promise<ReplaySummary> {
  const plan = compilePlan(file);
  const pipeline = new Pipeline(plan);
  const { size } = await usable(options.recording, stat(options.recording));
  const sink = options.out === undefined ? undefined : createWriteStream(options.out);
  if (sink !== undefined) await usable(options.out ?? '', once(sink, 'open'));
  const progress = new Progress(size, options.progress);
  const started = performance.now();
  let panes = 0;
  let transitions = 0;
  let problems = 0;
  let now = -Infinity;
  let committed = -Infinity;

  const emit = async (outputs: Outputs): Promise<void> => {
    panes += outputs.panes.length;
    transitions += outputs.transitions.length;
    for (const line of [...outputs.transitions.map(transitionLine), ...outputs.panes.map(paneLine)])
      await write(line, sink, options.print);
    if (sink !== undefined) for (const t of outputs.transitions) options.print(describeTransition(t));
  };
  const commit = (): Promise<void> => {
    committed = now;
    pipeline.tick(now);
    return emit(pipeline.drain());
  };

  // What a formula gives is computed anew.
  const signals = new Set([...file.signals].filter(([, { formula }]) => formula === undefined).map(([name]) => name));
  for await (const line of readRecording(options.recording, { ...options, signals })) {
    progress.add(line.bytes, () => `${pipeline.ledger.taken} readings, ${panes} panes`);
    if (line.problem !== undefined) {
      pipeline.reject('malformed', 1);
      problems += 1;
      if (problems <= warningsShown) options.warn(line.problem);
    }
    for (const { device, signal, time, value, quality, arrival } of line.readings) {
      now = Math.max(now, arrival ?? time);
      if (now - committed >= file.settings.commit) await commit();
      const isMapped = signals.has(signal);
      const series = isMapped ? pipeline.series.intern(device, signal) : undefined;
      if (series === undefined) pipeline.reject(isMapped ? 'too_many_series' : 'unmapped', 1);
      else pipeline.ingest({ series: series.id, time, value, quality }, now);
    }
  }
  await emit(pipeline.drain());
  // What is computed of series that have fallen silent is a series too, and has to fall silent in its turn.
  for (let isOver = false; !isOver;) {
    now += ageMs;
    pipeline.tick(now);
    isOver = !pipeline.hasWork;
    await emit(pipeline.drain());
  }
  progress.end();
  if (problems > warningsShown) options.warn(`and ${problems - warningsShown} more lines like these`);
  if (sink !== undefined) {
    sink.end();
    await once(sink, 'finish');
  }
  const { taken } = pipeline.ledger;
  return {
    readings: taken,
    panes,
    transitions,
    lost: pipeline.ledger.losses(),
    seconds: (performance.now() - started) / 1000,
  };
}

/** A file the person has named and that cannot be used is told in a sentence. */
async function usable<T>(path: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (error) {
    throw new CommandError(`${path}: cannot be used: ${messageOf(error)}`);
  }
}

async function write(line: string, sink: Writable | undefined, print: (line: string) => void): Promise<void> {
  if (sink === undefined) print(line);
  else if (!sink.write(`${line}\n`)) await once(sink, 'drain');
}
