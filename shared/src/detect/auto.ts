// What `anomaly: temperature` means when nothing else is said: `auto`.
//
// Two questions, one score. Is the value unlike anything the signal has been (novelty.ts)? That is rare, and scores 0.5 and
// more. Or does its level shift more than it usually does (change.ts)? That is common enough in a healthy plant that it
// scores below 0.5: it takes part only where somebody asks for more than about one alarm a week.
//
// So the threshold is the sensitivity: 0.5 is what a person is told of once a week or so, and 0.1 is the log of an engineer
// who hunts something. The knobs are in here, the same for every signal; how they were chosen, and on what they were not
// chosen, is in docs/detectors/auto.md.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Change } from './change.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { novel, Novelty } from './novelty.ts';

/** The change, in times of the usual, that scores a quarter. */
const changed = 4;

export class Auto implements Detector {
  readonly #novelty = new Novelty();
  readonly #change = new Change();
  #isNovel = false;

  update(time: number, value: number): number {
    const novelty = this.#novelty.measure(time, value);
    const times = this.#change.measure(value);
    this.#isNovel = novelty >= novel;
    if (this.#isNovel) return 1 - novel / (2 * novelty);
    return 0.5 - 0.5 / (1 + (times / changed) ** 2);
  }

  explain(): string {
    return this.#isNovel ? this.#novelty.explain() : this.#change.explain();
  }

  write(to: ByteWriter): void {
    this.#novelty.write(to);
    this.#change.write(to);
  }

  read(from: ByteReader): void {
    this.#novelty.read(from);
    this.#change.read(from);
  }
}

export const auto: DetectorKind = {
  key: 'auto',
  notices: 'values unlike any of late, and levels that shift: the one to begin with',
  make: () => new Auto(),
};
