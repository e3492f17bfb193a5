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
  /** Whether a correction waits for it. */
  #isWaiting = false;

  constructor({ earlyEveryMs, lateEveryMs }: Pick<WindowSpec, 'earlyEveryMs' | 'lateEveryMs'>) {
    this.#earlyEveryMs = earlyEveryMs;
    this.#lateEveryMs = lateEveryMs;
  }

  /** The arrival time to come back at; Infinity when nothing here waits for time. */
  next(isOpen: boolean): number {
    if (!isOpen) return Infinity;
    const early = this.#earlyEveryMs > 0 ? this.#nextEarly : Infinity;
    return this.#isWaiting ? Math.min(early, this.#nextLate) : early;
  }

  /** Whether early panes go out now; if so, the next ones wait for the next whole multiple of the interval. */
  isEarlyDue(now: number, isOpen: boolean): boolean {
    if (this.#earlyEveryMs === 0 || !isOpen || now < this.#nextEarly) return false;
    this.#nextEarly = (Math.floor(now / this.#earlyEveryMs) + 1) * this.#earlyEveryMs;
    return true;
  }

  /** Whether corrections go out now; those that may not wait for `next`. */
  mayCorrect(now: number): boolean {
    this.#isWaiting = now < this.#nextLate;
    return !this.#isWaiting;
  }

  corrected(now: number): void {
    if (this.#lateEveryMs > 0) this.#nextLate = now + this.#lateEveryMs;
  }

  write(to: ByteWriter): void {
    to.float(this.#nextEarly);
    to.float(this.#nextLate);
    to.varint(this.#isWaiting ? 1 : 0);
  }

  read(from: ByteReader): void {
    const [nextEarly, nextLate, isWaiting] = [from.float(), from.float(), from.varint() === 1];
    if (this.#earlyEveryMs > 0) this.#nextEarly = nextEarly;
    if (this.#lateEveryMs > 0) {
      this.#nextLate = nextLate;
      this.#isWaiting = isWaiting;
    }
  }
}

/** For all windows that ask for no interval: there is nothing to remember. */
const without = new Timers({ earlyEveryMs: 0, lateEveryMs: 0 });

export function timersOf(spec: WindowSpec): Timers {
  return spec.earlyEveryMs === 0 && spec.lateEveryMs === 0 ? without : new Timers(spec);
}
