// One window's running aggregate: mergeable, and small once sealed.
//
// Mean and variance by Welford's update (Technometrics 4, 1962) and Chan's merge (1979): stable where sums of squares
// cancel. The sketch is there only when a percentile is asked for.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Statistic } from '../model/pane.ts';
import { Sketch } from './sketch.ts';

export class Accumulator {
  count = 0;
  mean = 0;
  #m2 = 0;
  min = Infinity;
  max = -Infinity;
  readonly #sketch: Sketch | undefined;
  /** How many of the readings the last emitted pane reported. */
  reported = 0;
  /** Revision of the next pane. */
  revision = 0;

  private constructor(sketch: Sketch | undefined) {
    this.#sketch = sketch;
  }

  static forStatistics(compute: readonly Statistic[]): Accumulator {
    return new Accumulator(needsSketch(compute) ? new Sketch() : undefined);
  }

  add(value: number): void {
    this.count += 1;
    const delta = value - this.mean;
    this.mean += delta / this.count;
    this.#m2 += delta * (value - this.mean);
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (this.#sketch !== undefined) this.#sketch.add(value);
  }

  merge(other: Accumulator): void {
    if (other.count === 0) return;
    const count = this.count + other.count;
    const delta = other.mean - this.mean;
    this.mean += (delta * other.count) / count;
    this.#m2 += other.#m2 + (delta * delta * this.count * other.count) / count;
    this.count = count;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    if (this.#sketch !== undefined && other.#sketch !== undefined) this.#sketch.merge(other.#sketch);
  }

  /** NaN where undefined: everything of an empty window, `stddev` (n - 1) of fewer than two readings. */
  value(statistic: Statistic): number {
    if (this.count === 0) return NaN;
    switch (statistic) {
      case 'mean':
        return this.mean;
      case 'min':
        return this.min;
      case 'max':
        return this.max;
      case 'stddev':
        return this.count < 2 ? NaN : Math.sqrt(this.#m2 / (this.count - 1));
      case 'p50':
        return this.#quantile(0.5);
      case 'p95':
        return this.#quantile(0.95);
      case 'p99':
        return this.#quantile(0.99);
    }
  }

  /** A sketch answers with the middle of a bin, which can lie outside what was measured; min and max are exact. */
  #quantile(q: number): number {
    const value = this.#sketch === undefined ? NaN : this.#sketch.quantile(q);
    return Math.min(this.max, Math.max(this.min, value));
  }

  write(to: ByteWriter): void {
    to.varint(this.count);
    to.varint(this.reported);
    to.varint(this.revision);
    to.float(this.mean);
    to.float(this.#m2);
    to.float(this.min);
    to.float(this.max);
    to.varint(this.#sketch === undefined ? 0 : 1);
    if (this.#sketch !== undefined) this.#sketch.write(to);
  }

  static read(from: ByteReader): Accumulator {
    const count = from.varint();
    const reported = from.varint();
    const revision = from.varint();
    const [mean, m2, min, max] = [from.float(), from.float(), from.float(), from.float()];
    const accumulator = new Accumulator(from.varint() === 1 ? Sketch.read(from) : undefined);
    accumulator.count = count;
    accumulator.reported = reported;
    accumulator.revision = revision;
    accumulator.mean = mean;
    accumulator.#m2 = m2;
    accumulator.min = min;
    accumulator.max = max;
    return accumulator;
  }
}

function needsSketch(compute: readonly Statistic[]): boolean {
  return compute.some((statistic) => statistic === 'p50' || statistic === 'p95' || statistic === 'p99');
}
