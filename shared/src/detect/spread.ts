// Whether a series trembles more, or less, than it did: `spread`. The logarithm of the mean absolute step over the last 16
// readings, against its own past: a bearing that begins to rattle, a sensor whose noise is gone because it is frozen.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Deviation, scoreOf } from './deviation.ts';
import { readable } from './words.ts';

const steps = 16;
const weight = 0.005;
const half = 6;
/** Twice as much is the least that is called a change, however steady the spread was. */
const leastFactor = Math.log(2);

class Spread implements Detector {
  readonly #deviation = new Deviation(weight);
  readonly #ring = new Float64Array(steps);
  #seen = 0;
  #last = NaN;
  #factor = 1;

  update(_time: number, value: number): number {
    const step = Math.abs(value - this.#last);
    this.#last = value;
    if (!Number.isFinite(step)) return 0;
    this.#ring[this.#seen % steps] = step;
    this.#seen += 1;
    if (this.#seen < steps) return 0;
    let sum = 0;
    for (const one of this.#ring) sum += one;
    if (!(sum > 0) || !Number.isFinite(sum)) return 0;
    const size = Math.log(sum / steps);
    const off = this.#deviation.of(size);
    const apart = size - this.#deviation.centre;
    this.#factor = Math.exp(apart);
    this.#deviation.learn(size);
    return Math.abs(apart) < leastFactor ? 0 : scoreOf(off, half);
  }

  explain(): string {
    return `it trembles ${readable(this.#factor)} times as much as it usually does`;
  }

  write(to: ByteWriter): void {
    this.#deviation.write(to);
    to.varint(this.#seen);
    to.float(this.#last);
    for (const step of this.#ring) to.float(step);
  }

  read(from: ByteReader): void {
    this.#deviation.read(from);
    this.#seen = from.varint();
    this.#last = from.float();
    for (let at = 0; at < steps; at++) this.#ring[at] = from.float();
  }
}

export const spread: DetectorKind = {
  key: 'spread',
  notices: 'a signal that trembles more or less than it did',
  make: () => new Spread(),
};
