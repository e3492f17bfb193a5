// Raises an alert when the sums of a gateway do not balance, and clears it when they do: `weir.ledger`, critical, like any
// alert of the gateway's own. One status is not enough: what the hub knows about the order of things could be wrong once.

import { unremarkable, type Transition } from '@weir/shared/model/alert.ts';

export const ledgerRule = 'weir.ledger';

const series = { device: 'gateway', signal: 'ledger' };
/** Statuses in a row. */
const patience = 3;

interface Watched {
  /** Statuses that did not balance, in a row. */
  odd: number;
  /** Since when it is firing. */
  firing: number | undefined;
}

export class LedgerWatch {
  readonly #watched = new Map<string, Watched>();

  /** An alert that was firing when the hub stopped. */
  resume(gateway: string, sinceMs: number): void {
    this.#watched.set(gateway, { odd: 0, firing: sinceMs });
  }

  /** @param imbalance readings missing, or counted twice where negative @returns what changed, if anything */
  look(gateway: string, imbalance: number, nowMs: number): Transition | undefined {
    const watched = this.#watched.get(gateway) ?? { odd: 0, firing: undefined };
    this.#watched.set(gateway, watched);
    watched.odd = imbalance === 0 ? 0 : watched.odd + 1;
    const { firing } = watched;
    const shared = {
      rule: ledgerRule,
      series,
      severity: 'critical',
      time: nowMs,
      value: imbalance,
      ...unremarkable,
    } as const;
    if (firing === undefined && watched.odd >= patience) {
      watched.firing = nowMs;
      return { ...shared, state: 'firing', since: nowMs };
    }
    if (firing !== undefined && imbalance === 0) {
      watched.firing = undefined;
      return { ...shared, state: 'cleared', since: firing };
    }
    return undefined;
  }

  /** The gateway is no longer there. */
  forget(gateway: string): void {
    this.#watched.delete(gateway);
  }
}
