// `weir-sim inject`: a recorded series in, the same series with faults out, one row at a time.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { readRows, readSignals, type CsvOptions } from './csv-rows.ts';
import { SimError } from './errors.ts';
import { canBeInjected, Injector } from './inject.ts';
import { createRandom } from './random.ts';
import type { Fault } from './fault-schema.ts';
import { openTruthFile } from './truth-file.ts';

export interface InjectOptions {
  readonly source: CsvOptions;
  readonly faults: readonly Fault[];
  readonly seed: number;
  /** File to write: `time` in epoch milliseconds, then the signals. */
  readonly out: string;
  readonly truthFile: string | undefined;
}

/** @returns rows written, rows a drop-out has swallowed, and how often a fault came @throws SimError about a file or a fault */
export async function injectFaults(
  options: InjectOptions,
): Promise<{ rows: number; lost: number; occurrences: number }> {
  const { source, faults, seed, out, truthFile } = options;
  const signals = await readSignals(source);
  const injected = faults.filter(canBeInjected);
  const other = faults.find((fault) => !canBeInjected(fault));
  if (other !== undefined)
    throw new SimError(
      'SCENARIO_INVALID',
      `a recording cannot have the fault "${other.kind}": it is of the machine or the line`,
    );
  for (const { signal } of injected) {
    if (signal !== undefined && !signals.includes(signal))
      throw new SimError(
        'SCENARIO_INVALID',
        `there is no signal "${signal}" in ${source.file}; signals: ${signals.join(', ')}`,
      );
  }
  const truth = truthFile === undefined ? undefined : await openTruthFile(truthFile);
  const sink = createWriteStream(out);
  await once(sink, 'open').catch((error: unknown) => {
    throw new SimError('SERIES_INVALID', `${out} cannot be written: ${String(error)}`, { cause: error });
  });
  const counts = { rows: 0, lost: 0, occurrences: 0 };
  const injector = new Injector(injected, createRandom(seed, 'inject'), (one) => {
    counts.occurrences += 1;
    truth?.add(one);
  });
  sink.write(`time,${signals.join(',')}\n`);
  for await (const row of readRows(source)) {
    const shown = injector.apply(row);
    if (shown === undefined) {
      counts.lost += 1;
      continue;
    }
    counts.rows += 1;
    const line = [shown.timeMs, ...signals.map((signal) => shown.values[signal] ?? '')].join(',');
    if (!sink.write(`${line}\n`)) await once(sink, 'drain');
  }
  injector.close();
  sink.end();
  await finished(sink);
  await truth?.close();
  return counts;
}
