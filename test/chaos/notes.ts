// What was so from which position of a write log on: what a disk cut there is held against.

export class Notes<T> {
  readonly #notes: { readonly position: number; readonly value: T }[] = [];
  readonly #log: { readonly position: number };

  constructor(log: { readonly position: number }) {
    this.#log = log;
  }

  get count(): number {
    return this.#notes.length;
  }

  /** It is so from now on. */
  add(value: T): void {
    this.#notes.push({ position: this.#log.position, value });
  }

  /** What was so at that position; undefined before the first note. */
  at(position: number): T | undefined {
    return this.#notes.findLast((note) => note.position <= position)?.value;
  }
}
