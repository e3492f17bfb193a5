// What a source is: something that can be opened and then gives deliveries until it fails or is told to stop.
//
// Pulling is the back-pressure: a source that is not asked for the next delivery stops reading its device. A delivery and
// its ack are one value: `ack` is called once everything in it is on disk, and only then may a broker forget it. A source
// that loses its device throws an error that says what to do; the supervisor shows it, waits and opens it again.

import type { ConfigKind, Part } from '@weir/shared/config/kinds.ts';
import type { DeadLetter, Reading } from '@weir/shared/model/reading.ts';
import type * as z from 'zod';
import type { Clock } from '../time/clock.ts';
import type { Router } from './router.ts';

export interface Delivery {
  readonly readings: readonly Reading[];
  readonly deadLetters: readonly DeadLetter[];
  /** Wall clock when the bytes were read, epoch milliseconds. */
  readonly arrival: number;
  /** The same moment on the monotonic clock: alert latency is measured from here. */
  readonly received: number;
  /** Whether the sender repeats what it sees no ack for: `again` is such a repetition, and what is known is not counted. */
  readonly attempt: 'only' | 'first' | 'again';
  /** Everything in this delivery is durable. */
  readonly ack: () => void;
}

export interface Source {
  /** Ends when `signal` aborts; throws when the device is lost or cannot be opened. */
  open(signal: AbortSignal): AsyncIterable<Delivery>;
}

export interface SourceContext {
  readonly id: string;
  readonly gateway: string;
  /** Folder of the gateway file: relative paths start here. */
  readonly base: string;
  /** Data folder of the agent, which is its own: a source writes nothing there. */
  readonly data: string;
  readonly clock: Clock;
  readonly router: Router;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The device is there and readable. */
  opened(): void;
  /** One of the devices behind it is well, or what is wrong with it: shown beside the source. */
  device(name: string, problem: string | undefined): void;
  /** Part of it cannot be read at present; the rest goes on. `opened` says that all is well again. */
  trouble(detail: string): void;
  /** The sender waits for acks: commit as soon as the disk allows. */
  hurry(): void;
}

export interface SourceKind extends ConfigKind {
  make(part: Part, context: SourceContext): Source;
}

/** Ties a schema to what it opens, so that the registry can hold kinds of different configurations. */
export function sourceKind<S extends z.ZodObject>(kind: {
  key: string;
  schema: S;
  channels?: (config: z.output<S>, base?: string) => readonly string[] | undefined;
  unit?: (config: z.output<S>, channel: string, base?: string) => string | undefined;
  mistake?: (config: z.output<S>, base?: string) => string | undefined;
  device?: (config: z.output<S>, id: string, base?: string) => string | undefined;
  holds?: (config: z.output<S>) => string | undefined;
  make: (config: z.output<S>, context: SourceContext) => Source;
}): SourceKind {
  return {
    key: kind.key,
    schema: kind.schema,
    channels: (raw, base) => kind.channels?.(kind.schema.parse(raw), base),
    unit: (raw, channel, base) => kind.unit?.(kind.schema.parse(raw), channel, base),
    mistake: (raw, base) => kind.mistake?.(kind.schema.parse(raw), base),
    device: (raw, id, base) => kind.device?.(kind.schema.parse(raw), id, base),
    holds: (raw) => kind.holds?.(kind.schema.parse(raw)),
    make: (part, context) => endingQuietly(kind.make(kind.schema.parse(part.raw), context)),
  };
}

/** What fails because it was told to stop has not failed. */
function endingQuietly(source: Source): Source {
  return {
    async *open(signal) {
      try {
        yield* source.open(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
  };
}
