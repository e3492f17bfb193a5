// A batch to decode into, and what came of it in words.

import { SeriesTable } from '@weir/shared/model/series.ts';
import { ReadingBatch } from '../formats/batch.ts';
import { Router } from '../sources/router.ts';

export const arrival = 1_700_000_000_000;

/** Channels `temp` and `rh` are signals; `maxSeries` bounds the devices. */
export function testBatch(maxSeries = 100) {
  const series = new SeriesTable(maxSeries);
  const router = new Router(
    new Map([
      ['temp', 'temperature'],
      ['rh', 'humidity'],
    ]),
    series,
  );
  const batch = new ReadingBatch('board', router, arrival);
  return {
    batch,
    readings: () =>
      batch.readings.map(({ series: id, time, value, quality }) => {
        const { device, signal } = series.at(id);
        expectGood(quality);
        return `${device}/${signal} = ${value} at ${time - arrival}`;
      }),
    letters: () => batch.deadLetters.map(({ reason, where, detail }) => `${reason} (${where}): ${detail}`),
  };
}

function expectGood(quality: string): void {
  if (quality !== 'good') throw new Error(`a quality of ${quality}`);
}
