// Whether a series stays where it never stays: `level`.
//
// The mean of the last while (exponentially weighted, a third of an hour) is a series of its own, and novelty.ts says how far
// that is from all it has been of late. A value that is well known for a moment is strange when it lasts: a heart that
// races for an hour at rest, a store that is warm for longer than its door is ever open. Where readings are further apart
// than that, the mean is the reading, and the detector is novelty.ts.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Novelty, shareScore } from './novelty.ts';
import { readable } from './words.ts';

const tauMs = 20 * 60_000;
/** The mean is looked at so often. */
const lookMs = tauMs;
/** After a gap it begins anew, and counts when it has seen so much. */
const settledMs = 2 * tauMs;
/** The share of the range of levels that scores one half. */
const strange = 0.04;

export class Level implements Detector {
  readonly #novelty = new Novelty();
  #mean = NaN;
  #began = NaN;
  #last = NaN;
  #looked = -Infinity;

  update(time: number, value: number): number {
    return shareScore(this.measure(time, value), strange);
  }

  /** @returns how far the level is from any of late, as a share of the range of levels; 0 between looks */
  measure(time: number, value: number): number {
    const apart = time - this.#last;
    this.#last = time;
    if (!(apart < settledMs)) {
      this.#began = time;
      this.#mean = value;
      return 0;
    }
    this.#mean += (value - this.#mean) * -Math.expm1(-apart / tauMs);
    if (time - this.#began < settledMs || time - this.#looked < lookMs) return 0;
    this.#looked = time;
    return this.#novelty.measure(time, this.#mean);
  }

  explain(): string {
    const { percent, lowest, highest } = this.#novelty.found;
    return `for the last half hour it was about ${readable(this.#mean)}: ${percent} % of the range ${lowest} to ${highest} away from any such level of late`;
  }

  write(to: ByteWriter): void {
    this.#novelty.write(to);
    for (const number of [this.#mean, this.#began, this.#last, this.#looked]) to.float(number);
  }

  read(from: ByteReader): void {
    this.#novelty.read(from);
    this.#mean = from.float();
    this.#began = from.float();
    this.#last = from.float();
    this.#looked = from.float();
  }
}

export const level: DetectorKind = {
  key: 'level',
  notices: 'a level the signal never holds for so long',
  make: () => new Level(),
};
