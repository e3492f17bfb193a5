// What a replay goes over: a recording, or what a gateway remembers.

import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { Plan } from '@weir/shared/pipeline/plan.ts';
import { planFromJson } from '@weir/shared/pipeline/plan-json.ts';
import { readCheckpoint } from '../log/checkpoint.ts';
import { realDisk } from '../log/disk.ts';
import { dataFolder } from '../log/data-folder.ts';
import { HeldDisk } from '../log/held-disk.ts';
import { History, type Stretch } from '../log/history.ts';
import type { BlockReading } from '../log/journal-block.ts';
import type { Past } from './backtest.ts';
import { CommandError, usable } from './gateway-file.ts';
import { readRecording, type RecordingOptions } from '../recordings/recording.ts';

export type RecordingFlags = Omit<RecordingOptions, 'signals'>;

const warningsShown = 10;
const readingsAtOnce = 500;

/**
 * A recording as it would have arrived. Of devices that are not in it nobody knows whether they were silent.
 * @param told `problem` hears the first few sentences about what is wrong in it, `malformed` is called for each
 * @throws CommandError when there is no such file
 */
export async function ofRecording(
  path: string,
  file: GatewayFile,
  flags: RecordingFlags,
  told: { readonly problem: (sentence: string) => void; readonly malformed: () => void },
): Promise<Past> {
  const { size } = await usable(path, stat(path));
  // What a formula gives is computed anew.
  const signals = new Set([...file.signals].filter(([, { formula }]) => formula === undefined).map(([name]) => name));
  let [done, problems] = [0, 0];
  async function* stretches(): AsyncGenerator<Stretch> {
    let readings: BlockReading[] = [];
    for await (const line of readRecording(path, { ...flags, signals })) {
      done += line.bytes;
      if (line.problem !== undefined) {
        told.malformed();
        problems += 1;
        if (problems <= warningsShown) told.problem(line.problem);
      }
      for (const one of line.readings) readings.push({ ...one, arrival: one.arrival ?? one.time });
      if (readings.length < readingsAtOnce) continue;
      yield { starts: [], readings };
      readings = [];
    }
    yield { starts: [], readings };
    if (problems > warningsShown) told.problem(`and ${problems - warningsShown} more lines like these`);
  }
  return {
    stretches: stretches(),
    from: -Infinity,
    to: Infinity,
    ends: true,
    name: basename(path),
    share: () => done / size,
  };
}

export interface SpanFlags {
  /** A moment, or how long before the last thing the gateway knows. */
  readonly since: Moment;
  readonly until: Moment | undefined;
  /** How much is read before that, for what learns and for what looks back; everything there is when left out. */
  readonly warmUpMs: number;
}

export type Moment = { readonly time: number } | { readonly agoMs: number };

/** What the agent keeps in its data folder; it may be running. */
export interface Remembered {
  readonly past: Past;
  /** The rules it works by: of its last checkpoint. */
  readonly present: Plan | undefined;
  readonly close: () => Promise<void>;
}

/** @param base folder of the gateway file @throws CommandError when there is nothing to read */
export async function ofGateway(
  file: GatewayFile,
  { base, data, span, warn }: { base: string; data: string | undefined; span: SpanFlags; warn: (line: string) => void },
): Promise<Remembered> {
  const folder = dataFolder(file, base, data);
  await usable(folder, stat(folder)).catch((error: unknown) => {
    throw error instanceof CommandError
      ? new CommandError(`${error.message}; --data names the folder the agent keeps its data in`)
      : error;
  });
  const disk = new HeldDisk();
  const opening = History.open(disk, {
    folder,
    onDamage: ({ file: name, bytes, torn }) => {
      // What is being written just now is not damaged.
      if (!torn) warn(`${name}: ${bytes} bytes are damaged and left out`);
    },
    onUnreadable: (reason) => warn(`left out: ${reason}`),
  });
  const history = await usable(folder, opening);
  const end = await history.end();
  if (end === -Infinity) throw new CommandError(`${folder}: there are no readings`);
  const at = (moment: Moment): number => ('time' in moment ? moment.time : end - moment.agoMs);
  const [from, to] = [at(span.since), span.until === undefined ? end : at(span.until)];
  if (!(from < to)) {
    const known = `the last thing known here is of ${new Date(end).toISOString()}`;
    throw new CommandError(`nothing lies between --since and --until; ${known}`);
  }
  const earliest = from - span.warmUpMs;
  let [first, reached] = [NaN, NaN];
  async function* stretches(): AsyncGenerator<Stretch> {
    for await (const { starts, readings } of history.between(earliest, to)) {
      const wanted = readings.filter(({ arrival }) => arrival >= earliest && arrival <= to);
      if (Number.isNaN(first)) first = wanted[0]?.arrival ?? NaN;
      reached = wanted.at(-1)?.arrival ?? reached;
      yield { starts: starts.filter((start) => start <= to), readings: wanted };
    }
  }
  const share = (): number => (reached - first) / (Math.min(to, end) - first);
  const checkpoint = await readCheckpoint(realDisk, join(folder, 'checkpoint'), () => undefined);
  return {
    past: {
      stretches: stretches(),
      from,
      to: Math.min(to, end),
      ends: false,
      name: `what ${file.gateway} remembers`,
      share,
    },
    present: typeof checkpoint === 'object' ? planFromJson(checkpoint.plan) : undefined,
    close: () => disk.close(),
  };
}
