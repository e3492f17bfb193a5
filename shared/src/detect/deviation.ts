// How many usual deviations a number is from where it usually is: an exponentially weighted centre and mean absolute
// deviation. What is far out moves them little (it is clipped at four deviations), so that an anomaly does not teach itself.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';

const clip = 4;
const settled = 30;

export class Deviation {
  readonly #slowest: number;
  #centre = 0;
  #spread = 0;
  #seen = 0;

  /** @param slowest the weight of a new number, once many were seen */
  constructor(slowest: number) {
    this.#slowest = slowest;
  }

  get centre(): number {
    return this.#centre;
  }

  /** @returns signed, in usual deviations; 0 while too few were seen; at most 1000 */
  of(number: number): number {
    if (this.#seen < settled) return 0;
    const distance = number - this.#centre;
    if (distance === 0 || !Number.isFinite(distance)) return 0;
    return Math.max(-1000, Math.min(1000, distance / Math.max(this.#spread, Math.abs(distance) / 1000)));
  }

  learn(number: number): void {
    this.#seen += 1;
    if (this.#seen === 1) {
      this.#centre = number;
      return;
    }
    const weight = Math.max(this.#slowest, 1 / this.#seen);
    const distance = number - this.#centre;
    const size = Math.abs(distance);
    if (this.#seen <= settled) {
      this.#centre += distance * weight;
      this.#spread += (size - this.#spread) * weight;
      return;
    }
    // A spread of nothing would clip everything to nothing for ever.
    const most = this.#spread > 0 ? clip * this.#spread : size;
    const taken = Math.min(size, most);
    this.#centre += Math.sign(distance) * taken * weight;
    this.#spread += (taken - this.#spread) * weight;
  }

  write(to: ByteWriter): void {
    to.varint(this.#seen);
    to.float(this.#centre);
    to.float(this.#spread);
  }

  read(from: ByteReader): void {
    this.#seen = from.varint();
    this.#centre = from.float();
    this.#spread = from.float();
  }
}

/** 0 for what is usual, a half at `half` deviations, towards 1 beyond. */
export function scoreOf(deviations: number, half: number): number {
  return 1 - 1 / (1 + (deviations / half) ** 2);
}
