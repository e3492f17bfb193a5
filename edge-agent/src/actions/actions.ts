// Takes the actions of every transition, at once and in order, each action in a queue of its own: a webhook that hangs
// delays no other. What could not be done is tried again with backoff for as long as the agent runs, and is known after a
// crash: `acted` goes into the journal when it is done, `unfinished` into the checkpoint when it is not.

import { transitionKey, type Transition } from '@weir/shared/model/alert.ts';
import { Sketch } from '@weir/shared/stream/sketch.ts';
import type { Health } from '../health.ts';
import { messageOf, type Logger } from '../logger.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import type { Action } from './action.ts';

/** Transitions that may wait for one action; beyond it the oldest is given up, and said so. */
const maxQueue = 1000;

export interface ActionsParts {
  /** By id; `log` not among them. */
  readonly actions: ReadonlyMap<string, Action>;
  /** What a rule asks for, among `actions`. */
  readonly actionsOf: (rule: string) => readonly string[];
  readonly health: Health;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
  /** An action is done; its key must not be done again. */
  readonly acted: (key: string) => void;
}

export class Actions {
  readonly #parts: ActionsParts;
  readonly #queues: ReadonlyMap<string, Transition[]>;
  readonly #wake = new Map<string, () => void>();
  readonly #latency = new Sketch();
  #fired = 0;

  constructor(parts: ActionsParts) {
    this.#parts = parts;
    this.#queues = new Map([...parts.actions.keys()].map((id) => [id, []]));
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
    const { logger, clock, actionsOf } = this.#parts;
    const { rule, series, state, severity, value } = transition;
    this.#latency.add(Math.max(0, clock.monotonicMs() - received));
    this.#fired += 1;
    logger.warn(`alert ${state}`, { rule, device: series.device, signal: series.signal, value, severity });
    for (const id of actionsOf(rule)) this.#enqueue(id, transition);
  }

  /** What an earlier run left undone, unless it says it is done. */
  resume(unfinished: readonly Unfinished[], done: ReadonlySet<string>): void {
    for (const { action, transition } of unfinished) {
      if (!done.has(actedKey(action, transition))) this.#enqueue(action, transition);
    }
  }

  /** Everything still to be done, as JSON, for the checkpoint. */
  unfinished(): string {
    const all: Unfinished[] = [];
    for (const [action, queue] of this.#queues) for (const transition of queue) all.push({ action, transition });
    return JSON.stringify(all);
  }

  /** Works all queues until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#queues].map(([id, queue]) => this.#work(id, queue, signal)));
    for (const action of this.#parts.actions.values()) await action.close?.().catch(() => undefined);
  }

  async #work(id: string, queue: Transition[], signal: AbortSignal): Promise<void> {
    const { actions, health, clock, random, acted } = this.#parts;
    const action = actions.get(id);
    const backoff = new Backoff(1000, 60_000, random);
    while (!signal.aborted && action !== undefined) {
      const transition = queue[0];
      if (transition === undefined) {
        await this.#filled(id, signal);
        continue;
      }
      try {
        await action.perform(transition, signal);
        if (queue[0] === transition) queue.shift();
        acted(actedKey(id, transition));
        health.up(`action ${id}`);
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        health.down(`action ${id}`, `${messageOf(error)}; trying again`);
        await clock.sleep(backoff.next(), signal);
      }
    }
  }

  #enqueue(id: string, transition: Transition): void {
    const queue = this.#queues.get(id);
    if (queue === undefined) return;
    queue.push(transition);
    if (queue.length > maxQueue) {
      const given = queue.shift();
      this.#parts.logger.warn(`action ${id}: gave up the oldest of ${maxQueue} waiting transitions`, {
        rule: given?.rule ?? '',
      });
    }
    this.#wake.get(id)?.();
  }

  #filled(id: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#wake.delete(id);
        resolve();
      };
      signal.addEventListener('abort', done);
      this.#wake.set(id, done);
      if (signal.aborted) done();
    });
  }
}

export interface Unfinished {
  readonly action: string;
  readonly transition: Transition;
}

export function actedKey(action: string, transition: Transition): string {
  return `${action}|${transitionKey(transition)}`;
}
