// JSON: an object whose numeric fields are channels, `{"t": 1760000000000, "temp": 31.4, "rh": 44}`, or one value.

import type { ReadingBatch } from './batch.ts';
import { Fields, isObject, Place } from './fields.ts';
import { textDecoder, type Format, type FormatOptions } from './format.ts';

/** An object of channels, or a list of them, as one line or one message. */
export const json: Format = {
  framings: ['lines', 'cobs', 'slip'],
  prepare(options) {
    const fields = new Fields(options);
    return textDecoder((text, device, batch) => {
      const value = parse(text, device, batch);
      if (value !== undefined) fields.take(value, 'JSON', device, text, batch);
    });
  },
};

/** One value of one channel: a bare number, or an object with it in field `valueField`. */
export class JsonValue {
  readonly #hasTime: boolean;
  readonly #fields: Fields;
  readonly #value: Place;

  constructor({ value, ...options }: Pick<FormatOptions, 'time' | 'timeUnit'> & { readonly value: string }) {
    this.#hasTime = options.time !== undefined;
    this.#fields = new Fields({ ...options, channels: [] });
    this.#value = new Place(value);
  }

  decode(text: string, device: string, channel: string, batch: ReadingBatch): void {
    const bare = this.#hasTime ? undefined : bareValue(text, batch);
    if (bare !== undefined) {
      batch.value(device, channel, batch.arrival, bare, text);
      return;
    }
    const value = parse(text, device, batch);
    if (value === undefined) return;
    if (!isObject(value)) {
      batch.dead('malformed', device, 'JSON, but not an object', text);
      return;
    }
    const time = this.#fields.timeOf(value, device, text, batch);
    if (time !== undefined) batch.value(device, channel, time, this.#value.in(value), text);
  }
}

/** A number, a truth value or a word that stands alone. */
export function bareValue(text: string, batch: ReadingBatch): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const value = trimmed === 'true' ? 1 : trimmed === 'false' ? 0 : (batch.word(trimmed) ?? Number(trimmed));
  return Number.isNaN(value) ? undefined : value;
}

/** @returns undefined when it is no JSON, and that is a dead letter */
function parse(text: string, device: string, batch: ReadingBatch): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    batch.dead('malformed', device, error instanceof Error ? error.message : 'not JSON', text);
    return undefined;
  }
}
