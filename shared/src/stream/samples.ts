// The readings of one window, or of one slice of a window, in event-time order whatever order they came in.
//
// The order is by event time and then by value: with that, readings of the same event time have one order, too, and it
// does not show who came first. Late readings move what comes after them; nearly all come last and move nothing.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import { readColumn, writeColumn } from '../model/columns.ts';

const smallest = 8;
/** More than a gateway holds of one slice; bytes that say more are damaged. */
const largest = 2 ** 24;
/** Shared by all that are empty. */
const nothing = new Float64Array(0);

/** The order of readings. -0 comes before 0, so that equal is the same. */
export function isBefore(time: number, value: number, otherTime: number, otherValue: number): boolean {
  if (time !== otherTime) return time < otherTime;
  return value < otherValue || (value === 0 && otherValue === 0 && Object.is(value, -0) && !Object.is(otherValue, -0));
}

export class Samples {
  /** Times in the first half, values in the second; used from `#begin` to `#end` of each. */
  #columns = nothing;
  #room = 0;
  #begin = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#begin;
  }

  /** Memory held. */
  get bytes(): number {
    return this.#columns.byteLength;
  }

  /** @param index from 0 to below `length` */
  timeAt(index: number): number {
    return this.#columns[this.#begin + index] ?? NaN;
  }

  /** @param index from 0 to below `length` */
  valueAt(index: number): number {
    return this.#columns[this.#room + this.#begin + index] ?? NaN;
  }

  /** @returns whether it came in order, as the last */
  add(time: number, value: number): boolean {
    if (this.#end === this.#room) this.#reserve(1);
    const columns = this.#columns;
    const end = this.#end;
    const isLast = end === this.#begin || !this.#isBeforeAt(time, value, end - 1);
    const at = isLast ? end : this.#placeOf(time, value);
    if (!isLast) {
      columns.copyWithin(at + 1, at, end);
      columns.copyWithin(this.#room + at + 1, this.#room + at, this.#room + end);
    }
    columns[at] = time;
    columns[this.#room + at] = value;
    this.#end += 1;
    return isLast;
  }

  has(time: number, value: number): boolean {
    const at = this.#placeOf(time, value);
    return at < this.#end && this.#columns[at] === time && Object.is(this.#columns[this.#room + at], value);
  }

  /** How many are older than this. */
  countBefore(time: number): number {
    return this.#placeOf(time, -Infinity) - this.#begin;
  }

  /** Takes in all readings of another one, which keeps them. */
  merge(other: Samples): void {
    this.#reserve(other.length);
    const columns = this.#columns;
    const room = this.#room;
    let mine = this.#end - 1;
    let to = this.#end + other.length - 1;
    this.#end += other.length;
    for (let theirs = other.length - 1; theirs >= 0; to--) {
      const time = other.timeAt(theirs);
      const value = other.valueAt(theirs);
      if (mine >= this.#begin && this.#isBeforeAt(time, value, mine)) {
        columns[to] = columns[mine] ?? NaN;
        columns[room + to] = columns[room + mine] ?? NaN;
        mine -= 1;
      } else {
        columns[to] = time;
        columns[room + to] = value;
        theirs -= 1;
      }
    }
  }

  /** Drops the oldest ones; memory follows. */
  dropFirst(count: number): void {
    this.#begin = Math.min(this.#begin + count, this.#end);
    if (this.length * 4 > this.#room || this.#room <= smallest) return;
    this.#resize(Math.max(smallest, this.length * 2));
  }

  write(to: ByteWriter): void {
    to.varint(this.length);
    writeColumn(to, this.#columns.subarray(this.#begin, this.#end), this.length);
    writeColumn(to, this.#columns.subarray(this.#room + this.#begin, this.#room + this.#end), this.length);
  }

  /** @throws RangeError when the bytes are no samples */
  static read(from: ByteReader): Samples {
    const length = from.varint();
    if (length > largest) throw new RangeError(`${length} samples are more than ${largest}`);
    const samples = new Samples();
    samples.#resize(length);
    samples.#columns.set(readColumn(from, length));
    samples.#columns.set(readColumn(from, length), length);
    samples.#end = length;
    return samples;
  }

  #isBeforeAt(time: number, value: number, at: number): boolean {
    return isBefore(time, value, this.#columns[at] ?? NaN, this.#columns[this.#room + at] ?? NaN);
  }

  /** Where in the columns the first one is that does not come before this. */
  #placeOf(time: number, value: number): number {
    let low = this.#begin;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.#columns[middle] ?? NaN, this.#columns[this.#room + middle] ?? NaN, time, value))
        low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #reserve(more: number): void {
    if (this.#end + more <= this.#room) return;
    const needed = this.length + more;
    // What was dropped leaves room, once it is half of it.
    this.#resize(needed <= this.#room / 2 ? this.#room : Math.max(smallest, this.#room * 2, needed));
  }

  #resize(room: number): void {
    const columns = room === this.#room ? this.#columns : new Float64Array(room * 2);
    const times = this.#columns.subarray(this.#begin, this.#end);
    const values = this.#columns.subarray(this.#room + this.#begin, this.#room + this.#end);
    columns.set(times, 0);
    columns.set(values, room);
    this.#end = this.length;
    this.#begin = 0;
    this.#room = room;
    this.#columns = columns;
  }
}
