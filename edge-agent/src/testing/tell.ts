// Tells a station readings of any signal and quality.

import type { Quality } from '@weir/shared/model/quality.ts';
import type { Delivery } from '../sources/source.ts';
import type { Sample, Station } from './station.ts';

export interface Told extends Sample {
  readonly signal: string;
  /** Default good. */
  readonly quality?: Quality;
}

/** As one delivery. */
export function tell(station: Station, told: readonly Told[], more: Partial<Delivery> = {}): Promise<void> {
  const { series: table } = station.recovered.pipeline;
  const readings = told.map(({ device, signal, time, value, quality = 'good' }) => {
    const series = table.intern(device, signal);
    if (series === undefined) throw new Error('the series table is full');
    return { series: series.id, time, value, quality };
  });
  return station.take([], { readings, ...more });
}
