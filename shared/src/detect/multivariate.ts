// Whether signals of one device are together as they never are: `anomaly: [current, temperature]`. Each may be ordinary by
// itself: a motor that draws much and stays cold.
//
// The distance of Mahalanobis (1936) from an exponentially weighted mean and covariance, by Cholesky decomposition, against
// its own past: what is far from the crowd in its shape, whatever the units. Half-space trees (Tan, Ting, Liu 2011) need no
// shape, but a range of every signal beforehand, and forget in jumps. A ridge of a thousandth of each variance keeps
// signals apart that are copies of each other. What is strange teaches little: its weight falls with its distance.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Deviation, scoreOf } from './deviation.ts';
import { readable } from './words.ts';

/** Detectors of several signals have the same promises as those of one. */
export interface JointDetector {
  /** @param values one of each signal, finite */
  update(time: number, values: ArrayLike<number>): number;
  explain(): string;
  write(to: ByteWriter): void;
  read(from: ByteReader): void;
}

/** Signals at most: their covariance is decomposed at every reading. */
export const maxSignals = 16;
const weight = 0.005;
const settledPerSignal = 30;
const half = 6;
const ridge = 1e-3;

export class Multivariate implements JointDetector {
  readonly #size: number;
  readonly #mean: Float64Array;
  /** Row by row; the lower half is used. */
  readonly #covariance: Float64Array;
  readonly #factor: Float64Array;
  readonly #offset: Float64Array;
  readonly #deviation = new Deviation(weight);
  #seen = 0;
  #off = 0;

  /** @param size signals */
  constructor(size: number) {
    if (!(size >= 1 && size <= maxSignals)) throw new RangeError(`${size} signals; at most ${maxSignals} go together`);
    this.#size = size;
    this.#mean = new Float64Array(size);
    this.#covariance = new Float64Array(size * size);
    this.#factor = new Float64Array(size * size);
    this.#offset = new Float64Array(size);
  }

  update(_time: number, values: ArrayLike<number>): number {
    this.#seen += 1;
    const isSettled = this.#seen > settledPerSignal * this.#size;
    const distance = this.#seen > 2 * this.#size ? this.#distance(values) : NaN;
    this.#off = 0;
    if (Number.isFinite(distance)) {
      const size = Math.log1p(distance);
      if (isSettled) this.#off = Math.max(0, this.#deviation.of(size));
      this.#deviation.learn(size);
    }
    const share = Math.max(weight, 1 / this.#seen);
    this.#learn(values, isSettled && this.#off > half / 2 ? share / this.#off ** 2 : share);
    return scoreOf(this.#off, half);
  }

  explain(): string {
    return `together they are ${readable(this.#off)} usual deviations from where they usually are`;
  }

  write(to: ByteWriter): void {
    to.varint(this.#seen);
    for (const number of this.#mean) to.float(number);
    for (const number of this.#covariance) to.float(number);
    this.#deviation.write(to);
  }

  read(from: ByteReader): void {
    this.#seen = from.varint();
    for (let at = 0; at < this.#mean.length; at++) this.#mean[at] = from.float();
    for (let at = 0; at < this.#covariance.length; at++) this.#covariance[at] = from.float();
    this.#deviation.read(from);
  }

  /** @returns the square of Mahalanobis' distance; NaN when a signal has never moved */
  #distance(values: ArrayLike<number>): number {
    const n = this.#size;
    let sum = 0;
    for (let row = 0; row < n; row++) {
      for (let column = 0; column <= row; column++) {
        let rest = this.#covariance[row * n + column] ?? 0;
        if (row === column) rest *= 1 + ridge;
        for (let k = 0; k < column; k++) rest -= (this.#factor[row * n + k] ?? 0) * (this.#factor[column * n + k] ?? 0);
        if (row !== column) this.#factor[row * n + column] = rest / (this.#factor[column * n + column] ?? NaN);
        else if (rest > 0) this.#factor[row * n + row] = Math.sqrt(rest);
        else return NaN;
      }
      let offset = (values[row] ?? NaN) - (this.#mean[row] ?? 0);
      for (let k = 0; k < row; k++) offset -= (this.#factor[row * n + k] ?? 0) * (this.#offset[k] ?? 0);
      offset /= this.#factor[row * n + row] ?? NaN;
      this.#offset[row] = offset;
      sum += offset * offset;
    }
    return sum;
  }

  #learn(values: ArrayLike<number>, share: number): void {
    const n = this.#size;
    for (let row = 0; row < n; row++) this.#offset[row] = (values[row] ?? 0) - (this.#mean[row] ?? 0);
    for (let row = 0; row < n; row++) {
      for (let column = 0; column <= row; column++) {
        const at = row * n + column;
        const product = (this.#offset[row] ?? 0) * (this.#offset[column] ?? 0);
        const had = this.#covariance[at] ?? 0;
        const next = (1 - share) * (had + share * product);
        if (Number.isFinite(next)) this.#covariance[at] = next;
      }
    }
    for (let row = 0; row < n; row++) this.#mean[row] = (this.#mean[row] ?? 0) + share * (this.#offset[row] ?? 0);
  }
}
