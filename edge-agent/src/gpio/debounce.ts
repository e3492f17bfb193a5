// Contacts bounce: a switch that closes gives dozens of edges within milliseconds. A level counts once it has lasted for the
// debounce time, and then from the edge that began it. For the ways to a line whose kernel does not do this.
//
// What decides is when the edges were, not when they are heard: an agent that was held up for a moment still tells a bounce
// from a change.

import { nextTurn, type Clock } from '../time/clock.ts';

export class Debouncer {
  readonly #debounceMs: number;
  readonly #clock: Clock;
  readonly #edge: (level: boolean, atMs: number) => void;
  readonly #end = new AbortController();
  #level: boolean;
  /** Another level, which may be a bounce. */
  #pending: { readonly level: boolean; readonly atMs: number } | undefined;
  #isWaiting = false;

  /** @param level at the beginning @param edge told of every change that is none of a bounce */
  constructor(debounceMs: number, level: boolean, clock: Clock, edge: (level: boolean, atMs: number) => void) {
    this.#debounceMs = debounceMs;
    this.#level = level;
    this.#clock = clock;
    this.#edge = edge;
  }

  /** @param atMs of the monotonic clock, in order */
  hear(level: boolean, atMs: number): void {
    if (this.#debounceMs === 0) {
      this.#level = level;
      this.#edge(level, atMs);
      return;
    }
    this.#accept(atMs);
    this.#pending = level === this.#level ? undefined : { level, atMs };
    if (this.#pending !== undefined && !this.#isWaiting) void this.#wait();
  }

  close(): void {
    this.#pending = undefined;
    this.#end.abort();
  }

  #accept(nowMs: number): void {
    const pending = this.#pending;
    if (pending === undefined || nowMs - pending.atMs < this.#debounceMs) return;
    this.#pending = undefined;
    this.#level = pending.level;
    this.#edge(pending.level, pending.atMs);
  }

  /** For the change that no edge follows. Never rejects. */
  async #wait(): Promise<void> {
    this.#isWaiting = true;
    while (this.#pending !== undefined) {
      const waitMs = this.#pending.atMs + this.#debounceMs - this.#clock.monotonicMs();
      if (waitMs > 0) await this.#clock.sleep(waitMs, this.#end.signal);
      // Edges that came meanwhile may still lie in a pipe: they go first.
      await nextTurn();
      this.#accept(this.#clock.monotonicMs());
    }
    this.#isWaiting = false;
  }
}
