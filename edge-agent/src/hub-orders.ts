// What operators at the hub do to alarms here. The hub sends an order again until the status names it as done; an order that
// comes again is not carried out again.

import type { Operation } from '@weir/shared/model/alert.ts';
import type { Logger } from './logger.ts';

/** How far ahead a shelf may end. */
const maxShelfMs = 30 * 86_400_000;

/** Nobody means to shelve an alarm for ever. @param now arrival time */
export function withinReason(operation: Operation, now: number): Operation {
  return { ...operation, until: Math.min(operation.until, now + maxShelfMs) };
}

/** Orders remembered; the hub waits for the answer to far fewer. */
const maxRemembered = 200;

export class HubOrders {
  readonly #operate: (operation: Operation) => Promise<number | undefined>;
  readonly #logger: Logger;
  readonly #now: () => number;
  /** In the order they came in; those that are carried out. */
  readonly #known = new Set<string>();
  readonly #done: string[] = [];

  constructor(parts: {
    readonly operate: (operation: Operation) => Promise<number | undefined>;
    readonly logger: Logger;
    readonly now: () => number;
  }) {
    this.#operate = parts.operate;
    this.#logger = parts.logger;
    this.#now = parts.now;
  }

  /** Ids of the last orders that were carried out. */
  get done(): readonly string[] {
    return this.#done;
  }

  carryOut(id: string, operation: Operation): void {
    if (this.#known.has(id)) return;
    this.#known.add(id);
    const [oldest] = this.#known;
    if (this.#known.size > maxRemembered && oldest !== undefined) this.#known.delete(oldest);
    void this.#operate(withinReason(operation, this.#now())).then((changed) => {
      this.#done.push(id);
      if (this.#done.length > maxRemembered) this.#done.shift();
      const { kind, rule, by } = operation;
      if (changed === undefined) this.#logger.warn(`${kind}: no alert has this name`, { rule, by });
      else this.#logger.info(`${kind}, from the hub`, { rule, by, alarms: changed });
    });
  }
}
