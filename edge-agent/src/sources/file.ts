// A recording as a source: played at the pace it was recorded, faster, or as fast as the agent takes it.
//
// It is played from its beginning at each start of the agent, with the times it has or, as if its first row were measured
// now, moved to the present. At its end the source stays open and has nothing more to say, unless it is to go round.

import { resolve } from 'node:path';
import { positiveDuration } from '@weir/shared/config/schema.ts';
import * as z from 'zod';
import { ReadingBatch } from '../formats/batch.ts';
import { timeUnits } from '../formats/time-field.ts';
import { readRecording, type RecordingLine } from '../recordings/recording.ts';
import { sourceKind, type Delivery, type Source, type SourceContext } from './source.ts';

/** Rows of one delivery, at most. */
const mostRows = 1000;

const schema = z.strictObject({
  file: z.string().min(1).describe('CSV with a header, JSON lines, or Parquet (`.parquet`).'),
  speed: z
    .union([z.number().positive(), z.literal('max')])
    .default(1)
    .describe('Recorded time per real time, or `max`: as fast as possible. Default 1.'),
  times: z
    .enum(['now', 'recorded'])
    .optional()
    .describe('Whether the first row is as of now, or everything as recorded. Default now, with speed max recorded.'),
  repeat: z
    .boolean()
    .default(false)
    .describe('Whether it begins anew at its end; with `times: now` only. Default false.'),
  pause: positiveDuration.default(1000).describe('Between two rounds. Default 1s.'),
  time: z.string().optional().describe('Column of times. Default: the one called time, timestamp, t, ts or date.'),
  timeUnit: z.enum(timeUnits).default('ms').describe('Unit of a numeric time since 1970. Default ms.'),
  device: z.string().optional().describe('Device of rows that name none. Default: the name of the source.'),
});

type Config = z.output<typeof schema>;

export const file = sourceKind({
  key: 'file',
  schema: schema.refine((config) => !config.repeat || timesOf(config) === 'now', {
    path: ['repeat'],
    message: 'the second round would be of the same times as the first: say times: now',
  }),
  make: (config, context) => new FileSource(config, context),
});

function timesOf({ times, speed }: Pick<Config, 'times' | 'speed'>): 'now' | 'recorded' {
  return times ?? (speed === 'max' ? 'recorded' : 'now');
}

class FileSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;
  /** What is over is not played again when the source is opened again after a failure. */
  #rowsPlayed = 0;

  constructor(config: Config, context: SourceContext) {
    this.#config = config;
    this.#context = context;
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    const { repeat, pause } = this.#config;
    const { clock } = this.#context;
    while (!signal.aborted) {
      yield* this.#play(signal);
      if (signal.aborted) return;
      this.#rowsPlayed = 0;
      if (repeat) await clock.sleep(pause, signal);
      else await new Promise<void>((ended) => signal.addEventListener('abort', () => ended(), { once: true }));
    }
  }

  async *#play(signal: AbortSignal): AsyncGenerator<Delivery> {
    const { clock, router, base, id } = this.#context;
    const { file: path, speed, time, timeUnit, device = id } = this.#config;
    const channels = new Set(router.channels());
    const lines = readRecording(resolve(base, path), { time, timeUnit, device, map: new Map(), signals: channels });
    let first: { readonly time: number; readonly now: number; readonly atMs: number } | undefined;
    let number = 0;
    let gathered: Gathered | undefined;
    for await (const line of lines) {
      if (signal.aborted) return;
      number += 1;
      if (number === 1) this.#context.opened();
      if (number <= this.#rowsPlayed) continue;
      const recorded = line.readings[0]?.time;
      if (recorded !== undefined) first ??= { time: recorded, now: clock.now(), atMs: clock.monotonicMs() };
      const dueMs =
        speed === 'max' || first === undefined || recorded === undefined
          ? 0
          : first.atMs + (recorded - first.time) / speed - clock.monotonicMs();
      if (gathered !== undefined && (dueMs > 0 || gathered.rows >= mostRows)) {
        yield gathered.delivery();
        gathered = undefined;
      }
      if (dueMs > 0) await clock.sleep(dueMs, signal);
      if (signal.aborted) return;
      gathered ??= new Gathered(this.#context);
      gathered.take(line, timesOf(this.#config) === 'now' && first !== undefined ? first.now - first.time : 0);
      this.#rowsPlayed = number;
    }
    if (gathered !== undefined) yield gathered.delivery();
  }
}

class Gathered {
  rows = 0;
  readonly #batch: ReadingBatch;
  readonly #received: number;
  readonly #source: string;

  constructor({ id, router, clock }: SourceContext) {
    this.#received = clock.monotonicMs();
    this.#source = id;
    this.#batch = new ReadingBatch(id, router, clock.now());
  }

  take({ readings, problem }: RecordingLine, shiftMs: number): void {
    this.rows += 1;
    const batch = this.#batch;
    if (problem !== undefined) batch.dead('malformed', this.#source, problem, problem);
    for (const { device, signal, time, value, quality } of readings)
      batch.value(device, signal, time + shiftMs, value, `${signal} of ${device}`, quality);
  }

  delivery(): Delivery {
    const { readings, deadLetters, arrival } = this.#batch;
    return { readings, deadLetters, arrival, received: this.#received, attempt: 'only', ack: () => undefined };
  }
}
