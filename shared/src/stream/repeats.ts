// What a series has said already, where its source may say things twice: a band that sends its memory again, a broker that
// delivers at least once. Every (event time, value) is remembered as it is, and so there are no false alarms and no misses.
//
// Event time is cut into pieces. The two pieces last in use are sorted arrays, enough for live readings with a backlog
// draining beside them; the others are packed, and unpacked when a reading falls into them.

import { ByteReader, type ByteWriter } from '../model/bytes.ts';
import { Samples } from './samples.ts';
import { Sealed, scratchBytes } from './sealed.ts';

/** Event time and value, not packed. */
const bytesPerReading = 16;

export class Repeats {
  readonly #pieceMs: number;
  readonly #sealed = new Sealed();
  /** Start of the piece in use; NaN when there is none. */
  #start = NaN;
  #current = new Samples();
  /** The one in use before. */
  #otherStart = NaN;
  #other = new Samples();

  /** @param pieceMs whole milliseconds; a piece should hold some dozen readings at least */
  constructor(pieceMs: number) {
    this.#pieceMs = pieceMs;
  }

  /** Memory held. */
  get bytes(): number {
    // By what they hold, not by what room they have: that is another after a restart, and a limit must not be.
    return this.#sealed.bytes + (this.#current.length + this.#other.length) * bytesPerReading;
  }

  /** Whether this reading has been here and is not forgotten; if not, it has now. */
  isRepeat(time: number, value: number): boolean {
    const start = this.#startOf(time);
    if (start !== this.#start) this.#use(start);
    if (this.#current.has(time, value)) return true;
    this.#current.add(time, value);
    return false;
  }

  /** Forgets readings older than this, piece by piece: some that are not much older stay. */
  forget(before: number): void {
    const end = this.#startOf(before);
    this.#sealed.forgetBefore(end);
    if (this.#otherStart < end) {
      this.#otherStart = NaN;
      this.#other = new Samples();
    }
    if (this.#start < end) {
      this.#start = NaN;
      this.#current = new Samples();
    }
  }

  write(to: ByteWriter): void {
    to.float(this.#pieceMs);
    this.#sealed.write(to);
    for (const [start, samples] of [
      [this.#otherStart, this.#other],
      [this.#start, this.#current],
    ] as const) {
      to.float(start);
      samples.write(to);
    }
  }

  /**
   * Into an empty one.
   * @throws RangeError when it was written with pieces of another length, or the bytes are damaged
   */
  read(from: ByteReader): void {
    const pieceMs = from.float();
    if (pieceMs !== this.#pieceMs) throw new RangeError(`pieces of ${pieceMs} ms, this agent has ${this.#pieceMs}`);
    this.#sealed.read(from);
    this.#otherStart = from.float();
    this.#other = Samples.read(from);
    this.#start = from.float();
    this.#current = Samples.read(from);
  }

  /** Divided and rounded the same way everywhere: what is older can be in no later piece. */
  #startOf(time: number): number {
    return Math.floor(time / this.#pieceMs) * this.#pieceMs;
  }

  #use(start: number): void {
    const [before, samples] = [this.#start, this.#current];
    if (start === this.#otherStart) {
      this.#current = this.#other;
    } else {
      const bytes = this.#sealed.take(start);
      this.#current = bytes === undefined ? new Samples() : Samples.read(new ByteReader(bytes));
      if (this.#other.length > 0) this.#sealed.put(this.#otherStart, packed(this.#other));
    }
    this.#start = start;
    this.#otherStart = before;
    this.#other = samples;
  }
}

function packed(samples: Samples): Uint8Array {
  return scratchBytes((to) => samples.write(to));
}
