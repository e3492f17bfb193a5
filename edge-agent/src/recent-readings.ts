// The readings taken in last, to know one when it comes again: a broker repeats what it has seen no ack for, also when the
// reading was committed and only the ack got lost. Two generations of a bounded set, so that forgetting costs nothing.
//
// What is kept of a reading is a 53-bit hash: a new reading that is repeated, never was committed, and hashes like one of
// the 80,000 others would be dropped; the chance is one in 10^11 for each such reading.

const generationSize = 40_000;

const bits = new Float64Array(2);
const words = new Uint32Array(bits.buffer);

export class RecentReadings {
  #young = new Set<number>();
  #old = new Set<number>();

  /** @param series a number that stands for the series @param time epoch milliseconds */
  add(series: number, time: number, value: number): void {
    if (this.#young.size >= generationSize) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    this.#young.add(hash(series, time, value));
  }

  has(series: number, time: number, value: number): boolean {
    const key = hash(series, time, value);
    return this.#young.has(key) || this.#old.has(key);
  }
}

/** Two multiplicative hashes over the same words, with the mixing steps of MurmurHash3 (Appleby, public domain). */
function hash(series: number, time: number, value: number): number {
  bits[0] = time;
  bits[1] = value;
  let high = series ^ 0x9e37_79b9;
  let low = series ^ 0x85eb_ca6b;
  for (const word of words) {
    high = mix(high ^ word, 0xcc9e_2d51);
    low = mix(low ^ word, 0x1b87_3593);
  }
  return (high >>> 0) * 2 ** 21 + (low >>> 11);
}

function mix(value: number, factor: number): number {
  const product = Math.imul(value ^ (value >>> 16), factor);
  return Math.imul(product ^ (product >>> 13), 0xc2b2_ae35) ^ (product >>> 16);
}
