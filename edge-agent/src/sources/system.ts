// The gateway itself as a source: temperature, load, memory, disk, card, Wi-Fi, power supply, clock (machine/vitals.ts).

import { positiveDuration } from '@weir/shared/config/schema.ts';
import * as z from 'zod';
import { ReadingBatch } from '../formats/batch.ts';
import { Vitals, vitalNames } from '../machine/vitals.ts';
import { clockOffset, realMachine } from '../time/sync-probe.ts';
import { sourceKind, type Delivery, type Source, type SourceContext } from './source.ts';

const schema = z.strictObject({
  system: positiveDuration.describe('How often the gateway looks at itself.'),
  device: z.string().optional().describe('Its name in series and tags. Default: the name of the source.'),
});

type Config = z.output<typeof schema>;

export const system = sourceKind({
  key: 'system',
  schema,
  channels: () => vitalNames,
  device: (config, id) => config.device ?? id,
  make: (config, context) =>
    new SystemSource(
      config,
      context,
      new Vitals({ root: '/', dataFolder: context.data, clockOffset: () => clockOffset(realMachine) }),
    ),
});

export class SystemSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;
  readonly #vitals: Pick<Vitals, 'read'>;

  constructor(config: Config, context: SourceContext, vitals: Pick<Vitals, 'read'>) {
    this.#config = config;
    this.#context = context;
    this.#vitals = vitals;
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    const { id, clock, router } = this.#context;
    const device = this.#config.device ?? id;
    const names = vitalNames.filter((name) => router.takes(name));
    this.#context.opened();
    // What is a share of time has a beginning before it has a value.
    await this.#vitals.read(names);
    let due = clock.monotonicMs();
    while (!signal.aborted) {
      // In step with the interval; what was missed is not made up for.
      due = Math.max(due + this.#config.system, clock.monotonicMs());
      await clock.sleep(Math.max(0, due - clock.monotonicMs()), signal);
      if (signal.aborted) return;
      const received = clock.monotonicMs();
      const batch = new ReadingBatch(id, router, clock.now());
      for (const [name, value] of await this.#vitals.read(names)) {
        this.#context.device(name, value === undefined ? 'this machine does not say' : undefined);
        if (value !== undefined) batch.value(device, name, batch.arrival, value, '');
      }
      const { readings, deadLetters, arrival } = batch;
      if (batch.size > 0) yield { readings, deadLetters, arrival, received, attempt: 'only', ack: () => undefined };
    }
  }
}
