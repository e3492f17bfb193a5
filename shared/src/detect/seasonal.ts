// How far a value is from what it usually is at this time of the day: `seasonal`. A profile of 96 quarters of an hour, in UTC,
// and how far values are from it; weekends have a profile of their own once they were seen. Off until three days were
// seen, and where a quarter of an hour was never seen before.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Deviation, scoreOf } from './deviation.ts';
import { readable } from './words.ts';

const dayMs = 86_400_000;
const slots = 96;
/** Of weekdays, then of weekends. */
const profiles = 2;
const settledMs = 3 * dayMs;
/** The weight of a new day. */
const weight = 0.2;
const half = 6;

class Seasonal implements Detector {
  readonly #level = new Float64Array(slots * profiles);
  readonly #days = new Float64Array(slots * profiles);
  readonly #deviation = new Deviation(0.005);
  #began = NaN;
  /** The slot of event time that is being filled, and its mean so far. */
  #slot = NaN;
  #mean = 0;
  #count = 0;
  #value = NaN;
  #expected = NaN;
  #off = 0;

  update(time: number, value: number): number {
    const slot = Math.floor(time / (dayMs / slots));
    if (slot !== this.#slot) this.#close(slot);
    if (Number.isNaN(this.#began)) this.#began = time;
    this.#count += 1;
    this.#mean += (value - this.#mean) / this.#count;
    this.#value = value;
    const at = this.#placeOf(slot);
    this.#off = 0;
    if ((this.#days[at] ?? 0) === 0 || !Number.isFinite(this.#level[at] ?? NaN)) return 0;
    this.#expected = this.#level[at] ?? NaN;
    const residual = value - this.#expected;
    const isSettled = time - this.#began >= settledMs;
    if (isSettled) this.#off = this.#deviation.of(residual);
    this.#deviation.learn(residual);
    return scoreOf(this.#off, half);
  }

  explain(): string {
    const side = this.#off < 0 ? 'below' : 'above';
    return `${readable(this.#value)} is ${readable(Math.abs(this.#off))} usual deviations ${side} the ${readable(this.#expected)} of this time of day`;
  }

  write(to: ByteWriter): void {
    this.#deviation.write(to);
    for (const number of [this.#began, this.#slot, this.#mean]) to.float(number);
    to.varint(this.#count);
    for (let at = 0; at < slots * profiles; at++) {
      to.varint(this.#days[at] ?? 0);
      if ((this.#days[at] ?? 0) > 0) to.float(this.#level[at] ?? 0);
    }
  }

  read(from: ByteReader): void {
    this.#deviation.read(from);
    this.#began = from.float();
    this.#slot = from.float();
    this.#mean = from.float();
    this.#count = from.varint();
    for (let at = 0; at < slots * profiles; at++) {
      this.#days[at] = from.varint();
      this.#level[at] = (this.#days[at] ?? 0) > 0 ? from.float() : 0;
    }
  }

  /** A weekend that was never seen is expected to be like a weekday. */
  #placeOf(slot: number): number {
    const quarter = ((slot % slots) + slots) % slots;
    const weekend = slots + quarter;
    return isWeekend(slot) && (this.#days[weekend] ?? 0) > 0 ? weekend : quarter;
  }

  #close(next: number): void {
    if (this.#count > 0) {
      const quarter = ((this.#slot % slots) + slots) % slots;
      const at = isWeekend(this.#slot) ? slots + quarter : quarter;
      const days = (this.#days[at] ?? 0) + 1;
      this.#days[at] = Math.min(days, 1000);
      const level = this.#level[at] ?? 0;
      this.#level[at] = level + (this.#mean - level) * Math.max(weight, 1 / days);
    }
    this.#slot = next;
    this.#mean = 0;
    this.#count = 0;
  }
}

/** 1970 began on a Thursday. */
function isWeekend(slot: number): boolean {
  const day = ((Math.floor(slot / slots) % 7) + 7) % 7;
  return day === 2 || day === 3;
}

export const seasonal: DetectorKind = {
  key: 'seasonal',
  notices: 'a value unlike what it is at this time of the day',
  make: () => new Seasonal(),
};
