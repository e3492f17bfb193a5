// When early and late panes may go out: both are asked for in arrival time, since they are about what people get to see.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';

export class Timers {
  readonly #earlyEveryMs: number;
  readonly #lateEveryMs: number;
  /** Arrival time of the next early pane; the first one goes out at once. */
  #nextEarly = -Infinity;
  /** Arrival time before which no correction goes out. */
  #nextLate = -Infinity;

  constructor({ earlyEveryMs, lateEveryMs }: Pick<WindowSpec, 'earlyEveryMs' | 'lateEveryMs'>) {
    this.#earlyEveryMs = earlyEveryMs;
    this.#lateEveryMs = lateEveryMs;
  }

  /**
   * The arrival time to come back at; Infinity when nothing waits for time: nobody is woken to say nothing.
   * @param news whether an open window has something no pane has said @param corrections whether a closed one has
   */
  next(news: boolean, corrections: boolean): number {
    const early = this.#earlyEveryMs > 0 && news ? this.#nextEarly : Infinity;
    const late = this.#lateEveryMs > 0 && corrections ? this.#nextLate : Infinity;
    return Math.min(early, late);
  }

  /** Whether corrections wait for their time, and not for the next drain. */
  get coalesces(): boolean {
    return this.#lateEveryMs > 0;
  }

  /** Whether early panes may go out now. */
  isEarlyDue(now: number): boolean {
    return this.#earlyEveryMs > 0 && now >= this.#nextEarly;
  }

  /** Early panes went out: the next ones wait for the next whole multiple of the interval. */
  saidEarly(now: number): void {
    this.#nextEarly = (Math.floor(now / this.#earlyEveryMs) + 1) * this.#earlyEveryMs;
  }

  /** Whether corrections may go out now. */
  mayCorrect(now: number): boolean {
    return now >= this.#nextLate;
  }

  corrected(now: number): void {
    if (this.#lateEveryMs > 0) this.#nextLate = now + this.#lateEveryMs;
  }

  write(to: ByteWriter): void {
    to.float(this.#nextEarly);
    to.float(this.#nextLate);
  }

  read(from: ByteReader): void {
    const [nextEarly, nextLate] = [from.float(), from.float()];
    if (this.#earlyEveryMs > 0) this.#nextEarly = nextEarly;
    if (this.#lateEveryMs > 0) this.#nextLate = nextLate;
  }
}

/** For all windows that ask for no interval: there is nothing to remember. */
const without = new Timers({ earlyEveryMs: 0, lateEveryMs: 0 });

export function timersOf(spec: WindowSpec): Timers {
  return spec.earlyEveryMs === 0 && spec.lateEveryMs === 0 ? without : new Timers(spec);
}
