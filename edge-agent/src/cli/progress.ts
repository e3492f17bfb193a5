// A progress bar on standard error, drawn only where a person watches.

export class Progress {
  readonly #total: number;
  readonly #draws: boolean;
  #done = 0;
  #drawnAt = 0;

  /** @param total bytes @param draws whether to draw at all */
  constructor(total: number, draws: boolean) {
    this.#total = Math.max(1, total);
    this.#draws = draws;
  }

  add(bytes: number, label: () => string): void {
    this.#done += bytes;
    if (!this.#draws || performance.now() - this.#drawnAt < 100) return;
    this.#drawnAt = performance.now();
    const share = Math.min(1, this.#done / this.#total);
    const width = 30;
    const bar = '█'.repeat(Math.round(share * width)).padEnd(width, '░');
    process.stderr.write(`\r\u001B[2K${bar} ${String(Math.round(share * 100)).padStart(3)} %  ${label()}`);
  }

  end(): void {
    if (this.#draws) process.stderr.write('\r\u001B[2K');
  }
}
