// Many hands, one taker: pollers that run side by side give deliveries, and each waits until its own is taken. What waits is
// at most one delivery for each of them.

export class Handoff<T> {
  readonly #waiting: { readonly item: T; readonly taken: () => void }[] = [];
  #wake: (() => void) | undefined;
  #failure: Error | undefined;
  #ended = false;

  /** Resolves when it was taken, or when nobody takes any more. */
  give(item: T): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((taken) => {
      this.#waiting.push({ item, taken });
      this.#wakeUp();
    });
  }

  /** The taker is told, when it has taken what was given before. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wakeUp();
  }

  /** @throws what was failed with */
  async *take(signal: AbortSignal): AsyncGenerator<T> {
    const stop = (): void => this.#wakeUp();
    signal.addEventListener('abort', stop);
    try {
      while (!signal.aborted) {
        const next = this.#waiting.shift();
        if (next !== undefined) {
          yield next.item;
          next.taken();
        } else if (this.#failure !== undefined) throw this.#failure;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#ended = true;
      for (const { taken } of this.#waiting.splice(0)) taken();
    }
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
