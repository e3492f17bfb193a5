// How far a value is from anything the series has been lately: `novelty`.
//
// The detector remembers representatives of the values it has seen: a value further than a hundredth of the range from its
// nearest representative becomes one; otherwise it keeps that one alive. What was not seen for long is forgotten, so that
// a value the signal used to have a season ago is news again. The score is the distance to the nearest representative as a
// share of the range they span.
//
// It is taken on two scales, and the smaller counts: as it is, and through the inverse hyperbolic sine around the mean in
// units of the mean deviation, which is a line near the mean and a logarithm far away. On the first alone a signal with rare
// high peaks (traffic, requests) is strange at every higher peak; on the second alone every small step near the mean is.
//
// The idea of nearest remembered values is that of k-nearest-neighbour detectors for streams (Burnaev, Ishimtsev 2016:
// Conformalized density- and distance-based anomaly detection in time-series data); scales and memory are ours.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { readable } from './words.ts';

/** The share of the range that scores one half. */
const novel = 0.0125;
/** Of the range: closer values are the same. */
const grain = 0.01;
/** At most so many representatives; then the one unseen for longest goes. */
const room = 112;
/** Forgotten is what was not seen for so many readings and for so long. */
const memoryReadings = 5000;
const memoryMs = 14 * 86_400_000;
/** Until so many readings were seen, the score is held down. */
const settledReadings = 300;
const slowest = 0.005;

export class Novelty implements Detector {
  /** In ascending order, with when each was seen last: reading number and event time. */
  readonly #values = new Float64Array(room);
  readonly #readings = new Float64Array(room);
  readonly #times = new Float64Array(room);
  #count = 0;
  #seen = 0;
  /** Which representative is looked at next, whether it is to be forgotten. */
  #cursor = 0;
  #mean = 0;
  #deviation = 0;
  readonly #floor: number;
  // Of the last reading, to explain it.
  #value = NaN;
  #distance = 0;
  #low = NaN;
  #high = NaN;

  /** @param floor where the range begins at the latest, though nothing was seen there: 0 for what is measured from nothing */
  constructor(floor = Infinity) {
    this.#floor = floor;
  }

  update(time: number, value: number): number {
    return shareScore(this.measure(time, value), novel);
  }

  /** @returns the distance itself, as a share of the range */
  measure(time: number, value: number): number {
    this.#value = value;
    const score = this.#count === 0 ? 0 : this.#score(value);
    this.#learn(time, value);
    this.#seen += 1;
    const share = Math.max(slowest, 1 / this.#seen);
    this.#mean += (value - this.#mean) * share;
    this.#deviation += (Math.abs(value - this.#mean) - this.#deviation) * share;
    return score * Math.min(1, this.#seen / settledReadings);
  }

  explain(): string {
    const { percent, lowest, highest } = this.found;
    return `${readable(this.#value)} is ${percent} % of the range ${lowest} to ${highest} away from any value of late`;
  }

  /** What was found of the last value, for people: how far it is from any other, and the range that is a share of. */
  get found(): { readonly percent: string; readonly lowest: string; readonly highest: string } {
    return { percent: readable(100 * this.#distance), lowest: readable(this.#low), highest: readable(this.#high) };
  }

  write(to: ByteWriter): void {
    to.varint(this.#count);
    for (let at = 0; at < this.#count; at++) {
      to.float(this.#values[at] ?? 0);
      to.varint(this.#seen - (this.#readings[at] ?? 0));
      to.float(this.#times[at] ?? 0);
    }
    to.varint(this.#seen);
    to.varint(this.#cursor);
    to.float(this.#mean);
    to.float(this.#deviation);
  }

  read(from: ByteReader): void {
    const count = from.varint();
    if (count > room) throw new RangeError(`novelty: ${count} representatives`);
    const ages = new Float64Array(count);
    for (let at = 0; at < count; at++) {
      this.#values[at] = from.float();
      ages[at] = from.varint();
      this.#times[at] = from.float();
    }
    this.#count = count;
    this.#seen = from.varint();
    for (let at = 0; at < count; at++) this.#readings[at] = this.#seen - (ages[at] ?? 0);
    this.#cursor = from.varint();
    this.#mean = from.float();
    this.#deviation = from.float();
  }

  #score(value: number): number {
    const values = this.#values;
    const low = Math.min(values[0] ?? value, value, this.#floor);
    const high = Math.max(values[this.#count - 1] ?? value, value);
    this.#low = low;
    this.#high = high;
    const range = high - low;
    this.#distance = 0;
    if (!(range > 0)) return 0;
    const at = this.#above(value);
    const below = at > 0 ? value - (values[at - 1] ?? -Infinity) : Infinity;
    const above = at < this.#count ? (values[at] ?? Infinity) - value : Infinity;
    const linear = Math.min(below, above) / range;
    this.#distance = linear;
    // Close enough to what is known that no scale makes it strange.
    if (linear === 0 || !(this.#deviation > 0) || !Number.isFinite(range)) return Number.isFinite(linear) ? linear : 0;
    const here = this.#bent(value);
    const bentRange = this.#bent(high) - this.#bent(low);
    const bentBelow = at > 0 ? here - this.#bent(values[at - 1] ?? 0) : Infinity;
    const bentAbove = at < this.#count ? this.#bent(values[at] ?? 0) - here : Infinity;
    const score = Math.min(linear, Math.min(bentBelow, bentAbove) / bentRange);
    return score >= 0 ? score : 0;
  }

  #bent(value: number): number {
    return Math.asinh((value - this.#mean) / this.#deviation);
  }

  #learn(time: number, value: number): void {
    const low = Math.min(this.#values[0] ?? value, value, this.#floor);
    const high = Math.max(this.#values[this.#count - 1] ?? value, value);
    const at = this.#above(value);
    const below = at > 0 ? value - (this.#values[at - 1] ?? 0) : Infinity;
    const above = at < this.#count ? (this.#values[at] ?? 0) - value : Infinity;
    const nearest = below <= above ? at - 1 : at;
    if (this.#count > 0 && !(Math.min(below, above) > grain * (high - low))) {
      this.#readings[nearest] = this.#seen;
      this.#times[nearest] = time;
    } else {
      const place = this.#count === room ? this.#makeRoom(at) : at;
      this.#insert(place, time, value);
    }
    this.#forgetOne(time);
  }

  /** @returns the index of the first representative above the value */
  #above(value: number): number {
    let from = 0;
    let to = this.#count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#values[middle] ?? 0) <= value) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  #insert(at: number, time: number, value: number): void {
    for (const column of [this.#values, this.#readings, this.#times]) column.copyWithin(at + 1, at, this.#count);
    this.#values[at] = value;
    this.#readings[at] = this.#seen;
    this.#times[at] = time;
    this.#count += 1;
  }

  #remove(at: number): void {
    for (const column of [this.#values, this.#readings, this.#times]) column.copyWithin(at, at + 1, this.#count);
    this.#count -= 1;
  }

  /** @returns where something goes that would have gone to `at` */
  #makeRoom(at: number): number {
    let oldest = 0;
    for (let i = 1; i < this.#count; i++) {
      if ((this.#readings[i] ?? 0) < (this.#readings[oldest] ?? 0)) oldest = i;
    }
    this.#remove(oldest);
    return oldest < at ? at - 1 : at;
  }

  /** One representative a reading is looked at: nothing is forgotten late by more readings than there are of them. */
  #forgetOne(time: number): void {
    this.#cursor = this.#cursor + 1 < this.#count ? this.#cursor + 1 : 0;
    const age = this.#seen - (this.#readings[this.#cursor] ?? 0);
    if (age >= memoryReadings && time - (this.#times[this.#cursor] ?? 0) >= memoryMs) this.#remove(this.#cursor);
  }
}

/** @param share of the range @returns one half at `half`, towards one beyond */
export function shareScore(share: number, half: number): number {
  return share < half ? share / (2 * half) : 1 - half / (2 * share);
}

export const novelty: DetectorKind = {
  key: 'novelty',
  notices: 'a value unlike any the signal has had of late',
  make: () => new Novelty(),
};
