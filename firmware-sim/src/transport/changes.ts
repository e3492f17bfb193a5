// Lets one part wait until something another part does has come true, without polling.

export class Changes {
  #next = Promise.withResolvers<void>();

  /** Something changed: everyone who waits looks again. */
  notify(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#next.promise;
  }
}
