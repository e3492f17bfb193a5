// Whether a reading is strange enough to be an alarm: the detector's score against the sensitivity of the rule.
//
// A fixed threshold comes first, the same for every signal. Signals differ, though, and one may have what scores high every
// hour. So the last alarms are remembered: where there were as many as the sensitivity allows, counted over four of its
// periods, the next has to be stranger than all of them but one. A signal that is wild for good costs a few alarms, and then
// says only what is wilder still; one that went mad once is not deaf for it. And nothing is strange to somebody who is new: at first the signal is only listened to.

import type { Detector } from '../detect/detector.ts';
import { Multivariate } from '../detect/multivariate.ts';
import { detectorKinds } from '../detect/registry.ts';
import type { ByteReader, ByteWriter } from '../model/bytes.ts';

/** So many alarms are remembered, and so many periods long. */
const remembered = 4;
const weekMs = 7 * 86_400_000;
/** Readings in a row that are strange are one alarm until so much time has passed without. */
const episodeMs = 600_000;

/** What all detectors have in common, whether they look at one signal or at several. */
type Any = Detector | Multivariate;

export interface Sensitivity {
  readonly alarmsPerWeek: number;
  /** Event time for which a signal is only listened to, from its first reading on. */
  readonly learnMs: number;
}

export class Strangeness {
  /** What scores as much is strange, unless there was a lot of it. */
  readonly limit: number;
  /** Of the last reading; NaN while others are awaited. */
  score = NaN;
  readonly #detector: Any;
  readonly #learnMs: number;
  readonly #memoryMs: number;
  /** The last alarms, with their scores; a ring. */
  readonly #alarms = new Float64Array(remembered).fill(-Infinity);
  readonly #scores = new Float64Array(remembered);
  #strangeAt = -Infinity;
  /** Event time of the first reading, and of the newest. */
  #since = Infinity;
  #newest = -Infinity;
  /** Of several signals: the newest value of each, and which have come since they were looked at together. */
  readonly #values: Float64Array;
  #fresh = 0;

  constructor(detector: Any, { alarmsPerWeek, learnMs }: Sensitivity, signals = 1) {
    this.#detector = detector;
    this.#learnMs = learnMs;
    this.limit = thresholdFor(alarmsPerWeek);
    this.#memoryMs = (remembered * weekMs) / alarmsPerWeek;
    this.#values = new Float64Array(signals);
  }

  /** @throws Error for a detector nobody knows: the gateway file was not checked */
  static by(rule: Sensitivity & { readonly detector: string }, signals: number): Strangeness {
    if (signals > 1) return new Strangeness(new Multivariate(signals), rule, signals);
    const kind = detectorKinds.find((known) => known.key === rule.detector);
    if (kind === undefined) throw new Error(`no detector "${rule.detector}"`);
    return new Strangeness(kind.make(), rule);
  }

  /** @param signal its place, of several @returns 1 for a reading that is strange, 0 for one that is not, NaN while the others are awaited */
  update(time: number, value: number, signal = 0): number {
    const score = this.#score(time, value, signal);
    this.score = score;
    if (Number.isNaN(score)) return NaN;
    if (time < this.#since) this.#since = time;
    this.#newest = time;
    if (!(score >= this.limit) || this.learning) return 0;
    // One episode is one alarm, however long.
    const isNew = time - this.#strangeAt > episodeMs;
    if (isNew && !this.#isWorthIt(time, score)) return 0;
    if (isNew) this.#remember(time, score);
    this.#strangeAt = time;
    return 1;
  }

  /** Whether the signal is only listened to, as yet. */
  get learning(): boolean {
    return this.#newest - this.#since < this.#learnMs;
  }

  explain(): string {
    return this.#detector.explain();
  }

  write(to: ByteWriter): void {
    this.#detector.write(to);
    for (const number of [...this.#alarms, ...this.#scores, ...this.#values]) to.float(number);
    to.float(this.#strangeAt);
    to.float(this.#since);
    to.float(this.#newest);
    to.varint(this.#fresh);
  }

  read(from: ByteReader): void {
    this.#detector.read(from);
    for (const numbers of [this.#alarms, this.#scores, this.#values])
      for (const at of numbers.keys()) numbers[at] = from.float();
    this.#strangeAt = from.float();
    this.#since = from.float();
    this.#newest = from.float();
    this.#fresh = from.varint();
  }

  #score(time: number, value: number, signal: number): number {
    if (!(this.#detector instanceof Multivariate)) return this.#detector.update(time, value);
    this.#values[signal] = value;
    this.#fresh |= 1 << signal;
    if (this.#fresh !== 2 ** this.#values.length - 1) return NaN;
    this.#fresh = 0;
    return this.#detector.update(time, this.#values);
  }

  /** Where alarms have come as often as they may, another has to be stranger than all of them but one. */
  #isWorthIt(time: number, score: number): boolean {
    let [strangest, second] = [-Infinity, -Infinity];
    for (const [at, alarm] of this.#alarms.entries()) {
      if (time - alarm > this.#memoryMs) return true;
      const other = this.#scores[at] ?? 0;
      if (other > strangest) [strangest, second] = [other, strangest];
      else if (other > second) second = other;
    }
    return score > second;
  }

  /** In place of the least strange that counts, or of one that is so long ago that it does not. */
  #remember(time: number, score: number): void {
    let place = 0;
    for (const [at, alarm] of this.#alarms.entries()) {
      const isOld = time - alarm > this.#memoryMs;
      if (isOld) {
        place = at;
        break;
      }
      if ((this.#scores[at] ?? 0) < (this.#scores[place] ?? 0)) place = at;
    }
    this.#alarms[place] = time;
    this.#scores[place] = score;
  }
}

/**
 * The score that is an alarm, for a sensitivity: a half at one alarm a week, and the lower the more alarms are welcome. The
 * scale is that of `auto`, where a half is the least that a value unlike all others scores.
 */
export function thresholdFor(alarmsPerWeek: number): number {
  const threshold = 0.5 * alarmsPerWeek ** -0.45;
  return threshold <= 0.5 ? Math.max(0.02, threshold) : 1 - 0.5 * alarmsPerWeek ** 0.45;
}
