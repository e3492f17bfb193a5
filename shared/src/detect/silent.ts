// Whether a reading came later than readings come: `silent`. The time since the reading before, on a logarithmic scale,
// against its own past. It speaks when the silence is over; while it lasts, the condition silent(signal for 15m) does.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Deviation, scoreOf } from './deviation.ts';
import { formatDuration } from '../model/duration.ts';

const weight = 0.01;
const half = 6;
/** However regular a sensor was, a gap is at least so many times the usual. */
const leastFactor = Math.log(3);

class Silent implements Detector {
  readonly #deviation = new Deviation(weight);
  #time = NaN;
  #gapMs = 0;

  update(time: number, _value: number): number {
    this.#gapMs = time - this.#time;
    this.#time = time;
    if (!(this.#gapMs > 0)) return 0;
    const size = Math.log(this.#gapMs);
    const off = this.#deviation.of(size);
    const apart = size - this.#deviation.centre;
    this.#deviation.learn(size);
    return apart < leastFactor ? 0 : scoreOf(off, half);
  }

  explain(): string {
    const usual = formatDuration(Math.round(Math.exp(this.#deviation.centre)));
    return `it was silent for ${formatDuration(Math.round(this.#gapMs))}, where it speaks every ${usual}`;
  }

  write(to: ByteWriter): void {
    this.#deviation.write(to);
    to.float(this.#time);
  }

  read(from: ByteReader): void {
    this.#deviation.read(from);
    this.#time = from.float();
  }
}

export const silent: DetectorKind = {
  key: 'silent',
  notices: 'a reading that comes much later than readings do',
  make: () => new Silent(),
};
