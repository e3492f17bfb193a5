// Counts by kind, for metrics: only grows.

export class Counter<K extends string> {
  readonly #counts = new Map<K, number>();

  add(kind: K, count = 1): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + count);
  }

  of(kind: K): number {
    return this.#counts.get(kind) ?? 0;
  }

  get total(): number {
    let total = 0;
    for (const count of this.#counts.values()) total += count;
    return total;
  }

  entries(): [K, number][] {
    return [...this.#counts];
  }
}
