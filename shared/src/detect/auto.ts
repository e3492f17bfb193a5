// What `anomaly: temperature` means when nothing else is said: `auto`.
//
// Two questions, one score. Is this unlike anything the signal has done: the value (novelty.ts), the swing of the last readings
// (swing.ts), or both by a little? The two distances are taken together as the sides of a right angle. That is rare, and
// scores 0.5 and more. Or does the level shift more than it usually does (change.ts)? That is common enough in a healthy
// plant that it scores below 0.5: it takes part only where somebody asks for more than about one alarm a week.
//
// So the threshold is the sensitivity: 0.5 is what a person is told of once a week or so, and 0.1 is the log of an engineer
// who hunts something. What is unlike anything is said once: within 50 readings, only what is stranger still scores as
// high again. The knobs are in here, the same for every signal; how they were chosen, and on what they were not chosen, is
// in docs/detectors/auto.md.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import { Change } from './change.ts';
import type { Detector, DetectorKind } from './detector.ts';
import { Novelty, shareScore } from './novelty.ts';
import { Swing } from './swing.ts';

/** Root of the mean square of both distances, as shares of their ranges, that scores one half. */
const novel = 0.02;
/** The change, in times of the usual, that scores a quarter. */
const changed = 4;
/** What was said counts for so many readings. */
const episode = 50;

export class Auto implements Detector {
  readonly #novelty = new Novelty();
  readonly #swing = new Swing();
  readonly #change = new Change();
  /** The strangest of this episode, and how many more readings it lasts. */
  #said = 0;
  #left = 0;
  /** Of the last reading, to explain it. */
  #why: Detector = this.#change;

  update(time: number, value: number): number {
    const far = this.#novelty.measure(time, value);
    const swung = this.#swing.measure(time, value);
    const times = this.#change.measure(value);
    const distance = Math.sqrt((far * far + swung * swung) / 2);
    if (this.#left > 0) this.#left -= 1;
    else this.#said = 0;
    if (distance >= novel && distance > this.#said) {
      this.#said = distance;
      this.#left = episode;
      this.#why = far >= swung ? this.#novelty : this.#swing;
      return shareScore(distance, novel);
    }
    this.#why = this.#change;
    return 0.5 - 0.5 / (1 + (times / changed) ** 2);
  }

  explain(): string {
    return this.#why.explain();
  }

  write(to: ByteWriter): void {
    this.#novelty.write(to);
    this.#swing.write(to);
    this.#change.write(to);
    to.float(this.#said);
    to.varint(this.#left);
  }

  read(from: ByteReader): void {
    this.#novelty.read(from);
    this.#swing.read(from);
    this.#change.read(from);
    this.#said = from.float();
    this.#left = from.varint();
  }
}

export const auto: DetectorKind = {
  key: 'auto',
  notices: 'values and swings unlike any of late, and levels that shift: the one to begin with',
  make: () => new Auto(),
};
