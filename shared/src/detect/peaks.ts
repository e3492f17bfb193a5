// Whether a value is beyond what extreme value theory expects once in a hundred thousand readings: `peaks`, that is DSPOT
// (Siffer, Fouque, Termier, Largouet 2017: Anomaly detection in streams with extreme value theory, sections 4.3 and 4.4).
//
// The distance of a value from the recent mean is looked at on both sides. The distances beyond their 98 % quantile follow a
// generalised Pareto distribution, whatever the signal; it is fitted to the last 128 of them by probability-weighted moments
// (Hosking, Wallis 1987, section 3), which is quick and never fails to converge. The score is how rare the distance is: a half
// at one in a hundred thousand.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { readable } from './words.ts';

const room = 128;
const quantile = 0.98;
const settled = 500;
const leastPeaks = 16;
const driftWeight = 0.02;
const thresholdStep = 0.02;
/** Of readings: so rare scores a half. */
const rare = 1e-5;
const refitEvery = 8;

class Peaks implements Detector {
  readonly #excesses = new Float64Array(room);
  #peaks = 0;
  #seen = 0;
  #mean = 0;
  #threshold = 0;
  #shape = 0;
  #scale = 0;
  #probability = 1;

  update(_time: number, value: number): number {
    this.#seen += 1;
    if (this.#seen === 1) this.#mean = value;
    const distance = Math.abs(value - this.#mean);
    this.#mean += (value - this.#mean) * Math.max(driftWeight, 1 / this.#seen);
    if (!Number.isFinite(distance)) return 0;
    this.#probability = this.#seen > settled ? this.#tail(distance) : 1;
    this.#learn(distance);
    return this.#probability >= 1 ? 0 : Math.min(1, Math.log(this.#probability) / (2 * Math.log(rare)));
  }

  explain(): string {
    const times = this.#probability > 0 ? readable(1 / this.#probability) : 'many';
    return `so far from the recent mean as it is expected once in ${times} readings`;
  }

  write(to: ByteWriter): void {
    to.varint(this.#seen);
    to.varint(this.#peaks);
    for (const number of [this.#mean, this.#threshold, this.#shape, this.#scale]) to.float(number);
    for (let at = 0; at < Math.min(this.#peaks, room); at++) to.float(this.#excesses[at] ?? 0);
  }

  read(from: ByteReader): void {
    this.#seen = from.varint();
    this.#peaks = from.varint();
    this.#mean = from.float();
    this.#threshold = from.float();
    this.#shape = from.float();
    this.#scale = from.float();
    for (let at = 0; at < Math.min(this.#peaks, room); at++) this.#excesses[at] = from.float();
  }

  /** @returns how likely a distance is that is as great */
  #tail(distance: number): number {
    const excess = distance - this.#threshold;
    if (excess <= 0 || this.#peaks < leastPeaks || !(this.#scale > 0)) return 1;
    const bend = 1 + (this.#shape * excess) / this.#scale;
    const beyond =
      Math.abs(this.#shape) < 1e-6 ? Math.exp(-excess / this.#scale) : bend <= 0 ? 0 : bend ** (-1 / this.#shape);
    return Math.max(1e-12, (1 - quantile) * beyond);
  }

  #learn(distance: number): void {
    if (this.#seen < 50) {
      this.#threshold = Math.max(this.#threshold, distance);
      return;
    }
    const excess = distance - this.#threshold;
    if (excess > 0 && this.#seen > settled / 2) {
      // What is beyond belief does not teach.
      if (this.#probability > rare / 100) {
        this.#excesses[this.#peaks % room] = excess;
        this.#peaks += 1;
        if (this.#peaks >= leastPeaks && this.#peaks % refitEvery === 0) this.#fit();
      }
    }
    // In proportion to itself: any unit will do.
    const step = Math.max(thresholdStep, 10 / this.#seen) * this.#threshold;
    if (excess > 0) this.#threshold = Math.max(this.#threshold + step * quantile, distance / 1000);
    else this.#threshold -= step * (1 - quantile);
  }

  #fit(): void {
    const peaks = this.#excesses.slice(0, Math.min(this.#peaks, room)).sort();
    let mean = 0;
    let weighted = 0;
    for (const [rank, excess] of peaks.entries()) {
      mean += excess / peaks.length;
      weighted += (excess * (peaks.length - 1 - rank)) / (peaks.length * (peaks.length - 1));
    }
    const apart = mean - 2 * weighted;
    if (!(apart > 0)) return;
    // Hosking and Wallis write the shape with the other sign.
    this.#shape = Math.max(-0.5, Math.min(0.9, 2 - mean / apart));
    this.#scale = (2 * mean * weighted) / apart;
  }
}

export const peaks: DetectorKind = {
  key: 'peaks',
  notices: 'a value further out than extreme value theory expects',
  make: () => new Peaks(),
};
