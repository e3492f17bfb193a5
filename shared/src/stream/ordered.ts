// What an accumulator holds for order-dependent statistics: right in whatever order readings come in, and right again after
// a late one.
//
// Where the first and the last reading are enough, these two; otherwise all readings in order, summed up as they come. A
// late one makes the sum wrong: it is made anew from the readings when it is asked for. Readings that no accepted one can
// precede any more need not be kept: they become a prefix of the sum.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import { isBefore, Samples } from './samples.ts';
import { Segment } from './segment.ts';

type IsOn = (value: number) => boolean;

/** Bits of the written form. */
const has = { samples: 1, prefix: 2 } as const;

export class Ordered {
  readonly #isOn: IsOn;
  /** Undefined where readings are kept. */
  readonly #edges: Edges | undefined;
  #samples = new Samples();
  /** Readings before those kept. */
  #prefix: Segment | undefined = undefined;
  /** Prefix and samples in one; undefined since a late reading. */
  #summary: Segment | undefined;

  /** @param keep whether more than the first and the last reading is asked for */
  constructor(isOn: IsOn, keep: boolean) {
    this.#isOn = isOn;
    this.#edges = keep ? undefined : new Edges();
    this.#summary = keep ? new Segment(isOn) : undefined;
  }

  /** The readings of parts that are disjoint and in order. Statistics only: a part without readings kept has its edges. */
  static summaryOf(parts: readonly Ordered[], isOn: IsOn): Segment {
    return together(isOn, ...parts.map((part) => part.summary()));
  }

  /** Bytes of the readings kept. */
  get bytes(): number {
    return this.#samples.bytes;
  }

  /** @throws RangeError when it is older than what has been folded: a bug of the caller */
  add(time: number, value: number): void {
    if (this.#edges !== undefined) {
      this.#edges.add(time, value);
      return;
    }
    if (this.#prefix !== undefined && !(time > this.#prefix.lastTime)) throw new RangeError(`${time} has been folded`);
    if (!this.#samples.add(time, value)) this.#summary = undefined;
    else if (this.#summary !== undefined) this.#summary.append(time, value);
  }

  /**
   * Takes in all readings of another one that was made for the same; it stays as it is.
   * @throws RangeError when they belong into what has been folded: a bug of the caller
   */
  merge(other: Ordered): void {
    if (this.#edges !== undefined) {
      if (other.#edges !== undefined) this.#edges.merge(other.#edges);
      return;
    }
    const mine = this.summary();
    const theirs = other.summary();
    const isFirst = isBefore(mine.firstTime, mine.firstValue, theirs.firstTime, theirs.firstValue);
    const [early, late] = isFirst ? [this, other] : [other, this];
    const [before, after] = isFirst ? [mine, theirs] : [theirs, mine];
    const areDisjoint = !isBefore(after.firstTime, after.firstValue, before.lastTime, before.lastValue);
    const folded = late.#prefix === undefined ? early.#prefix : before;
    if (!areDisjoint && folded !== undefined && !(after.firstTime > folded.lastTime)) {
      throw new RangeError(`${after.firstTime} has been folded`);
    }
    if (late.#prefix === undefined) {
      this.#prefix = early.#prefix === undefined ? undefined : together(this.#isOn, early.#prefix);
      this.#samples.merge(other.#samples);
    } else {
      this.#prefix = together(this.#isOn, before, late.#prefix);
      if (late === other) this.#samples = copyOf(other.#samples);
    }
    this.#summary = areDisjoint ? together(this.#isOn, before, after) : undefined;
  }

  /** Of readings that are not kept, a summary of the first and the last. Not to be changed, and good until the next `add`. */
  summary(): Segment {
    if (this.#edges !== undefined) return this.#edges.summary(this.#isOn);
    if (this.#summary !== undefined) return this.#summary;
    const all = this.#prefix === undefined ? new Segment(this.#isOn) : together(this.#isOn, this.#prefix);
    const samples = this.#samples;
    for (let i = 0; i < samples.length; i++) all.append(samples.timeAt(i), samples.valueAt(i));
    this.#summary = all;
    return all;
  }

  /** Readings older than this can get no company any more: they need not be kept. */
  foldBefore(time: number): void {
    const samples = this.#samples;
    if (samples.length === 0 || !(samples.timeAt(0) < time)) return;
    const count = samples.countBefore(time);
    this.#prefix ??= new Segment(this.#isOn);
    for (let i = 0; i < count; i++) this.#prefix.append(samples.timeAt(i), samples.valueAt(i));
    samples.dropFirst(count);
  }

  write(to: ByteWriter): void {
    if (this.#edges !== undefined) {
      to.varint(0);
      this.#edges.samples().write(to);
      return;
    }
    to.varint(has.samples + (this.#prefix === undefined ? 0 : has.prefix));
    this.#prefix?.write(to);
    this.#samples.write(to);
  }

  /** @throws RangeError when the bytes are none of this */
  static read(from: ByteReader, isOn: IsOn): Ordered {
    const bits = from.varint();
    const ordered = new Ordered(isOn, (bits & has.samples) !== 0);
    if ((bits & has.prefix) !== 0) ordered.#prefix = Segment.read(from, isOn);
    const samples = Samples.read(from);
    if (ordered.#edges === undefined) {
      ordered.#samples = samples;
      ordered.#summary = undefined;
    } else {
      for (let i = 0; i < samples.length; i++) ordered.#edges.add(samples.timeAt(i), samples.valueAt(i));
    }
    return ordered;
  }
}

function together(isOn: IsOn, ...segments: readonly Segment[]): Segment {
  const all = new Segment(isOn);
  for (const segment of segments) all.concat(segment);
  return all;
}

function copyOf(samples: Samples): Samples {
  const copy = new Samples();
  copy.merge(samples);
  return copy;
}

/** The first and the last reading. */
class Edges {
  #isEmpty = true;
  #firstTime = NaN;
  #firstValue = NaN;
  #lastTime = NaN;
  #lastValue = NaN;

  add(time: number, value: number): void {
    if (this.#isEmpty || isBefore(time, value, this.#firstTime, this.#firstValue)) {
      this.#firstTime = time;
      this.#firstValue = value;
    }
    if (this.#isEmpty || isBefore(this.#lastTime, this.#lastValue, time, value)) {
      this.#lastTime = time;
      this.#lastValue = value;
    }
    this.#isEmpty = false;
  }

  merge(other: Edges): void {
    if (other.#isEmpty) return;
    this.add(other.#firstTime, other.#firstValue);
    this.add(other.#lastTime, other.#lastValue);
  }

  /** None, one, or two. */
  samples(): Samples {
    const samples = new Samples();
    if (!this.#isEmpty) samples.add(this.#firstTime, this.#firstValue);
    if (isBefore(this.#firstTime, this.#firstValue, this.#lastTime, this.#lastValue)) {
      samples.add(this.#lastTime, this.#lastValue);
    }
    return samples;
  }

  summary(isOn: IsOn): Segment {
    const all = new Segment(isOn);
    const samples = this.samples();
    for (let i = 0; i < samples.length; i++) all.append(samples.timeAt(i), samples.valueAt(i));
    return all;
  }
}
