// JSON: an object whose numeric fields are channels, `{"t": 1760000000000, "temp": 31.4, "rh": 44}`, or one value.
//
// Fields no signal takes are passed over: boards say more than is asked. An object of which nothing is taken is a dead
// letter, because then somebody misspelt a name.

import type { ReadingBatch } from './batch.ts';
import { parseTime, type TimeUnit } from './time-field.ts';

export interface JsonOptions {
  /** Field with the event time; without it the arrival time is taken. */
  readonly time: string | undefined;
  readonly timeUnit: TimeUnit;
}

/** An object of channels, as one serial line or one message. */
export function decodeJsonObject(text: string, device: string, options: JsonOptions, batch: ReadingBatch): void {
  const fields = parseObject(text, device, batch);
  if (fields === undefined) return;
  const time = eventTime(fields, device, options, batch, text);
  if (time === undefined) return;
  let taken = 0;
  for (const channel in fields) {
    if (channel === options.time || !batch.takes(channel)) continue;
    batch.value(device, channel, time, fields[channel], text);
    taken += 1;
  }
  if (taken === 0)
    batch.dead('unmapped', device, `no signal takes any of: ${Object.keys(fields).slice(0, 8).join(', ')}`, text);
}

/** One value of one channel: a bare number, or an object with it in field `valueField`. */
export function decodeJsonValue(
  text: string,
  device: string,
  channel: string,
  options: JsonOptions & { readonly valueField: string },
  batch: ReadingBatch,
): void {
  const bare = text.trim() === '' ? NaN : text === 'true' ? 1 : text === 'false' ? 0 : Number(text);
  if (!Number.isNaN(bare) && options.time === undefined) {
    batch.value(device, channel, batch.arrival, bare, text);
    return;
  }
  const fields = parseObject(text, device, batch);
  if (fields === undefined) return;
  const time = eventTime(fields, device, options, batch, text);
  if (time !== undefined) batch.value(device, channel, time, fields[options.valueField], text);
}

function parseObject(text: string, device: string, batch: ReadingBatch): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    batch.dead('malformed', device, error instanceof Error ? error.message : 'not JSON', text);
    return undefined;
  }
  if (isObject(value)) return value;
  batch.dead('malformed', device, 'JSON, but not an object', text);
  return undefined;
}

function eventTime(
  fields: Readonly<Record<string, unknown>>,
  device: string,
  options: JsonOptions,
  batch: ReadingBatch,
  sample: string,
): number | undefined {
  if (options.time === undefined) return batch.arrival;
  const time = parseTime(fields[options.time], options.timeUnit);
  if (Number.isFinite(time)) return time;
  batch.dead('bad_time', device, `"${options.time}" holds no event time`, sample);
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
