// Quantiles by DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
// guarantees", VLDB 2019): values are counted in bins so narrow that a bin's middle is within 1 % of all that is in it.
//
// The bins are ours. The paper takes a logarithm; here every octave (from a power of two to the next) is cut into 35 bins whose
// borders are multiples of 1/2,048 of its start, so that a value's bin is told by its exponent and the first 11 bits of its
// fraction, with one look into a table. That is faster, is the same on every machine (a logarithm's last bit is not), and takes
// no more bins: with borders wherever one likes it would be 35, too.
//
// Bins are numbered by magnitude, from 35 (2.2e-308) to 71,644 (1.8e308), and kept in one array a sign, in whole blocks of
// eight. At most 256 blocks reach down from the largest magnitude, of either sign; what is smaller counts as zero, as do
// subnormal numbers. That is off by less than 3e-18 of the largest magnitude in the window, which is less than float64 can
// tell from it, and it depends on the values only: whatever the order of adding and merging, answers and bytes are the same.
//
// Bytes: zeros (varint); then for positive and for negative values the number of bins in use (varint) and for each of them, from
// the smallest magnitude up, the distance to the one before (zigzag; for the first to the bin of 1) and its count (varint).

import type { ByteReader, ByteWriter } from '../model/bytes.ts';

/** Relative error of every quantile. */
export const sketchAccuracy = 0.01;

const cellBits = 11;
const cells = 2 ** cellBits;
/** The bin, within its octave, of a value by the first bits of its fraction. */
const binOfCell = new Uint8Array(cells);
/** The middle of each bin, for the octave from 1 to 2: as far, relatively, from its lower border as from its upper one. */
const middles: number[] = [];
for (let low = cells; low < 2 * cells;) {
  const high = Math.min(Math.floor((low * (1 + sketchAccuracy)) / (1 - sketchAccuracy)), 2 * cells);
  binOfCell.fill(middles.length, low - cells, high - cells);
  middles.push((2 * low * high) / (low + high) / cells);
  low = high;
}
const octaveBins = middles.length;
const keyOfOne = 1023 * octaveBins;
const lastKey = 2047 * octaveBins - 1;

const blockBins = 8;
const maxBins = 256 * blockBins;

const scratch = new DataView(new ArrayBuffer(8));

/** The number of a value's bin, negative for a negative value; 0 for zero and what is too small. */
function keyOf(value: number): number {
  scratch.setFloat64(0, value, true);
  const high = scratch.getInt32(4, true);
  const exponent = (high >>> 20) & 0x7ff;
  if (exponent === 0) return 0;
  const key = exponent * octaveBins + (binOfCell[(high >>> (20 - cellBits)) & (cells - 1)] ?? 0);
  return high < 0 ? -key : key;
}

function middleOf(key: number): number {
  const exponent = Math.floor(key / octaveBins);
  scratch.setUint32(0, 0, true);
  scratch.setUint32(4, exponent * 2 ** 20, true);
  return scratch.getFloat64(0, true) * (middles[key - exponent * octaveBins] ?? NaN);
}

/** The end of a key's block. */
function endOf(key: number): number {
  return (Math.floor(key / blockBins) + 1) * blockBins;
}

const none: number[] = [];

/** The bins of one sign. Start and end are multiples of `blockBins`; the last block is never empty. */
class Bins {
  counts = none;
  /** Key of the first. */
  start = 0;

  get end(): number {
    return this.start + this.counts.length;
  }

  /** Room from one key to another, and for some more below, where further ones are to be expected; none below `floor`. */
  cover(first: number, last: number, floor: number): void {
    const { counts } = this;
    let start = endOf(first) - blockBins;
    if (counts.length > 0 && start >= this.start) start = this.start;
    else if (counts.length > 0) start = Math.max(start - Math.floor(counts.length / 4 / blockBins) * blockBins, floor);
    const end = Math.max(endOf(last), this.end);
    const shift = this.start - start;
    this.counts = Array<number>(end - start).fill(0);
    this.start = start;
    for (let i = 0; i < counts.length; i++) this.counts[i + shift] = counts[i] ?? 0;
  }

  /** @returns how many values were below `floor` */
  dropBelow(floor: number): number {
    const length = Math.min(floor - this.start, this.counts.length);
    if (length <= 0) return 0;
    const dropped = this.counts.slice(0, length);
    this.counts = this.counts.slice(length);
    this.start += length;
    return dropped.reduce((total, count) => total + count, 0);
  }

  /** @returns how many values of the other were below `floor` */
  merge(other: Bins, floor: number): number {
    const from = other.counts;
    const skipped = Math.min(Math.max(floor - other.start, 0), from.length);
    let dropped = 0;
    for (let i = 0; i < skipped; i++) dropped += from[i] ?? 0;
    if (skipped === from.length) return dropped;
    const first = other.start + skipped;
    if (first < this.start || other.end > this.end) this.cover(first, other.end - 1, floor);
    const to = this.counts;
    const shift = other.start - this.start;
    for (let i = skipped; i < from.length; i++) to[i + shift] = (to[i + shift] ?? 0) + (from[i] ?? 0);
    return dropped;
  }

  write(to: ByteWriter): void {
    to.varint(this.counts.filter((count) => count > 0).length);
    let previous = keyOfOne;
    for (const [i, count] of this.counts.entries()) {
      if (count === 0) continue;
      const key = this.start + i;
      to.zigzag(key - previous);
      to.varint(count);
      previous = key;
    }
  }

  static read(from: ByteReader): Bins {
    const bins = new Bins();
    const used: { key: number; count: number }[] = [];
    let key = keyOfOne;
    for (let left = from.varint(); left > 0; left--) {
      key += from.zigzag();
      used.push({ key, count: from.varint() });
    }
    const [first] = used;
    if (first === undefined) return bins;
    bins.cover(first.key, key, 0);
    for (const { key, count } of used) bins.counts[key - bins.start] = count;
    return bins;
  }
}

export class Sketch {
  #positive = new Bins();
  #negative = new Bins();
  #zeros = 0;
  #count = 0;

  /** @param value finite; RangeError otherwise */
  add(value: number): void {
    const key = keyOf(value);
    if (key === 0) {
      this.#zeros += 1;
    } else {
      const { counts, start } = key < 0 ? this.#negative : this.#positive;
      const at = Math.abs(key) - start;
      if (at >= 0 && at < counts.length) counts[at] = (counts[at] ?? 0) + 1;
      else this.#addOutside(key);
    }
    this.#count += 1;
  }

  /** The value at rank `q * (n - 1)`, the lower one between two, within `sketchAccuracy`; NaN when empty. @param q 0..1 */
  quantile(q: number): number {
    if (this.#count === 0) return NaN;
    const rank = q * (this.#count - 1);
    const negative = this.#negative;
    let seen = 0;
    for (let i = negative.counts.length - 1; i >= 0; i--) {
      seen += negative.counts[i] ?? 0;
      if (seen > rank) return -middleOf(negative.start + i);
    }
    seen += this.#zeros;
    if (seen > rank) return 0;
    const positive = this.#positive;
    for (let i = 0; i < positive.counts.length; i++) {
      seen += positive.counts[i] ?? 0;
      if (seen > rank) return middleOf(positive.start + i);
    }
    return NaN;
  }

  merge(other: Sketch): void {
    const floor = this.#raise(Math.max(other.#positive.end, other.#negative.end));
    const zeros = other.#zeros;
    this.#zeros += this.#positive.merge(other.#positive, floor) + this.#negative.merge(other.#negative, floor) + zeros;
    this.#count += other.#count;
  }

  write(to: ByteWriter): void {
    to.varint(this.#zeros);
    this.#positive.write(to);
    this.#negative.write(to);
  }

  static read(from: ByteReader): Sketch {
    const sketch = new Sketch();
    sketch.#zeros = from.varint();
    sketch.#positive = Bins.read(from);
    sketch.#negative = Bins.read(from);
    sketch.#count = sketch.#zeros;
    for (const { counts } of [sketch.#positive, sketch.#negative]) {
      sketch.#count = counts.reduce((total, count) => total + count, sketch.#count);
    }
    return sketch;
  }

  #addOutside(key: number): void {
    const magnitude = Math.abs(key);
    if (magnitude > lastKey) throw new RangeError('only finite values can be added');
    const bins = key < 0 ? this.#negative : this.#positive;
    const floor = this.#raise(endOf(magnitude));
    if (magnitude < floor) {
      this.#zeros += 1;
    } else {
      bins.cover(magnitude, magnitude, floor);
      bins.counts[magnitude - bins.start] = 1;
    }
  }

  /** Makes way for bins up to `end`. @returns the first key there is room for */
  #raise(end: number): number {
    const floor = Math.max(this.#positive.end, this.#negative.end, end) - maxBins;
    this.#zeros += this.#positive.dropBelow(floor) + this.#negative.dropBelow(floor);
    return floor;
  }
}
