// A statistic of the last minutes of one series, up to and with its newest reading: what `mean(temperature, 5m)` in a rule is.
//
// The window is kept in 60 slots of equal length, aligned to event time, and moves on slot by slot: it is between 59 and 60
// sixtieths as long as it says. What all slots but the newest come to is put together when a slot is left, so that a reading
// costs the same however long the window is, and nothing is ever subtracted: sums do not drift.
//
// Until the series has been heard for a whole window there is no statistic, so that no rule cries wolf at the first reading.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';

export const trailingStatistics = ['mean', 'min', 'max', 'sum', 'count', 'stddev', 'range', 'change', 'rate'] as const;

export type TrailingStatistic = (typeof trailingStatistics)[number];

const slots = 60;

/** Numbers of a slot, by their place. `m2` is the sum of squared distances from the mean. */
const fields = { count: 0, mean: 1, m2: 2, min: 3, max: 4, first: 5, firstTime: 6, last: 7, lastTime: 8 } as const;
const width = 9;

export class Trailing {
  readonly #statistic: TrailingStatistic;
  readonly #lengthMs: number;
  readonly #stepMs: number;
  /** A ring: slot k of event time is at k modulo `slots`. */
  readonly #ring = new Float64Array(slots * width);
  /** All slots but the newest, put together. */
  readonly #before = new Float64Array(width);
  /** The newest slot with those before it. */
  readonly #whole = new Float64Array(width);
  #slot = -Infinity;
  #since = NaN;

  constructor(statistic: TrailingStatistic, lengthMs: number) {
    this.#statistic = statistic;
    this.#lengthMs = lengthMs;
    this.#stepMs = lengthMs / slots;
  }

  /** @param time not before that of the last reading @returns the statistic; NaN while the window is not full */
  update(time: number, value: number): number {
    // After a jump a sensor with a clock of its own is behind what was moved.
    const slot = Math.max(Math.floor(time / this.#stepMs), this.#slot);
    if (slot !== this.#slot) this.#moveTo(slot);
    if (Number.isNaN(this.#since)) this.#since = time;
    add(this.#ring, this.#place(slot), time, value);
    if (time - this.#since < this.#lengthMs - this.#stepMs) return NaN;
    this.#whole.set(this.#before);
    merge(this.#whole, this.#ring, this.#place(slot));
    return read(this.#whole, this.#statistic);
  }

  /** Event times go on from `ms` later, though no time has passed. */
  jump(ms: number): void {
    if (this.#slot === -Infinity) return;
    // In whole slots: what is in the window stays in it.
    const moved = Math.round(ms / this.#stepMs);
    const old = this.#ring.slice();
    for (let slot = this.#slot - slots + 1; slot <= this.#slot; slot++) {
      const from = this.#place(slot);
      this.#ring.set(old.subarray(from, from + width), this.#place(slot + moved));
    }
    for (let at = 0; at < this.#ring.length; at += width) shift(this.#ring, at, ms);
    this.#slot += moved;
    this.#since += ms;
    this.#gather();
  }

  write(to: ByteWriter): void {
    to.float(this.#slot);
    to.float(this.#since);
    if (this.#slot === -Infinity) return;
    for (let slot = this.#slot - slots + 1; slot <= this.#slot; slot++) {
      const at = this.#place(slot);
      const isEmpty = this.#ring[at] === 0;
      to.varint(isEmpty ? 0 : 1);
      if (!isEmpty) for (let field = 0; field < width; field++) to.float(this.#ring[at + field] ?? 0);
    }
  }

  read(from: ByteReader): void {
    this.#slot = from.float();
    this.#since = from.float();
    this.#ring.fill(0);
    if (this.#slot === -Infinity) return;
    if (!Number.isSafeInteger(this.#slot)) throw new RangeError(`trailing window: slot ${this.#slot}`);
    for (let slot = this.#slot - slots + 1; slot <= this.#slot; slot++) {
      if (from.varint() === 0) continue;
      const at = this.#place(slot);
      for (let field = 0; field < width; field++) this.#ring[at + field] = from.float();
    }
    this.#gather();
  }

  #place(slot: number): number {
    return (((slot % slots) + slots) % slots) * width;
  }

  #moveTo(slot: number): void {
    const gone = Math.min(slots, slot - this.#slot);
    for (let left = slot - gone + 1; left <= slot; left++) {
      const at = this.#place(left);
      this.#ring.fill(0, at, at + width);
    }
    this.#slot = slot;
    this.#gather();
  }

  /** Puts the slots before the newest together, oldest first. */
  #gather(): void {
    this.#before.fill(0);
    for (let slot = this.#slot - slots + 1; slot < this.#slot; slot++)
      merge(this.#before, this.#ring, this.#place(slot));
  }
}

function add(ring: Float64Array, at: number, time: number, value: number): void {
  const count = (ring[at] ?? 0) + 1;
  if (count === 1) {
    ring[at + fields.min] = value;
    ring[at + fields.max] = value;
    ring[at + fields.first] = value;
    ring[at + fields.firstTime] = time;
  }
  const mean = ring[at + fields.mean] ?? 0;
  const distance = value - mean;
  const moved = mean + distance / count;
  ring[at] = count;
  ring[at + fields.mean] = moved;
  ring[at + fields.m2] = (ring[at + fields.m2] ?? 0) + distance * (value - moved);
  if (value < (ring[at + fields.min] ?? 0)) ring[at + fields.min] = value;
  if (value > (ring[at + fields.max] ?? 0)) ring[at + fields.max] = value;
  ring[at + fields.last] = value;
  ring[at + fields.lastTime] = time;
}

/** Adds a later slot to what is there (Chan, Golub, LeVeque 1983 for the squares). */
function merge(into: Float64Array, ring: Float64Array, at: number): void {
  const more = ring[at] ?? 0;
  if (more === 0) return;
  const had = into[fields.count] ?? 0;
  if (had === 0) {
    into.set(ring.subarray(at, at + width));
    return;
  }
  const count = had + more;
  const mean = into[fields.mean] ?? 0;
  const distance = (ring[at + fields.mean] ?? 0) - mean;
  into[fields.count] = count;
  into[fields.mean] = mean + (distance * more) / count;
  into[fields.m2] = (into[fields.m2] ?? 0) + (ring[at + fields.m2] ?? 0) + (distance * distance * had * more) / count;
  into[fields.min] = Math.min(into[fields.min] ?? 0, ring[at + fields.min] ?? 0);
  into[fields.max] = Math.max(into[fields.max] ?? 0, ring[at + fields.max] ?? 0);
  into[fields.last] = ring[at + fields.last] ?? 0;
  into[fields.lastTime] = ring[at + fields.lastTime] ?? 0;
}

function shift(ring: Float64Array, at: number, ms: number): void {
  if (ring[at] === 0) return;
  ring[at + fields.firstTime] = (ring[at + fields.firstTime] ?? 0) + ms;
  ring[at + fields.lastTime] = (ring[at + fields.lastTime] ?? 0) + ms;
}

function read(all: Float64Array, statistic: TrailingStatistic): number {
  const of = (field: number): number => all[field] ?? NaN;
  switch (statistic) {
    case 'count':
    case 'mean':
    case 'min':
    case 'max':
      return of(fields[statistic]);
    case 'sum':
      return of(fields.mean) * of(fields.count);
    case 'stddev':
      return Math.sqrt(of(fields.m2) / (of(fields.count) - 1));
    case 'range':
      return of(fields.max) - of(fields.min);
    case 'change':
      return of(fields.last) - of(fields.first);
    case 'rate':
      return (1000 * (of(fields.last) - of(fields.first))) / (of(fields.lastTime) - of(fields.firstTime));
  }
}
