// Whether a value has stayed the same for longer than it ever does: `stuck`. The run of equal values against the longest
// runs there were, so that a coarse sensor, whose values repeat, is not called stuck for it. What was longest is forgotten
// slowly: half of it in 5,000 runs.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { readable } from './words.ts';

/** So many times as long as the longest run scores a half. */
const half = 4;
const fading = 0.5 ** (1 / 5000);
/** Runs seen before any is called long, and the readings a run must have. */
const settledRuns = 20;
const leastReadings = 10;

class Stuck implements Detector {
  #value = NaN;
  #run = 0;
  #runs = 0;
  #longest = 1;

  update(_time: number, value: number): number {
    if (value === this.#value) this.#run += 1;
    else {
      this.#longest = Math.max(this.#longest * fading, this.#run, 1);
      this.#runs += 1;
      this.#run = 1;
      this.#value = value;
    }
    if (this.#runs < settledRuns || this.#run < leastReadings) return 0;
    const times = this.#run / this.#longest;
    return times <= 1 ? 0 : 1 - 1 / (1 + ((times - 1) / (half - 1)) ** 2);
  }

  explain(): string {
    return `${readable(this.#value)} for ${this.#run} readings, where it was the same for ${readable(this.#longest)} at most`;
  }

  write(to: ByteWriter): void {
    to.float(this.#value);
    to.varint(this.#run);
    to.varint(this.#runs);
    to.float(this.#longest);
  }

  read(from: ByteReader): void {
    this.#value = from.float();
    this.#run = from.varint();
    this.#runs = from.varint();
    this.#longest = from.float();
  }
}

export const stuck: DetectorKind = {
  key: 'stuck',
  notices: 'a value that stays the same for longer than it ever does',
  make: () => new Stuck(),
};
