// Which event times each record of the black box holds, as far as somebody has looked: so that not every search reads everything.
// Forty bytes a record of some thousand readings; forgotten at the end of the process.

import type { Span } from './archive-block.ts';
import type { Seq } from './segment.ts';

interface Known {
  readonly seq: Seq;
  readonly firstTime: number;
  readonly lastTime: number;
}

export class ArchiveIndex {
  #records: Known[] = [];

  /** Records are told in order, and none is left out that can be read; those that are known already do not matter. */
  add(seq: Seq, { firstTime, lastTime }: Span): void {
    const last = this.#records.at(-1)?.seq ?? 0;
    if (seq > last) this.#records.push({ seq, firstTime, lastTime });
  }

  /** Forgets records up to `seq`. */
  forget(seq: Seq): void {
    this.#records = this.#records.slice(this.#behind(seq));
  }

  /**
   * @param after everything before was looked at @param overlaps what is looked for
   * @returns behind which record to go on: those in between are of no use. The last one known is never passed
   * over: it says where the journal goes on
   */
  skip(after: Seq, overlaps: (known: Known) => boolean): Seq {
    let passed = after;
    for (let i = this.#behind(after); i < this.#records.length - 1; i++) {
      const known = this.#records[i];
      if (known === undefined || overlaps(known)) break;
      passed = known.seq;
    }
    return passed;
  }

  /** Index of the first record behind `seq`. */
  #behind(seq: Seq): number {
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#records[middle]?.seq ?? Infinity) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
