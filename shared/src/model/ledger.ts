// The loss ledger: every reading taken in is accepted into a window or counted here with its reason. Counts only grow.

import { lossReasons, type LossReason } from './reading.ts';

export type Losses = Partial<Record<LossReason, number>>;

export class Ledger {
  #taken = 0;
  readonly #lost = new Map<LossReason, number>();

  /** Readings that came in, good or bad. */
  get taken(): number {
    return this.#taken;
  }

  /** Of those, the ones now held by windows or already reported in panes. */
  get accepted(): number {
    return this.#taken - this.lostTotal;
  }

  get lostTotal(): number {
    let total = 0;
    for (const count of this.#lost.values()) total += count;
    return total;
  }

  take(): void {
    this.#taken += 1;
  }

  lose(reason: LossReason, count = 1): void {
    this.#lost.set(reason, (this.#lost.get(reason) ?? 0) + count);
  }

  losses(): Losses {
    return Object.fromEntries(this.#lost);
  }

  /** Puts the counts of a snapshot back. */
  restore(taken: number, losses: Losses): void {
    this.#taken = taken;
    this.#lost.clear();
    for (const reason of lossReasons) {
      const count = losses[reason];
      if (count !== undefined) this.#lost.set(reason, count);
    }
  }
}
