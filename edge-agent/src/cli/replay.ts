// `weir-agent replay`: a recording through the same core as on the gateway, as fast as it goes. A recording without arrival times is
// taken to have arrived when it was measured. At the end everything still open is closed, so that the last windows are seen.

import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { compilePlan } from '@weir/shared/config/compile.ts';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { Losses } from '@weir/shared/model/ledger.ts';
import type { Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { Run } from '../backtest/run.ts';
import { usable } from './gateway-file.ts';
import { describeTransition, learningLine, paneLine, transitionLine } from './output-lines.ts';
import { Progress } from './progress.ts';
import { ofRecording, type RecordingFlags } from './past.ts';

export interface ReplayOptions extends RecordingFlags {
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

/** @throws CommandError when the recording cannot be used */
export async function replay(file: GatewayFile, options: ReplayOptions): Promise<ReplaySummary> {
  const run = new Run(compilePlan(file), file.settings.commit);
  const { ledger } = run.pipeline;
  const past = await ofRecording(options.recording, file, options, {
    problem: options.warn,
    malformed: () => run.pipeline.reject('malformed', 1),
  });
  const sink = options.out === undefined ? undefined : createWriteStream(options.out);
  if (sink !== undefined) await usable(options.out ?? '', once(sink, 'open'));
  const progress = new Progress(options.progress);
  const started = performance.now();
  let panes = 0;
  let transitions = 0;

  const emit = async (outputs: Outputs): Promise<void> => {
    panes += outputs.panes.length;
    transitions += outputs.transitions.length;
    for (const line of [...outputs.transitions.map(transitionLine), ...outputs.panes.map(paneLine)])
      await write(line, sink, options.print);
    if (sink !== undefined) for (const t of outputs.transitions) options.print(describeTransition(t));
  };

  for await (const { starts, readings } of past.stretches) {
    for (const start of starts) await emit(run.awake(start));
    for (const reading of readings) {
      const outputs = run.advance(reading.arrival);
      if (outputs !== undefined) await emit(outputs);
      run.take(reading);
    }
    progress.to(past.share(), () => `${ledger.taken} readings, ${panes} panes`);
  }
  const learning = learningLine(run.learning());
  for (const outputs of run.end()) await emit(outputs);
  progress.end();
  if (learning !== undefined) options.warn(learning);
  if (sink !== undefined) {
    sink.end();
    await once(sink, 'finish');
  }
  return {
    readings: ledger.taken,
    panes,
    transitions,
    lost: ledger.losses(),
    seconds: (performance.now() - started) / 1000,
  };
}

async function write(line: string, sink: Writable | undefined, print: (line: string) => void): Promise<void> {
  if (sink === undefined) print(line);
  else if (!sink.write(`${line}\n`)) await once(sink, 'drain');
}
