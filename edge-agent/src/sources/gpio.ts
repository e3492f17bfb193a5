// Lines of the board as inputs: a contact that is open or closed, a meter that pulses.
//
// A state line gives `state`, 0 or 1, when it is opened, at each edge, and again after a while without one, so that silence means
// that nobody is there. A counting line gives `count`, how many edges since it was opened, and `rate`, edges a second, every so
// often: however fast it pulses, and however long nobody pulls, a number grows and nothing else.
//
// An edge is its own arrival: it was when the line said so, by the kernel's clock where it tells.

import { duration } from '@weir/shared/config/schema.ts';
import * as z from 'zod';
import { Bell } from '../bell.ts';
import { ReadingBatch } from '../formats/batch.ts';
import type { GpioInputs } from '../gpio/contract.ts';
import { gpioInputs } from '../gpio/input.ts';
import { chipName, heldLine, lineNumber } from '../gpio/options.ts';
import type { Clock } from '../time/clock.ts';
import { PulseChannel, StateChannel, type Said } from './gpio-channels.ts';
import { sourceKind, type Delivery, type Source, type SourceContext, type SourceKind } from './source.ts';

const stateDebounceMs = 20;
const maxDebounceMs = 10_000;
const shortestEveryMs = 100;
const shortestReportMs = 1000;

const schema = z
  .strictObject({
    gpio: lineNumber,
    states: z
      .tuple([z.string().min(1), z.string().min(1)])
      .optional()
      .describe('What 0 and 1 mean, in this order, such as `[closed, open]`. Channel `state`.'),
    count: z
      .enum(['rising', 'falling', 'both'])
      .optional()
      .describe('Instead of `states`: a pulse counter, and the edges it counts. Channels `count` and `rate`.'),
    every: duration
      .refine((ms) => ms >= shortestEveryMs, { message: `every ${shortestEveryMs}ms or less often` })
      .optional()
      .describe('With `count`: how often it is read. Default 1s.'),
    report: duration
      .refine((ms) => ms >= shortestReportMs, { message: `every ${shortestReportMs}ms or less often` })
      .optional()
      .describe('With `states`: a state that stays is said again so often. Default 30s.'),
    debounce: duration
      .refine((ms) => ms <= maxDebounceMs, { message: `${maxDebounceMs}ms at most` })
      .optional()
      .describe('A level that lasts less is passed over. Default 20ms with `states`, 0s with `count`.'),
    pull: z
      .enum(['up', 'down', 'none'])
      .optional()
      .describe('Resistor of the board on the line. Default: as the board has it.'),
    activeLow: z.boolean().default(false).describe('Whether 1 is the low level. Default false.'),
    chip: chipName,
    device: z.string().optional().describe("The device's name in series and tags. Default: the name of the source."),
  })
  .refine(({ states, count }) => (states === undefined) !== (count === undefined), {
    path: ['gpio'],
    message: 'say what it is: states: [closed, open] for a contact, or count: rising for a meter that pulses',
  })
  .refine(({ every, count }) => every === undefined || count !== undefined, {
    path: ['every'],
    message: 'every belongs to count; with states it is report',
  })
  .refine(({ report, count }) => report === undefined || count === undefined, {
    path: ['report'],
    message: 'report belongs to states; with count it is every',
  });

type Config = z.output<typeof schema>;

export const gpio = gpioKind(gpioInputs);

/** @param inputsBy how lines are reached */
export function gpioKind(inputsBy: (clock: Clock) => GpioInputs): SourceKind {
  return sourceKind({
    key: 'gpio',
    schema,
    channels: ({ count }) => (count === undefined ? ['state'] : ['count', 'rate']),
    device: (config, id) => config.device ?? id,
    holds: heldLine,
    make: (config, context) => new GpioSource(config, context, inputsBy(context.clock)),
  });
}

class GpioSource implements Source {
  readonly #config: Config;
  readonly #context: SourceContext;
  readonly #inputs: GpioInputs;

  constructor(config: Config, context: SourceContext, inputs: GpioInputs) {
    this.#config = config;
    this.#context = context;
    this.#inputs = inputs;
  }

  async *open(signal: AbortSignal): AsyncGenerator<Delivery> {
    const { gpio: line, chip, pull, activeLow, count } = this.#config;
    const { clock } = this.#context;
    const debounceMs = this.#config.debounce ?? (count === undefined ? stateDebounceMs : 0);
    const bell = new Bell(clock);
    const channel =
      count === undefined
        ? new StateChannel(this.#config.report ?? 30_000)
        : new PulseChannel(count, this.#config.every ?? 1000);
    let lost: Error | undefined;
    const listener = {
      edge: (level: boolean, atMs: number): void => {
        if (channel.edge(level !== activeLow, atMs)) bell.ring();
      },
      lost: (error: Error): void => {
        lost ??= error;
        bell.ring();
      },
    };
    const request = { line, chip, pull, debounceMs, edges: edgesOf(count, activeLow), counts: count !== undefined };
    const input = await this.#inputs.open(request, listener, signal);
    const stop = (): void => bell.ring();
    signal.addEventListener('abort', stop);
    try {
      this.#context.opened();
      channel.begin(input.present.level !== activeLow, input.present.atMs);
      while (!signal.aborted) {
        for (const said of channel.take()) {
          const delivery = this.#delivery(said);
          if (delivery !== undefined) yield delivery;
        }
        if (lost !== undefined) throw lost;
        const waitMs = channel.dueMs - clock.monotonicMs();
        if (waitMs > 0) await bell.wait(waitMs);
        else channel.report(clock.monotonicMs());
      }
    } finally {
      signal.removeEventListener('abort', stop);
      await input.close();
    }
  }

  #delivery({ atMs, values, passedOver }: Said): Delivery | undefined {
    const { id, clock, router } = this.#context;
    const { device = id } = this.#config;
    // In whole milliseconds, and the event time to the same: a reading that was stamped here is known by it.
    const arrival = Math.round(clock.now() - (clock.monotonicMs() - atMs));
    const batch = new ReadingBatch(id, router, arrival);
    for (const [channel, value] of values) {
      if (router.takes(channel)) batch.value(device, channel, arrival, value, String(value));
    }
    if (passedOver > 0) {
      const detail = `${passedOver} changes came faster than they could be taken, and were passed over; raise debounce`;
      batch.dead('overrun', device, detail, '', passedOver);
    }
    if (batch.size === 0) return undefined;
    const { readings, deadLetters } = batch;
    // A line cannot be asked to repeat: there is nobody to acknowledge to.
    return { readings, deadLetters, arrival, received: atMs, attempt: 'only', ack: () => undefined };
  }
}

/** The edges of the line itself, which active low turns round. */
function edgesOf(count: Config['count'], activeLow: boolean): 'rising' | 'falling' | 'both' {
  if (count === undefined || count === 'both') return 'both';
  return (count === 'rising') === activeLow ? 'falling' : 'rising';
}
