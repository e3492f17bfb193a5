// The watermark of one series: the event time before which no more readings are expected.
//
// Bounded out-of-orderness: it trails the newest event time by `disorderMs`. A series that falls silent has no newer event
// time, so the idle rule lifts the watermark, with the arrival clock, as far as something is open; a reading that comes after
// all is a late one and makes a revision. One watermark a series: a silent sensor or a clock from 2038 touches nobody else.

export class Watermark {
  readonly #disorderMs: number;
  #newest = -Infinity;
  #lifted = -Infinity;

  constructor(disorderMs: number) {
    this.#disorderMs = disorderMs;
  }

  /** Epoch milliseconds; -Infinity before the first reading. */
  get time(): number {
    return Math.max(this.#newest - this.#disorderMs, this.#lifted);
  }

  /** The newest event time seen; -Infinity before the first reading. */
  get newest(): number {
    return this.#newest;
  }

  /** What it would be had it never been lifted. */
  get observed(): number {
    return this.#newest - this.#disorderMs;
  }

  observe(time: number): void {
    if (time > this.#newest) this.#newest = time;
  }

  /** Lifts the watermark without a reading: the idle rule. */
  liftTo(time: number): void {
    if (time > this.#lifted) this.#lifted = time;
  }

  /** For snapshots. */
  state(): readonly [newest: number, lifted: number] {
    return [this.#newest, this.#lifted];
  }

  restore(newest: number, lifted: number): void {
    this.#newest = newest;
    this.#lifted = lifted;
  }
}
