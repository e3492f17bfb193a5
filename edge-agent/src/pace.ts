// How often to commit, so that the card under the data folder lasts.
//
// A memory card dies of what is written to it, and most of that is not what the agent says: each sync makes the file system
// write whole pages of data, journal and metadata, and the card's controller several times as much again. The model is plain:
//
//   worn = amplification * (bytes written + syncs * bytes the file system adds to a sync)
//
// With the endurance the card is rated for (its TBW) this says how many years it lasts at the present rate. With a budget in
// years it says how long to wait between commits: what a sync costs is fixed, so fewer of them is what there is to save.

import type { Clock } from './time/clock.ts';

/** Data page, inode and journal of an appended and synced file: what ext4 writes for it; `npm run bench disk` measures it. */
export const bytesPerSync = 20 * 1024;
/** Of a card's controller, which erases far larger blocks than are written; assumed, as makers do not say. */
const amplification = 10;
const longestMs = 30_000;
const msPerYear = 365.25 * 86_400_000;
/** What is followed is the last minute or so. */
const followedMs = 60_000;

export interface Written {
  /** Since the start. */
  readonly bytes: number;
  readonly syncs: number;
}

/** @returns years until a card of this endurance is worn, at these rates; undefined when nothing is written */
export function yearsOf(enduranceBytes: number, bytesPerHour: number, syncsPerHour: number): number | undefined {
  const wornPerHour = amplification * (bytesPerHour + syncsPerHour * bytesPerSync);
  return wornPerHour > 0 ? enduranceBytes / (wornPerHour * (msPerYear / 3_600_000)) : undefined;
}

export interface PaceOptions {
  /** The interval that is wanted. */
  readonly commitMs: number;
  /** Bytes the card can be written in its life. */
  readonly enduranceBytes: number;
  /** How long it is to last; undefined: not looked at. */
  readonly budgetYears: number | undefined;
  /** What the agent has written so far. */
  readonly written: () => Written;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export class Pace {
  readonly #options: PaceOptions;
  readonly #start: number;
  #last: Written & { readonly at: number };
  // Moving averages.
  #syncsPerCommit = 1;
  #bytesPerMs = 0;
  #commitMs: number;

  constructor(options: PaceOptions) {
    this.#options = options;
    this.#commitMs = options.commitMs;
    this.#start = options.clock.monotonicMs();
    this.#last = { ...options.written(), at: this.#start };
  }

  /** How long commits wait at present, milliseconds. */
  get commitMs(): number {
    return this.#commitMs;
  }

  /** To be asked once a commit. @returns how long to wait before the next one, milliseconds */
  next(): number {
    const { commitMs, enduranceBytes, budgetYears, written, clock } = this.#options;
    const now = { ...written(), at: clock.monotonicMs() };
    const elapsed = now.at - this.#last.at;
    if (elapsed <= 0) return this.#commitMs;
    const syncs = now.syncs - this.#last.syncs;
    const bytes = now.bytes - this.#last.bytes;
    this.#last = now;
    // The mean of what there is so far, then the moving one.
    const weight = Math.max(1 - Math.exp(-elapsed / followedMs), elapsed / (now.at - this.#start));
    const follow = (average: number, value: number): number => average + weight * (value - average);
    this.#syncsPerCommit = follow(this.#syncsPerCommit, syncs);
    this.#bytesPerMs = follow(this.#bytesPerMs, bytes / elapsed);
    if (budgetYears === undefined) return this.#commitMs;
    const allowedPerMs = enduranceBytes / (budgetYears * msPerYear * amplification) - this.#bytesPerMs;
    const needed = allowedPerMs > 0 ? (this.#syncsPerCommit * bytesPerSync) / allowedPerMs : Infinity;
    this.#commitMs = Math.min(Math.max(commitMs, longestMs), Math.max(commitMs, needed));
    return this.#commitMs;
  }
}
