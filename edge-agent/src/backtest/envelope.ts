// A line in as many points as a page can show, whatever its length: the lowest and highest value and the last one of each of some
// thousand pieces of time. It is made in one pass and takes the same memory for a minute and for a year: when it grows
// too long, two pieces become one.

const pieces = 1200;

export interface Outline {
  /** Where each piece begins, epoch milliseconds; pieces that hold nothing are left out. */
  readonly times: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly last: readonly number[];
}

export class Envelope {
  readonly #low = new Float64Array(pieces).fill(NaN);
  readonly #high = new Float64Array(pieces).fill(NaN);
  readonly #last = new Float64Array(pieces).fill(NaN);
  #pieceMs = 1000;
  /** Number of the first piece, counted from 1970, and of the last one that holds something. */
  #first = NaN;
  #end = NaN;

  /** @param time epoch milliseconds, in any order */
  add(time: number, value: number): void {
    if (!Number.isFinite(time) || !Number.isFinite(value)) return;
    let piece = Math.floor(time / this.#pieceMs);
    if (Number.isNaN(this.#first)) this.#first = this.#end = piece;
    while (Math.max(piece, this.#end) - Math.min(piece, this.#first) >= pieces) {
      this.#coarsen();
      piece = Math.floor(time / this.#pieceMs);
    }
    if (piece < this.#first) this.#shift(this.#first - piece);
    this.#end = Math.max(this.#end, piece);
    const at = piece - this.#first;
    const [low = NaN, high = NaN] = [this.#low[at], this.#high[at]];
    if (!(low <= value)) this.#low[at] = value;
    if (!(high >= value)) this.#high[at] = value;
    this.#last[at] = value;
  }

  outline(): Outline {
    const outline = { times: [] as number[], low: [] as number[], high: [] as number[], last: [] as number[] };
    for (const [at, low] of this.#low.entries()) {
      if (Number.isNaN(low)) continue;
      outline.times.push((this.#first + at) * this.#pieceMs);
      outline.low.push(low);
      outline.high.push(this.#high[at] ?? NaN);
      outline.last.push(this.#last[at] ?? NaN);
    }
    return outline;
  }

  /** Two pieces become one. */
  #coarsen(): void {
    const [low, high, last] = [this.#low.slice(), this.#high.slice(), this.#last.slice()];
    const first = Math.floor(this.#first / 2);
    for (const column of [this.#low, this.#high, this.#last]) column.fill(NaN);
    for (let from = 0; from < pieces; from++) {
      const [lowest = NaN, highest = NaN, latest = NaN] = [low[from], high[from], last[from]];
      if (Number.isNaN(lowest)) continue;
      const to = Math.floor((this.#first + from) / 2) - first;
      if (!((this.#low[to] ?? NaN) <= lowest)) this.#low[to] = lowest;
      if (!((this.#high[to] ?? NaN) >= highest)) this.#high[to] = highest;
      this.#last[to] = latest;
    }
    this.#first = first;
    this.#end = Math.floor(this.#end / 2);
    this.#pieceMs *= 2;
  }

  /** Makes room in front. */
  #shift(by: number): void {
    for (const column of [this.#low, this.#high, this.#last]) {
      column.copyWithin(by, 0);
      column.fill(NaN, 0, by);
    }
    this.#first -= by;
  }
}
