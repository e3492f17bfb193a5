// Which readings of a series are uncertain though nothing forbids them: a step no physics allows, or a value that has not
// moved for longer than the thing it measures ever stands still.
//
// Each reading is judged when it comes, against those before it in event time, because alerts cannot wait for what may yet
// come. One that is older than the newest cannot be judged like that and is taken as it is. A step is measured from the
// last reading that was none: after a spike the next good reading is good, and a true new level is believed as soon as
// enough time has passed for it.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Flag } from '../model/quality.ts';
import type { SignalPlan } from './plan.ts';

export class Judge {
  readonly #maxStepPerSecond: number;
  readonly #stuckAfterMs: number;
  /** The last reading that was no step. */
  #time = -Infinity;
  #value = NaN;
  /** The value of the newest reading, and the event time since when it has been the same. */
  #newest = -Infinity;
  #same = NaN;
  #since = NaN;

  private constructor({ maxStepPerSecond, stuckAfterMs }: SignalPlan) {
    this.#maxStepPerSecond = maxStepPerSecond;
    this.#stuckAfterMs = stuckAfterMs;
  }

  /** @returns undefined for a signal that knows no limits */
  static for(plan: SignalPlan): Judge | undefined {
    return plan.maxStepPerSecond < Infinity || plan.stuckAfterMs < Infinity ? new Judge(plan) : undefined;
  }

  judge(time: number, value: number): Flag | undefined {
    if (time < this.#newest) return undefined;
    this.#newest = time;
    if (value !== this.#same) {
      this.#same = value;
      this.#since = time;
    }
    const rise = Math.abs(value - this.#value);
    // NaN, for the first reading of all, is no step.
    if (rise > (this.#maxStepPerSecond * (time - this.#time)) / 1000) return 'step';
    this.#time = time;
    this.#value = value;
    return time - this.#since >= this.#stuckAfterMs ? 'stuck' : undefined;
  }

  /** Event times go on from `ms` later, though no time has passed. */
  jump(ms: number): void {
    this.#time += ms;
    this.#newest += ms;
    this.#since += ms;
  }

  write(to: ByteWriter): void {
    for (const number of [this.#time, this.#value, this.#newest, this.#same, this.#since]) to.float(number);
  }

  read(from: ByteReader): void {
    this.#time = from.float();
    this.#value = from.float();
    this.#newest = from.float();
    this.#same = from.float();
    this.#since = from.float();
  }
}
