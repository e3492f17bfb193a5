// What a Thing said, made readings: each channel is a number or a boolean somewhere in the value, and it has to be what the
// Thing Description promised.

import type { LossReason } from '@weir/shared/model/reading.ts';
import type { Affordance, DataSchema } from './thing-description.ts';

/** A channel some signal takes, and where in the value it stands. */
export interface WantedChannel {
  readonly channel: string;
  readonly path: readonly string[];
}

export type Judged = { readonly value: number } | { readonly reason: LossReason; readonly detail: string };

/** @param said the value of the property, or the data of the event */
export function judge({ kind, schema }: Affordance, { channel, path }: WantedChannel, said: unknown): Judged {
  const wanted = path.reduce<DataSchema | undefined>((at, field) => at?.properties?.[field], schema);
  // An event whose data is no number says that it happened.
  if (kind === 'event' && path.length === 0 && !isNumeric(wanted) && typeof said !== 'number') return { value: 1 };
  const value = path.reduce<unknown>((at, field) => fieldOf(at, field), unwrapped(said, schema));
  const number = typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : NaN;
  if (!Number.isFinite(number) || (isNumeric(wanted) && typeof value !== jsonType(wanted))) {
    const promise = wanted?.type === undefined ? 'a number' : `the ${wanted.type} its Thing Description promises`;
    return { reason: 'not_a_number', detail: `"${channel}" is ${shown(value)}, not ${promise}` };
  }
  const {
    minimum = -Infinity,
    maximum = Infinity,
    exclusiveMinimum = -Infinity,
    exclusiveMaximum = Infinity,
  } = wanted ?? {};
  const isInside =
    number >= minimum &&
    number <= maximum &&
    (number > exclusiveMinimum || exclusiveMinimum === -Infinity) &&
    (number < exclusiveMaximum || exclusiveMaximum === Infinity);
  if (isInside) return { value: number };
  const low = Math.max(minimum, exclusiveMinimum);
  const high = Math.min(maximum, exclusiveMaximum);
  return {
    reason: 'out_of_range',
    detail: `"${channel}" is ${number}, outside ${bound(low)}..${bound(high)} of its Thing Description`,
  };
}

/** @returns a field of an object; undefined when there is none */
export function fieldOf(value: unknown, field: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, field))
    return undefined;
  return Object.entries(value).find(([name]) => name === field)?.[1];
}

/** Some Things wrap a plain value: `{ "value": 21.5 }`. */
function unwrapped(said: unknown, schema: DataSchema | undefined): unknown {
  const inner = fieldOf(said, 'value');
  return inner !== undefined && isNumeric(schema) ? inner : said;
}

function isNumeric(schema: DataSchema | undefined): schema is DataSchema & { type: 'number' | 'integer' | 'boolean' } {
  return schema?.type === 'number' || schema?.type === 'integer' || schema?.type === 'boolean';
}

function jsonType({ type }: DataSchema): string {
  return type === 'boolean' ? 'boolean' : 'number';
}

function bound(value: number): string {
  return Number.isFinite(value) ? String(value) : '';
}

function shown(value: unknown): string {
  return value === undefined ? 'missing' : (JSON.stringify(value) ?? typeof value).slice(0, 40);
}
