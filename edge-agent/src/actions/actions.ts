// Takes the actions of every transition, at once: messages each in a queue of its own (courier.ts), levels as the alarms are
// (levels.ts). What could not be told is tried again for as long as the agent runs, and is known after a crash: `acted` goes
// into the journal when it is done, `unfinished` into the checkpoint when it is not.

import { transitionKey, type Transition } from '@weir/shared/model/alert.ts';
import { Sketch } from '@weir/shared/stream/sketch.ts';
import type { Health } from '../health.ts';
import type { Fields, Logger } from '../logger.ts';
import type { Clock } from '../time/clock.ts';
import type { Message } from './action.ts';
import { Courier } from './courier.ts';
import type { Levels } from './levels.ts';

export interface ActionsParts {
  /** By id; `log` not among them. */
  readonly messages: ReadonlyMap<string, Message>;
  readonly levels?: Levels | undefined;
  /** What a rule asks for; others than messages are passed over. */
  readonly actionsOf: (rule: string) => readonly string[];
  readonly health: Health;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** An action is done; its key must not be done again. */
  readonly acted: (key: string) => void;
  /** Whoever else is to be told of alarms. */
  readonly told?: ((transition: Transition) => void) | undefined;
}

export class Actions {
  readonly #parts: ActionsParts;
  readonly #couriers: ReadonlyMap<string, Courier>;
  readonly #latency = new Sketch();
  #fired = 0;

  constructor(parts: ActionsParts) {
    this.#parts = parts;
    this.#couriers = new Map(
      [...parts.messages].map(([id, message]) => {
        const acted = (transition: Transition): void => parts.acted(actedKey(id, transition));
        return [id, new Courier(message, { ...parts, id, acted })];
      }),
    );
  }

  /** Transitions acted on since the start. */
  get count(): number {
    return this.#fired;
  }

  /** From reading the bytes to taking the action, milliseconds; NaN before the first alert. */
  latencyMs(): { p50: number; p99: number } {
    return { p50: this.#latency.quantile(0.5), p99: this.#latency.quantile(0.99) };
  }

  /** @param received monotonic time at which the bytes of the reading were read */
  dispatch(transition: Transition, received: number): void {
    const { logger, clock, actionsOf, levels } = this.#parts;
    if (transition.quiet === '') {
      this.#latency.add(Math.max(0, clock.monotonicMs() - received));
      this.#fired += 1;
      for (const id of actionsOf(transition.rule)) this.#couriers.get(id)?.take(transition);
      this.#parts.told?.(transition);
      logger.warn(`alert ${transition.state}`, fieldsOf(transition));
    } else logger.info(`alert ${transition.state}`, fieldsOf(transition));
    levels?.changed();
  }

  /** What an earlier run left undone, unless it says it is done. */
  resume(unfinished: readonly Unfinished[], done: ReadonlySet<string>): void {
    for (const { action, transition, count } of unfinished) {
      if (!done.has(actedKey(action, transition))) this.#couriers.get(action)?.take(transition, count);
    }
  }

  /** Everything still to be done, as JSON, for the checkpoint. */
  unfinished(): string {
    const all: Unfinished[] = [];
    for (const [action, courier] of this.#couriers) {
      for (const { transition, count } of courier.unfinished)
        all.push({ action, transition, ...(count === 1 ? {} : { count }) });
    }
    return JSON.stringify(all);
  }

  /** Works until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const couriers = [...this.#couriers.values()].map((courier) => courier.run(signal));
    await Promise.all([...couriers, this.#parts.levels?.run(signal)]);
  }
}

export interface Unfinished {
  readonly action: string;
  readonly transition: Transition;
  /** Of its rule and state, how many it stands for; by default itself. */
  readonly count?: number | undefined;
}

export function actedKey(action: string, transition: Transition): string {
  return `${action}|${transitionKey(transition)}`;
}

function fieldsOf({ rule, series, value, severity, quiet, reason, by, comment }: Transition): Fields {
  const more = Object.entries({ quiet, reason, by, comment }).filter(([, word]) => word !== '');
  return { rule, device: series.device, signal: series.signal, value, severity, ...Object.fromEntries(more) };
}
