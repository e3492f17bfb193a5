// Gathers the inputs of one derived series by event time, and computes a derived reading where all of them are there.
//
// Inputs belong together that fall into the same piece of event time. With `alignMs` of 0 a piece is one event time: its
// reading is due as soon as the last input is there. Otherwise a piece is [k * alignMs, (k + 1) * alignMs): of each input
// the last reading by (event time, value) counts, and the derived reading, at the start of the piece, is due when the
// watermark has passed the end. An input that comes later than that completes its piece all the same.
//
// A piece gives one reading and is not restated: the pieces that gave theirs are remembered. Both kinds are limited, and
// the oldest go first. Where memory has gone no piece is begun any more, since it might have given its reading already.
//
// Which input comes first does not matter for what is emitted in the end. (With `alignMs` of 0 that holds for one value of
// each input at each event time; of several, the largest that came in time counts.)

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Expression } from '../expression/expression.ts';

/** Pieces that wait, and pieces remembered as done: of each at most so many. */
const maxPieces = 10_000;

/** The value of each input, NaN while it is missing; with `alignMs`, their event times after them. */
type Piece = number[];

export class Derivation {
  readonly #inputCount: number;
  readonly #alignMs: number;
  readonly #expression: Expression;
  readonly #blank: Piece;
  /** Pieces that have not given their reading, and where they start; in order. */
  readonly #starts: number[] = [];
  readonly #pieces: Piece[] = [];
  /** Starts of those of them that have all inputs, in order. */
  readonly #complete: number[] = [];
  /** Starts of pieces that have given their reading, in order. */
  readonly #done: number[] = [];
  /** No piece is begun that starts before: it might have given its reading. */
  #from = -Infinity;
  /** Before this it was said that no more readings come. */
  #forgotten = -Infinity;
  #dropped = 0;

  constructor(inputCount: number, alignMs: number, expression: Expression) {
    this.#inputCount = inputCount;
    this.#alignMs = alignMs;
    this.#expression = expression;
    this.#blank = Array.from({ length: inputCount * (alignMs === 0 ? 1 : 2) }, () => NaN);
  }

  /** Pieces given up because too many waited, and readings for pieces below the limit. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a reading of one input, counted from 0. */
  offer(input: number, time: number, value: number): void {
    const start = this.#startOf(time);
    const piece = this.#pieceAt(start);
    if (piece === undefined) return;
    const known = piece[input] ?? NaN;
    const isFirst = Number.isNaN(known);
    const knownTime = piece[this.#inputCount + input] ?? time;
    if (!isFirst && (time < knownTime || (time === knownTime && value <= known))) return;
    piece[input] = value;
    if (this.#alignMs > 0) piece[this.#inputCount + input] = time;
    if (isFirst && this.#isComplete(piece)) insert(this.#complete, placeOf(this.#complete, start), start);
  }

  /** The watermark at which `ready` has something to emit: -Infinity is now, Infinity is not yet known. */
  nextDue(): number {
    const [first] = this.#complete;
    if (first === undefined) return Infinity;
    return this.#alignMs === 0 ? -Infinity : first + this.#alignMs;
  }

  /** Emits what is due, by event time. The watermark is the smallest of the inputs'. */
  ready(watermark: number, emit: (time: number, value: number) => void): void {
    while (this.#complete.length > 0 && this.nextDue() <= watermark) {
      const start = this.#complete.shift() ?? NaN;
      const at = placeOf(this.#starts, start);
      const piece = this.#pieces[at] ?? [];
      remove(this.#starts, at);
      remove(this.#pieces, at);
      this.#remember(start);
      emit(start, this.#expression.evaluate(piece));
    }
  }

  /** Event times before will not come any more. What is complete stays until it is emitted. */
  forget(before: number): void {
    const start = Math.min(this.#startOf(before), this.#complete[0] ?? Infinity);
    this.#forgotten = Math.max(this.#forgotten, start);
    this.#giveUp(start);
  }

  write(to: ByteWriter): void {
    to.float(this.#from);
    to.float(this.#forgotten);
    to.varint(this.#dropped);
    writeTimes(to, this.#starts);
    for (const piece of this.#pieces) for (const number of piece) to.float(number);
    writeTimes(to, this.#done);
  }

  /** Takes over what was written by one of the same inputs and alignment; this one must be new. */
  read(from: ByteReader): void {
    this.#from = from.float();
    this.#forgotten = from.float();
    this.#dropped = from.varint();
    readTimes(from, this.#starts);
    for (const start of this.#starts) {
      const piece = this.#blank.slice();
      for (const index of piece.keys()) piece[index] = from.float();
      this.#pieces.push(piece);
      if (this.#isComplete(piece)) this.#complete.push(start);
    }
    readTimes(from, this.#done);
  }

  #startOf(time: number): number {
    // Adding 0 makes 0 of -0, which is no other time.
    return (this.#alignMs === 0 ? time : Math.floor(time / this.#alignMs) * this.#alignMs) + 0;
  }

  /** @returns the piece that begins there, a new one if need be; undefined when it has given its reading or is given up */
  #pieceAt(start: number): Piece | undefined {
    const at = placeOf(this.#starts, start);
    if (this.#starts[at] === start) return this.#pieces[at];
    if (start < this.#from) {
      if (start >= this.#forgotten) this.#dropped += 1;
      return undefined;
    }
    if (this.#done[placeOf(this.#done, start)] === start) return undefined;
    const piece = this.#blank.slice();
    insert(this.#starts, at, start);
    insert(this.#pieces, at, piece);
    if (this.#starts.length > maxPieces) {
      this.#dropped += 1;
      this.#giveUp(this.#starts[1] ?? start);
    }
    return start < this.#from ? undefined : piece;
  }

  #isComplete(piece: Piece): boolean {
    for (let input = 0; input < this.#inputCount; input++) if (Number.isNaN(piece[input])) return false;
    return true;
  }

  #remember(start: number): void {
    insert(this.#done, placeOf(this.#done, start), start);
    if (this.#done.length <= maxPieces) return;
    this.#done.shift();
    this.#from = Math.max(this.#from, this.#done[0] ?? start);
  }

  #giveUp(before: number): void {
    if (before <= this.#from) return;
    this.#from = before;
    while ((this.#starts[0] ?? Infinity) < before) {
      this.#starts.shift();
      this.#pieces.shift();
    }
    while ((this.#complete[0] ?? Infinity) < before) this.#complete.shift();
    while ((this.#done[0] ?? Infinity) < before) this.#done.shift();
  }
}

/** Where a number is in a sorted list, or belongs: nearly always at the end. */
function placeOf(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length;
  if (high === 0 || (sorted[high - 1] ?? NaN) < wanted) return high;
  if (sorted[high - 1] === wanted) return high - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? NaN) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

// At the ends without splice, which would allocate: in-order readings are there.
function insert<T>(list: T[], at: number, item: T): void {
  if (at === list.length) list.push(item);
  else list.splice(at, 0, item);
}

function remove(list: unknown[], at: number): void {
  if (at === list.length - 1) list.pop();
  else if (at === 0) list.shift();
  else list.splice(at, 1);
}

/** Steps of whole milliseconds are short. */
function writeTimes(to: ByteWriter, times: readonly number[]): void {
  to.varint(times.length);
  let last = 0;
  for (const time of times) {
    const step = time - last;
    const isWhole = step >= 0 && step < Number.MAX_SAFE_INTEGER && Number.isInteger(step) && last + step === time;
    to.varint(isWhole ? step + 1 : 0);
    if (!isWhole) to.float(time);
    last = time;
  }
}

function readTimes(from: ByteReader, times: number[]): void {
  let last = 0;
  for (let left = from.varint(); left > 0; left--) {
    const step = from.varint();
    last = step === 0 ? from.float() : last + step - 1;
    times.push(last);
  }
}
