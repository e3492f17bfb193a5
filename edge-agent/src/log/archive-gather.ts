// Gathers readings of consecutive journal blocks until there are enough for one archive record, and packs them series by series.

import type { PackedBlock } from './journal-block.ts';
import { ArchiveWriter, type JournalPlace } from './archive-block.ts';
import type { SeriesName } from './block-names.ts';
import { groupBySeries, pick } from './block-readings.ts';

/** Series of a record ought to have so many readings each: short columns pack badly. */
const enoughEach = 64;
/** For that, a record may hold so many times what is enough. */
const largest = 4;

export class ArchiveGather {
  readonly #indexes = new Map<string, Map<string, number>>();
  #names: SeriesName[] = [];
  #starts: number[] = [];
  #count = 0;
  readonly #enough: number;
  readonly #most: number;
  readonly #series: Uint32Array;
  readonly #arrivals: Float64Array;
  readonly #times: Float64Array;
  readonly #values: Float64Array;
  readonly #qualities: Uint8Array;

  /** @param enough readings for a record */
  constructor(enough: number) {
    this.#enough = enough;
    this.#most = enough * largest;
    this.#series = new Uint32Array(this.#most);
    this.#arrivals = new Float64Array(this.#most);
    this.#times = new Float64Array(this.#most);
    this.#values = new Float64Array(this.#most);
    this.#qualities = new Uint8Array(this.#most);
  }

  get count(): number {
    return this.#count;
  }

  get isFull(): boolean {
    return this.#count >= Math.min(this.#most, Math.max(this.#enough, enoughEach * this.#names.length));
  }

  /** The agent began to listen, before the next reading. @param arrival epoch milliseconds */
  start(arrival: number): void {
    this.#starts.push(arrival);
  }

  /**
   * Takes readings of the block until it is full.
   * @param from the first reading to be taken @param through the one before which to stop at the latest
   * @param moveMs by how much what was stamped by the gateway is moved @returns the first reading not taken
   */
  add({ names, columns }: PackedBlock, from: number, through: number, moveMs: number): number {
    const locals = new Map<number, number>();
    let at = from;
    for (; at < Math.min(columns.count, through) && !this.isFull; at++) {
      const inBlock = columns.series[at] ?? 0;
      let index = locals.get(inBlock);
      if (index === undefined) locals.set(inBlock, (index = this.#indexOf(names[inBlock])));
      const to = this.#count++;
      const arrival = columns.arrivals[at] ?? NaN;
      const time = columns.times[at] ?? NaN;
      this.#series[to] = index;
      this.#arrivals[to] = arrival + moveMs;
      this.#times[to] = moveMs !== 0 && time === arrival ? time + moveMs : time;
      this.#values[to] = columns.values[at] ?? NaN;
      this.#qualities[to] = columns.qualities[at] ?? 0;
    }
    return at;
  }

  /** Packs what was gathered, and begins again. @param pause awaited before each series */
  async pack(end: JournalPlace, pause: (readings: number) => Promise<void>): Promise<Uint8Array> {
    const [times, arrivals] = [this.#times.subarray(0, this.#count), this.#arrivals.subarray(0, this.#count)];
    const span = {
      firstTime: lowest(times, 1),
      lastTime: -lowest(times, -1),
      firstArrival: lowest(arrivals, 1),
      lastArrival: -lowest(arrivals, -1),
    };
    const writer = new ArchiveWriter({ end, span, starts: this.#starts, names: this.#names });
    const groups = groupBySeries(this.#series, this.#count, this.#names.length);
    let begin = 0;
    for (const until of groups.ends) {
      const mine = groups.places.subarray(begin, until);
      await pause(mine.length);
      writer.add({
        count: mine.length,
        times: pick(times, mine),
        values: pick(this.#values, mine),
        arrivals: pick(arrivals, mine),
        qualities: Uint8Array.from(pick(this.#qualities, mine)),
      });
      begin = until;
    }
    this.#indexes.clear();
    this.#names = [];
    this.#starts = [];
    this.#count = 0;
    return writer.take();
  }

  #indexOf({ device, signal }: SeriesName = { device: '', signal: '' }): number {
    let bySignal = this.#indexes.get(device);
    if (bySignal === undefined) this.#indexes.set(device, (bySignal = new Map<string, number>()));
    let index = bySignal.get(signal);
    if (index === undefined) {
      index = this.#names.length;
      bySignal.set(signal, index);
      this.#names.push({ device, signal });
    }
    return index;
  }
}

/** @returns Infinity when there is none; what is not a number counts for nothing */
function lowest(numbers: Float64Array, sign: number): number {
  let low = Infinity;
  for (const number of numbers) if (number * sign < low) low = number * sign;
  return low;
}
