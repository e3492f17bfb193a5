// How far a value is from the recent past, in its own deviations: `residual`. The exponentially weighted control chart
// (Roberts 1959: Control chart tests based on geometric moving averages) with a robust scale.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Deviation, scoreOf } from './deviation.ts';
import { readable } from './words.ts';

const weight = 0.02;
const half = 6;

class Residual implements Detector {
  readonly #deviation = new Deviation(weight);
  #value = NaN;
  #off = 0;

  update(_time: number, value: number): number {
    this.#value = value;
    this.#off = this.#deviation.of(value);
    this.#deviation.learn(value);
    return scoreOf(this.#off, half);
  }

  explain(): string {
    const side = this.#off < 0 ? 'below' : 'above';
    return `${readable(this.#value)} is ${readable(Math.abs(this.#off))} usual deviations ${side} the recent past`;
  }

  write(to: ByteWriter): void {
    this.#deviation.write(to);
  }

  read(from: ByteReader): void {
    this.#deviation.read(from);
  }
}

export const residual: DetectorKind = {
  key: 'residual',
  notices: 'a value far from the recent past',
  make: () => new Residual(),
};
