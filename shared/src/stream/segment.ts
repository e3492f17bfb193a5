// What order-dependent statistics need to know of readings that follow each other, in a few numbers: time-weighted mean,
// integral, duty, increase, rate, changes, first and last. A reading holds until the next one. Segments that follow each
// other become one, across the gap between them.
//
// Sums are exact, and what they are made of are single readings or pairs of neighbours: however readings are grouped into
// segments, and in whatever order these are put together, the result has the same bits.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import { ExactSum } from './exact-sum.ts';

export class Segment {
  count = 0;
  /** Event time, epoch milliseconds; NaN when there is no reading. So are the next three. */
  firstTime = NaN;
  firstValue = NaN;
  lastTime = NaN;
  lastValue = NaN;
  /** How often a value differs from the one before. */
  changes = 0;
  readonly #isOn: (value: number) => boolean;
  /** Value times milliseconds, up to the last reading. */
  readonly #integral = new ExactSum();
  /** Of stretches on: event time of the end, for those that have ended, less that of the start. */
  readonly #onTimes = new ExactSum();
  /** Whether the last reading is on, and so a stretch has not ended. */
  #on = false;
  /** What a counter had come to before it fell, all falls together. */
  readonly #fallenFrom = new ExactSum();

  constructor(isOn: (value: number) => boolean) {
    this.#isOn = isOn;
  }

  /** Takes in a reading that does not come before the last one. */
  append(time: number, value: number): void {
    if (this.count === 0) {
      this.firstTime = time;
      this.firstValue = value;
      this.#turn(this.#isOn(value), time);
    } else {
      if (time !== this.lastTime) this.#integral.addProduct(this.lastValue, time - this.lastTime);
      if (value !== this.lastValue) {
        this.changes += 1;
        if (value < this.lastValue) this.#fallenFrom.add(this.lastValue);
        this.#turn(this.#isOn(value), time);
      }
    }
    this.count += 1;
    this.lastTime = time;
    this.lastValue = value;
  }

  /** Takes in the readings of a segment none of which comes before the last one; it stays as it is. */
  concat(next: Segment): void {
    if (next.count === 0) return;
    if (this.count === 0) {
      this.firstTime = next.firstTime;
      this.firstValue = next.firstValue;
    } else {
      this.#integral.addProduct(this.lastValue, next.firstTime - this.lastTime);
      if (next.firstValue !== this.lastValue) this.changes += 1;
      if (next.firstValue < this.lastValue) this.#fallenFrom.add(this.lastValue);
      // Where the next one is on as well, its own stretch starts here.
      this.#turn(false, next.firstTime);
    }
    this.#integral.merge(next.#integral);
    this.#onTimes.merge(next.#onTimes);
    this.#on = next.#on;
    this.#fallenFrom.merge(next.#fallenFrom);
    this.changes += next.changes;
    this.count += next.count;
    this.lastTime = next.lastTime;
    this.lastValue = next.lastValue;
  }

  /** Value times milliseconds, the last reading holding until `endMs`. */
  integralUntil(endMs: number): number {
    const sum = copyOf(this.#integral);
    sum.addProduct(this.lastValue, endMs - this.lastTime);
    return sum.value;
  }

  /** Milliseconds for which it was on, the last reading holding until `endMs`. */
  onMsUntil(endMs: number): number {
    const sum = copyOf(this.#onTimes);
    if (this.#on) sum.add(endMs);
    return sum.value;
  }

  /** Whether the signal is on since the last reading. */
  get isOn(): boolean {
    return this.#on;
  }

  /** Sum of the rises of a counter; after a fall, it has risen from 0. */
  get increase(): number {
    const sum = copyOf(this.#fallenFrom);
    sum.add(this.lastValue);
    sum.add(-this.firstValue);
    return sum.value;
  }

  write(to: ByteWriter): void {
    to.varint(this.count);
    if (this.count === 0) return;
    to.float(this.firstTime);
    to.float(this.firstValue);
    to.float(this.lastTime);
    to.float(this.lastValue);
    to.varint(this.changes * 2 + (this.#on ? 1 : 0));
    this.#integral.write(to);
    this.#onTimes.write(to);
    this.#fallenFrom.write(to);
  }

  /** @throws RangeError when the bytes are no segment */
  static read(from: ByteReader, isOn: (value: number) => boolean): Segment {
    const segment = new Segment(isOn);
    segment.count = from.varint();
    if (segment.count === 0) return segment;
    segment.firstTime = from.float();
    segment.firstValue = from.float();
    segment.lastTime = from.float();
    segment.lastValue = from.float();
    const changes = from.varint();
    segment.changes = Math.floor(changes / 2);
    // Not asked of `isOn`, which may mean something else by now: a stretch that was begun has to end.
    segment.#on = changes % 2 === 1;
    segment.#integral.merge(ExactSum.read(from));
    segment.#onTimes.merge(ExactSum.read(from));
    segment.#fallenFrom.merge(ExactSum.read(from));
    return segment;
  }

  #turn(on: boolean, time: number): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#onTimes.add(on ? -time : time);
  }
}

function copyOf(sum: ExactSum): ExactSum {
  const copy = new ExactSum();
  copy.merge(sum);
  return copy;
}

// The statistics. All are NaN of a segment without readings. `endMs`, epoch milliseconds, is until when the last reading
// holds: the end of the window, or the time of that reading where a window has no end of its own.

/** Mean over time, in the unit of the signal; the last value where no time passes. */
export function timeMean(segment: Segment, endMs: number): number {
  const lengthMs = endMs - segment.firstTime;
  // Without a change there is nothing to round, either.
  if (lengthMs === 0 || segment.changes === 0) return segment.lastValue;
  return segment.integralUntil(endMs) / lengthMs;
}

/** Integral over time, in the unit of the signal times seconds. */
export function integral(segment: Segment, endMs: number): number {
  return segment.count === 0 ? NaN : segment.integralUntil(endMs) / 1000;
}

/** Share of the time from the first reading on, 0 to 1, for which the signal was on; by the last value where no time passes. */
export function duty(segment: Segment, endMs: number): number {
  const lengthMs = endMs - segment.firstTime;
  if (lengthMs === 0) return segment.isOn ? 1 : 0;
  return segment.onMsUntil(endMs) / lengthMs;
}

/** Sum of the rises of a counter, in the unit of the signal. A fall is a restart at 0, and the value then is a rise. */
export function increase(segment: Segment): number {
  return segment.count === 0 ? NaN : segment.increase;
}

/** Increase per second between the first and the last reading; NaN where no time passes. */
export function rate(segment: Segment): number {
  const lengthMs = segment.lastTime - segment.firstTime;
  return lengthMs > 0 ? segment.increase / (lengthMs / 1000) : NaN;
}
