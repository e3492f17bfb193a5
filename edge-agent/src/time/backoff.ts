// Exponential backoff with full jitter: a thousand gateways that lost the same hub do not come back in the same instant.
// (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)

export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #failures = 0;

  /** @param random uniform in [0, 1) */
  constructor(firstMs: number, maxMs: number, random: () => number) {
    this.#firstMs = firstMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  /** How long to wait before the next attempt, in milliseconds; never less than a tenth of the present ceiling. */
  next(): number {
    const ceiling = Math.min(this.#maxMs, this.#firstMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 30);
    return ceiling * (0.1 + 0.9 * this.#random());
  }

  /** It works again. */
  reset(): void {
    this.#failures = 0;
  }
}
