// A series is one signal of one device on this gateway. Names are turned into small integers once, at the source, so that
// the hot path indexes arrays and never hashes a string.

/** Index of a series in its `SeriesTable`; dense from 0. */
export type SeriesId = number & { readonly __brand: 'SeriesId' };

export interface Series {
  readonly id: SeriesId;
  readonly device: string;
  readonly signal: string;
}

export class SeriesTable {
  /** By signal, then by device: signals are few, and a map for each device would weigh more than its series. */
  readonly #byName = new Map<string, Map<string, Series>>();
  readonly #all: Series[] = [];
  readonly #max: number;

  /** @param max how many series may exist; a runaway device name cannot exhaust the memory of a gateway */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#all.length;
  }

  /** The series of these names, made if it is new; `undefined` when the table is full. */
  intern(device: string, signal: string): Series | undefined {
    let byDevice = this.#byName.get(signal);
    const known = byDevice?.get(device);
    if (known !== undefined) return known;
    if (this.#all.length >= this.#max) return undefined;
    const series: Series = { id: this.#all.length as SeriesId, device, signal };
    if (byDevice === undefined) this.#byName.set(signal, (byDevice = new Map()));
    byDevice.set(device, series);
    this.#all.push(series);
    return series;
  }

  at(id: SeriesId): Series {
    const series = this.#all[id];
    if (series === undefined) throw new RangeError(`series ${id} was never interned`);
    return series;
  }

  all(): readonly Series[] {
    return this.#all;
  }
}
