// Turns (device, channel) of one source into a series: which signal of the gateway file takes it, and its number.

import type { LossReason } from '@weir/shared/model/reading.ts';
import type { SeriesId, SeriesTable } from '@weir/shared/model/series.ts';
import { namePattern } from '@weir/shared/wire/topics.ts';

export class Router {
  /** Channel -> signal. */
  readonly #signals: ReadonlyMap<string, string>;
  readonly #series: SeriesTable;
  readonly #known = new Map<string, Map<string, SeriesId>>();

  constructor(signals: ReadonlyMap<string, string>, series: SeriesTable) {
    this.#signals = signals;
    this.#series = series;
  }

  /** Whether any signal takes this channel. */
  takes(channel: string): boolean {
    return this.#signals.has(channel);
  }

  channels(): readonly string[] {
    return [...this.#signals.keys()];
  }

  /** @returns the series, or why there is none */
  route(device: string, channel: string): SeriesId | LossReason {
    const known = this.#known.get(device)?.get(channel);
    if (known !== undefined) return known;
    const signal = this.#signals.get(channel);
    if (signal === undefined || !namePattern.test(device)) return 'unmapped';
    const series = this.#series.intern(device, signal);
    if (series === undefined) return 'too_many_series';
    const channels = this.#known.get(device) ?? new Map<string, SeriesId>();
    this.#known.set(device, channels.set(channel, series.id));
    return series.id;
  }
}
