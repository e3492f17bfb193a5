// Channels out of a decoded object, however its bytes were written (JSON, CBOR):
//
//   temp            a field of the object
//   ENERGY.Power    a field of a field, where there is none with that very name
//   /sensors/0/t    a JSON pointer (RFC 6901), from the top
//
// A list of objects is a list of records, unless a pointer looks into it. Fields no signal takes are passed over: boards say
// more than is asked. An object of which nothing is taken is a dead letter, because then somebody misspelt a name.

import type { ReadingBatch } from './batch.ts';
import type { FormatOptions } from './format.ts';
import { parseTime, type TimeUnit } from './time-field.ts';

type Steps = readonly string[];

export interface Named {
  readonly channel: string;
  readonly steps: Steps;
}

export class Fields {
  readonly #paths: readonly Named[];
  readonly #looksIntoLists: boolean;
  readonly #time: Place | undefined;
  readonly #timeName: string | undefined;
  readonly #timeUnit: TimeUnit;

  constructor({ channels, time, timeUnit = 'ms' }: Pick<FormatOptions, 'channels' | 'time' | 'timeUnit'>) {
    this.#paths = channels.flatMap((channel) => {
      const steps = stepsOf(channel);
      return steps.length > 1 || channel.startsWith('/') ? [{ channel, steps }] : [];
    });
    this.#looksIntoLists = [...channels, time ?? ''].some((name) => name.startsWith('/'));
    this.#time = time === undefined ? undefined : new Place(time);
    this.#timeName = time;
    this.#timeUnit = timeUnit;
  }

  /** @param what of which format the value is, for dead letters @param sample the input it came from, likewise */
  take(value: unknown, what: string, device: string, sample: string, batch: ReadingBatch): void {
    if (Array.isArray(value) && !this.#looksIntoLists) {
      for (const record of value) this.#takeRecord(record, what, device, sample, batch);
    } else this.#takeRecord(value, what, device, sample, batch);
  }

  /** The event time in an object; undefined when there is none, and that is a dead letter. */
  timeOf(record: object, device: string, sample: string, batch: ReadingBatch): number | undefined {
    if (this.#time === undefined) return batch.arrival;
    const time = parseTime(this.#time.in(record), this.#timeUnit);
    if (Number.isFinite(time)) return time;
    batch.dead('bad_time', device, `"${this.#timeName}" holds no event time`, sample);
    return undefined;
  }

  #takeRecord(record: unknown, what: string, device: string, sample: string, batch: ReadingBatch): void {
    if (!isObject(record) && !(this.#looksIntoLists && Array.isArray(record))) {
      batch.dead('malformed', device, `${what}, but not an object`, sample);
      return;
    }
    const time = this.timeOf(record, device, sample, batch);
    if (time === undefined) return;
    let taken = 0;
    if (isObject(record)) {
      for (const channel in record) {
        if (channel === this.#timeName || !batch.takes(channel)) continue;
        batch.value(device, channel, time, record[channel], sample);
        taken += 1;
      }
    }
    for (const { channel, steps } of this.#paths) {
      if (Object.hasOwn(record, channel)) continue;
      const value = lookUp(record, steps);
      if (value === undefined) continue;
      batch.value(device, channel, time, value, sample);
      taken += 1;
    }
    if (taken === 0) {
      const names = Object.keys(record).slice(0, 8).join(', ');
      batch.dead('unmapped', device, `no signal takes any of: ${names}`, sample);
    }
  }
}

/** One named value in an object: by field, dotted path or pointer. */
export class Place {
  readonly #name: string;
  readonly #steps: Steps;

  constructor(name: string) {
    this.#name = name;
    this.#steps = stepsOf(name);
  }

  in(value: unknown): unknown {
    if (isObject(value) && Object.hasOwn(value, this.#name)) return value[this.#name];
    return this.#steps.length > 1 || this.#name.startsWith('/') ? lookUp(value, this.#steps) : undefined;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function stepsOf(name: string): Steps {
  if (!name.startsWith('/')) return name.split('.');
  return name
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Own properties only: what an object inherits was not in the message. */
function lookUp(value: unknown, steps: Steps): unknown {
  let at: unknown = value;
  for (const step of steps) {
    if (Array.isArray(at)) at = /^\d+$/.test(step) ? at[Number(step)] : undefined;
    else if (isObject(at) && Object.hasOwn(at, step)) at = at[step];
    else return undefined;
  }
  return at;
}
