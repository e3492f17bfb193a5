// Whether the level of a series is shifting: `change`.
//
// The median of the last 5 readings against the median of the 20 before them, as a multiple of what that difference usually is:
// its own 80 % quantile, tracked as it goes. Medians do not see a single outlier, and a signal that swings every day is
// measured by its swings. A level shift and the beginning of a trend are both a difference that has rarely been so great.
//
// Two medians over adjacent windows are the classical two-sample comparison for change points (Kifer, Ben-David, Gehrke 2004:
// Detecting change in data streams, section 2); the quantile is tracked by stochastic approximation with steps in proportion
// to itself (Ma, Muthukrishnan, Sandler 2013: Frugal streaming for estimating quantiles).

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { readable } from './words.ts';

const recent = 5;
const before = 20;
const window = recent + before;
const quantile = 0.8;
const stepShare = 0.3;
const slowest = 0.01;
/** So many differences are seen before any is called great. */
const settled = 100;
/** Beyond this multiple of the usual there is nothing to tell apart. */
const greatest = 1000;
/** The multiple that scores one half. */
const half = 4;

export class Change implements Detector {
  /** The last readings, a ring. */
  readonly #ring = new Float64Array(window);
  /** Those of the older window, in ascending order. */
  readonly #sorted = new Float64Array(before);
  readonly #latest = new Float64Array(recent);
  #seen = 0;
  #usual = 0;
  #times = 0;
  // Of the last reading, to explain it.
  #from = NaN;
  #to = NaN;

  /** @returns how many times the usual the last difference is, from 0 to 1000; 0 while that is not known */
  measure(value: number): number {
    const at = this.#seen % window;
    // What was the oldest of the recent ones is the newest of the older ones now, whose oldest goes.
    const leaving = this.#ring[at] ?? 0;
    const joining = this.#ring[(this.#seen - recent + window) % window] ?? 0;
    this.#ring[at] = value;
    this.#seen += 1;
    if (this.#seen < window) return 0;
    if (this.#seen === window) {
      for (let i = 0; i < before; i++) this.#sorted[i] = this.#ring[i] ?? 0;
      this.#sorted.sort();
    } else this.#exchange(leaving, joining);
    for (let i = 0; i < recent; i++) this.#latest[i] = this.#ring[(this.#seen - recent + i) % window] ?? 0;
    this.#from = ((this.#sorted[before / 2 - 1] ?? 0) + (this.#sorted[before / 2] ?? 0)) / 2;
    this.#to = medianOfFive(this.#latest);
    return this.#compare(Math.abs(this.#to - this.#from));
  }

  update(_time: number, value: number): number {
    const times = this.measure(value);
    return 1 - 1 / (1 + (times / half) ** 2);
  }

  explain(): string {
    return `its level went from ${readable(this.#from)} to ${readable(this.#to)}, ${readable(this.#times)} times what it usually does in ${recent} readings`;
  }

  write(to: ByteWriter): void {
    to.varint(this.#seen);
    to.float(this.#usual);
    for (const value of this.#ring) to.float(value);
  }

  read(from: ByteReader): void {
    this.#seen = from.varint();
    this.#usual = from.float();
    for (let at = 0; at < window; at++) this.#ring[at] = from.float();
    if (this.#seen < window) return;
    for (let i = 0; i < before; i++) this.#sorted[i] = this.#ring[(this.#seen + i) % window] ?? 0;
    this.#sorted.sort();
  }

  #compare(difference: number): number {
    const differences = this.#seen - window + 1;
    if (!Number.isFinite(difference)) return 0;
    const usual = Math.max(this.#usual, difference / greatest);
    this.#times = differences > settled && difference > 0 ? difference / usual : 0;
    this.#learn(difference, differences);
    return this.#times;
  }

  #learn(difference: number, differences: number): void {
    if (differences < settled / 5) {
      this.#usual = Math.max(this.#usual, difference);
      return;
    }
    const step = Math.max(slowest, 1 / differences) * stepShare * this.#usual;
    if (difference > this.#usual)
      this.#usual = Math.max(this.#usual + (step * quantile) / (1 - quantile), difference / greatest);
    else this.#usual -= step;
  }

  #exchange(leaving: number, joining: number): void {
    const sorted = this.#sorted;
    let hole = 0;
    while (hole < before - 1 && sorted[hole] !== leaving) hole += 1;
    for (; hole > 0 && (sorted[hole - 1] ?? 0) > joining; hole--) sorted[hole] = sorted[hole - 1] ?? 0;
    for (; hole < before - 1 && (sorted[hole + 1] ?? 0) < joining; hole++) sorted[hole] = sorted[hole + 1] ?? 0;
    sorted[hole] = joining;
  }
}

/** Sorts what it is given. */
function medianOfFive(five: Float64Array): number {
  for (let i = 1; i < recent; i++) {
    const value = five[i] ?? 0;
    let at = i;
    for (; at > 0 && (five[at - 1] ?? 0) > value; at--) five[at] = five[at - 1] ?? 0;
    five[at] = value;
  }
  return five[2] ?? 0;
}

export const change: DetectorKind = {
  key: 'change',
  notices: 'a level that shifts, or begins to drift',
  make: () => new Change(),
};
