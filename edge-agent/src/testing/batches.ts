// A batch to decode into, and what came of it in words.

import { SeriesTable } from '@weir/shared/model/series.ts';
import { ReadingBatch, type Words } from '../formats/batch.ts';
import type { Format, FormatOptions } from '../formats/format.ts';
import { Router } from '../sources/router.ts';

export const arrival = 1_700_000_000_000;

/** Channels `temp` and `rh` are signals, and `others` of their own names; `maxSeries` bounds the devices. */
export function testBatch({ maxSeries = 100, others = [], words }: BatchOptions = {}) {
  const series = new SeriesTable(maxSeries);
  const signals = new Map([
    ['temp', 'temperature'],
    ['rh', 'humidity'],
    ...others.map((channel): [string, string] => [channel, channel]),
  ]);
  const batch = new ReadingBatch('board', new Router(signals, series), arrival, words);
  return {
    batch,
    channels: [...signals.keys()],
    readings: () =>
      batch.readings.map(({ series: id, time, value, quality }) => {
        const { device, signal } = series.at(id);
        return `${device}/${signal} = ${value} at ${time - arrival}${quality === 'good' ? '' : ` (${quality})`}`;
      }),
    letters: () => batch.deadLetters.map(({ reason, where, detail }) => `${reason} (${where}): ${detail}`),
  };
}

interface BatchOptions {
  readonly maxSeries?: number;
  readonly others?: readonly string[];
  readonly words?: Words;
}

/** What one frame of a format becomes, in words. */
export function decoded(
  format: Format,
  frame: string | Uint8Array,
  options: Partial<FormatOptions> & BatchOptions = {},
  device = 'board',
): string[] {
  const { batch, channels, readings, letters } = testBatch(options);
  format.prepare({ channels, ...options })(Buffer.from(frame), device, batch);
  return [...readings(), ...letters()];
}
