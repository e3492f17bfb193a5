// Signals that say `missing:` or `expect:` and have gone silent, as health: one part a signal, however many devices it has.

import type { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Health } from './health.ts';

/** Devices named in a sentence. */
const named = 3;

export class MissingSeries {
  readonly #pipeline: Pipeline;
  readonly #health: Health;
  readonly #signals: readonly string[];

  constructor(pipeline: Pipeline, health: Health) {
    this.#pipeline = pipeline;
    this.#health = health;
    this.#signals = [...pipeline.plan.signals.values()]
      .filter(({ missingAfterMs }) => missingAfterMs < Infinity)
      .map(({ signal }) => signal);
  }

  /** @param now arrival time, epoch milliseconds */
  look(now: number): void {
    if (this.#signals.length === 0) return;
    const missing = Map.groupBy(this.#pipeline.missing(now), ({ series }) => series.signal);
    for (const signal of this.#signals) {
      const silent = missing.get(signal) ?? [];
      const part = `signal ${signal}`;
      if (silent.length === 0) this.#health.up(part);
      else this.#health.down(part, sentence(silent.map(({ series }) => series.device)));
    }
  }
}

function sentence(devices: readonly string[]): string {
  const some = devices.slice(0, named).join(', ');
  const more = devices.length > named ? ` and ${devices.length - named} more` : '';
  return `nothing from ${some}${more} for longer than "missing:" or "expect:" allows; is it on, in reach, and connected?`;
}
