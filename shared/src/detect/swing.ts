// Whether a series goes up and down as it has of late: `swing`.
//
// How far apart the highest and the lowest of the last 50 readings are is a series of its own, and novelty.ts says how far
// that is from all it has been of late. So values that are each well known are strange where they should not follow one
// another: a flat stretch in a wave, a day without its peak, a jump between two known levels.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Novelty, shareScore } from './novelty.ts';
import { readable } from './words.ts';

const window = 50;
/** The share of the widest swing that scores one half. */
const strange = 0.025;

export class Swing implements Detector {
  readonly #novelty = new Novelty(0);
  /** The last readings, a ring. */
  readonly #ring = new Float64Array(window);
  #seen = 0;
  #low = Infinity;
  #high = -Infinity;

  update(time: number, value: number): number {
    return shareScore(this.measure(time, value), strange);
  }

  /** @returns how far the swing is from any of late, as a share of the widest */
  measure(time: number, value: number): number {
    const at = this.#seen % window;
    const leaving = this.#ring[at] ?? 0;
    this.#ring[at] = value;
    this.#seen += 1;
    if (this.#seen > window && (leaving === this.#low || leaving === this.#high)) this.#lookAgain();
    if (value < this.#low) this.#low = value;
    if (value > this.#high) this.#high = value;
    const swing = this.#high - this.#low;
    // Before there are as many, it has not swung as far as it will: that is not to be learnt.
    if (this.#seen < window || !Number.isFinite(swing)) return 0;
    return this.#novelty.measure(time, swing);
  }

  explain(): string {
    const [low, high] = [this.#low, this.#high].map(readable);
    const { percent, highest } = this.#novelty.found;
    return `the last ${window} readings went from ${low} to ${high}: a swing ${percent} % of the widest, ${highest}, away from any of late`;
  }

  write(to: ByteWriter): void {
    this.#novelty.write(to);
    to.varint(this.#seen);
    for (const value of this.#ring) to.float(value);
  }

  read(from: ByteReader): void {
    this.#novelty.read(from);
    this.#seen = from.varint();
    for (let at = 0; at < window; at++) this.#ring[at] = from.float();
    this.#lookAgain();
  }

  #lookAgain(): void {
    const count = Math.min(this.#seen, window);
    let low = Infinity;
    let high = -Infinity;
    for (let at = 0; at < count; at++) {
      const value = this.#ring[at] ?? 0;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    this.#low = low;
    this.#high = high;
  }
}

export const swing: DetectorKind = {
  key: 'swing',
  notices: 'a signal that goes up and down more, or less, than it has of late',
  make: () => new Swing(),
};
