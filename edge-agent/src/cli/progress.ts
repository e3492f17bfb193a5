// A progress bar on standard error, drawn only where a person watches.

export class Progress {
  readonly #draws: boolean;
  #drawnAt = 0;

  /** @param draws whether to draw at all */
  constructor(draws: boolean) {
    this.#draws = draws;
  }

  /** @param share what is done, 0 to 1 */
  to(share: number, label: () => string): void {
    if (!this.#draws || performance.now() - this.#drawnAt < 100) return;
    this.#drawnAt = performance.now();
    const done = Math.min(1, Math.max(0, share));
    const width = 30;
    const bar = '█'.repeat(Math.round(done * width)).padEnd(width, '░');
    process.stderr.write(`\r\u001B[2K${bar} ${String(Math.round(done * 100)).padStart(3)} %  ${label()}`);
  }

  end(): void {
    if (this.#draws) process.stderr.write('\r\u001B[2K');
  }
}
