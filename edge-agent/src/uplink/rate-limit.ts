// A limit on the bytes sent in a second: a token bucket that holds one second's worth.
//
// What may go is never cut into pieces: the bucket goes below zero, and the next has to wait until it is paid for. Alerts and the
// gateway's status do not wait; what they take is paid for by what does wait, as far as ten seconds' worth: panes go on, however
// many alerts there are.

const exemptSeconds = 10;

export class RateLimit {
  readonly #bytesPerMs: number;
  readonly #monotonicMs: () => number;
  #tokens: number;
  #at: number;

  /** @param bytesPerSecond Infinity for no limit */
  constructor(bytesPerSecond: number, monotonicMs: () => number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#monotonicMs = monotonicMs;
    this.#tokens = bytesPerSecond;
    this.#at = monotonicMs();
  }

  /** Bytes that go in one second. */
  get perSecond(): number {
    return this.#bytesPerMs * 1000;
  }

  /** How long what is limited has to wait; 0 when it may go. */
  waitMs(): number {
    this.#refill();
    return this.#tokens > 0 ? 0 : Math.floor(-this.#tokens / this.#bytesPerMs) + 1;
  }

  /** So much has gone that had to wait its turn. */
  spend(bytes: number): void {
    this.#refill();
    this.#tokens -= bytes;
  }

  /** So much has gone without waiting. */
  spendExempt(bytes: number): void {
    this.#refill();
    const lowest = Math.min(this.#tokens, -exemptSeconds * this.perSecond);
    this.#tokens = Math.max(this.#tokens - bytes, lowest);
  }

  #refill(): void {
    if (this.#bytesPerMs === Infinity) return;
    const now = this.#monotonicMs();
    this.#tokens = Math.min(this.perSecond, this.#tokens + (now - this.#at) * this.#bytesPerMs);
    this.#at = now;
  }
}
