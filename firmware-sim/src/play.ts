// Plays a recorded series, with its original times, as a board on a line or as a wearable over MQTT.
//
// Nothing is dropped: where nobody reads yet, or reads slowly, playing waits. At a speed factor the gaps between the rows
// are kept, divided by the factor; at "max" each row goes out as soon as the one before has been taken.

import { type Clock, systemClock } from './clock.ts';
import { type CsvOptions, readRows, readSignals, type Row } from './csv-rows.ts';
import type { Voice } from './formats/voice.ts';
import { openOutput, type PlayTarget } from './row-output.ts';
import { SimTime } from './sim-time.ts';

export interface PlayOptions {
  readonly source: CsvOptions | readonly Row[];
  readonly target: PlayTarget;
  /** Default 1. */
  readonly speed?: number | 'max' | undefined;
  /** How a board says a row; default json. MQTT messages are always {"t":…,"v":…}. */
  readonly format?: Voice['format'] | undefined;
  /** Of cbor; default cobs. */
  readonly framing?: Voice['framing'] | undefined;
  /** Of cbor; default none. */
  readonly crc?: Voice['crc'] | undefined;
  /** What the board calls itself, in senml; default board. */
  readonly board?: string | undefined;
  /** Plays only so many rows. */
  readonly limit?: number | undefined;
  /** Ends early, without an error. */
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
  /** Hears what to open: the path of the serial device, tcp://host:port, or the broker. */
  readonly onReady?: ((device: string) => void) | undefined;
  /** Called after each batch with the number of rows sent so far; playing goes on when it returns. */
  readonly afterRows?: ((rows: number) => void | Promise<void>) | undefined;
  readonly onNotice?: ((notice: string) => void) | undefined;
}

const batchSize = 256;

/**
 * @returns how many values of signals were taken by the reader's side
 * @throws SimError when the file has a mistake, or the target cannot be made
 */
export async function play(options: PlayOptions): Promise<{ readings: number }> {
  const { format = 'json', framing = 'cobs', crc = 'none', board = 'board' } = options;
  const { signal = new AbortController().signal, onNotice = () => {} } = options;
  const voice: Voice = { format, framing, crc, board, quantities: {} };
  const output = await openOutput(options.target, await signalsOf(options.source), voice, onNotice);
  const interrupt = (): void => {
    output.close().catch((error: unknown) => onNotice(`stopping failed: ${String(error)}`));
  };
  signal.addEventListener('abort', interrupt, { once: true });
  let readings = 0;
  let rows = 0;
  try {
    options.onReady?.(output.device);
    for await (const batch of dueBatches(options, signal)) {
      readings += await output.send(batch);
      rows += batch.length;
      await options.afterRows?.(rows);
    }
    await output.drain(signal);
    return { readings };
  } finally {
    signal.removeEventListener('abort', interrupt);
    await output.close();
  }
}

/** Rows that are due together. */
async function* dueBatches(options: PlayOptions, signal: AbortSignal): AsyncGenerator<Row[], void, undefined> {
  const { speed = 1, limit = Infinity, clock = systemClock } = options;
  let batch: Row[] = [];
  let time: SimTime | undefined;
  let rows = 0;
  for await (const row of rowsOf(options.source)) {
    if (rows++ >= limit) break;
    if (speed !== 'max') {
      time ??= new SimTime(clock, row.timeMs, speed);
      if (row.timeMs > time.nowMs() && batch.length > 0) {
        yield batch;
        batch = [];
      }
      await time.reach(row.timeMs, signal);
    }
    if (signal.aborted) return;
    batch.push(row);
    if (batch.length < batchSize) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0 && !signal.aborted) yield batch;
}

function rowsOf(source: PlayOptions['source']): AsyncIterable<Row> | Iterable<Row> {
  return 'file' in source ? readRows(source) : source;
}

async function signalsOf(source: PlayOptions['source']): Promise<readonly string[]> {
  if ('file' in source) return readSignals(source);
  return [...new Set(source.flatMap(({ values }) => Object.keys(values)))];
}
