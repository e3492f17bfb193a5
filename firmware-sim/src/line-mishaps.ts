// What happens to a board's line while a snapshot is said: noise of the firmware and of the cable.

import { affecting, type FaultOf, type FaultParts, type FaultTrack, tracksOf } from './faults.ts';

export interface LineMishaps {
  /** The board reset itself while it printed this: so many characters came out, and no ending. */
  readonly tornAfter?: number;
  /** The board has started anew, and tells so first. */
  readonly isBoot?: true;
  /** Random bytes come first, with an ending of their own. */
  readonly hasGarbage?: true;
  /** The check sum is wrong. */
  readonly isCheckWrong?: true;
  /** Every byte arrives as another, the ending too. */
  readonly isNoise?: true;
  /** The cable is pulled: nothing arrives. */
  readonly isUnplugged?: true;
}

/** Faults that strike what is said without its doing: follows those of one board. */
export class MishapTracks {
  readonly #garbages: readonly FaultTrack<FaultOf<'garbage'>>[];
  readonly #badCrcs: readonly FaultTrack<FaultOf<'bad-crc'>>[];
  readonly #mismatches: readonly FaultTrack<FaultOf<'baud-mismatch'>>[];

  constructor(parts: FaultParts) {
    this.#garbages = tracksOf(parts, 'garbage');
    this.#badCrcs = tracksOf(parts, 'bad-crc');
    this.#mismatches = tracksOf(parts, 'baud-mismatch');
  }

  /** @returns undefined when nothing happens */
  at(atMs: number, readings: number): LineMishaps | undefined {
    if (affecting(this.#mismatches, atMs, readings).length > 0) return { isNoise: true };
    // Garbage changes no reading; it counts for one that is malformed.
    const hasGarbage = affecting(this.#garbages, atMs, 1).length > 0;
    const isCheckWrong = affecting(this.#badCrcs, atMs, readings).length > 0;
    if (!hasGarbage && !isCheckWrong) return undefined;
    return { ...(hasGarbage ? { hasGarbage } : {}), ...(isCheckWrong ? { isCheckWrong } : {}) };
  }

  close(atMs: number): void {
    for (const track of [...this.#garbages, ...this.#badCrcs, ...this.#mismatches]) track.close(atMs);
  }
}
