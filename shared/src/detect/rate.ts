// Whether a value changes faster than it usually does: `rate`. The change per second since the last reading, in its own
// deviations.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Deviation, scoreOf } from './deviation.ts';
import { readable } from './words.ts';

const weight = 0.01;
const half = 8;

class Rate implements Detector {
  readonly #deviation = new Deviation(weight);
  #time = NaN;
  #value = NaN;
  #perSecond = 0;
  #off = 0;

  update(time: number, value: number): number {
    const seconds = (time - this.#time) / 1000;
    const change = value - this.#value;
    this.#time = time;
    this.#value = value;
    this.#off = 0;
    if (!(seconds > 0) || !Number.isFinite(change)) return 0;
    this.#perSecond = change / seconds;
    this.#off = this.#deviation.of(this.#perSecond);
    this.#deviation.learn(this.#perSecond);
    return scoreOf(this.#off, half);
  }

  explain(): string {
    return `it changes by ${readable(this.#perSecond)} a second, ${readable(Math.abs(this.#off))} usual deviations from what it does`;
  }

  write(to: ByteWriter): void {
    this.#deviation.write(to);
    to.float(this.#time);
    to.float(this.#value);
  }

  read(from: ByteReader): void {
    this.#deviation.read(from);
    this.#time = from.float();
    this.#value = from.float();
  }
}

export const rate: DetectorKind = {
  key: 'rate',
  notices: 'a value that changes faster than it does',
  make: () => new Rate(),
};
