// A Thing Description (W3C TD 1.1), as far as readings need it: the properties and events of a Thing, what values they may
// have, and by which of their forms they are read or watched. Pure: the gateway file's check uses it as well as the child
// process that reads Things.
//
// A form is taken in the order the Thing Description lists them, the first whose protocol is spoken here:
//
//   read      http(s), coap, modbus+tcp     property forms with op readproperty (the default)
//   watched   http(s), coap, mqtt(s), ws(s) property forms with op observeproperty, event forms with op subscribeevent
//
// Over MQTT and WebSocket there is nothing to ask: a property that can be read there is watched.

import { namePattern } from '@weir/shared/wire/topics.ts';
import * as z from 'zod';

export const readSchemes = ['http', 'https', 'coap', 'modbus+tcp'] as const;
export const watchSchemes = ['http', 'https', 'coap', 'mqtt', 'mqtts', 'ws', 'wss'] as const;
/** Where the Thing speaks and is never asked. */
const pushSchemes: ReadonlySet<string> = new Set(['mqtt', 'mqtts', 'ws', 'wss']);

const texts = z.union([z.string().transform((one) => [one]), z.array(z.string())]);

const formSchema = z.looseObject({
  href: z.string().min(1, 'a form without href'),
  op: texts.optional(),
  contentType: z.string().optional(),
  subprotocol: z.string().optional(),
  security: texts.optional(),
});

/** What a value may be: as much of JSON Schema as Thing Descriptions use for it. */
export interface DataSchema {
  readonly type?: 'boolean' | 'integer' | 'number' | 'string' | 'object' | 'array' | 'null' | undefined;
  readonly unit?: string | undefined;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly exclusiveMinimum?: number | undefined;
  readonly exclusiveMaximum?: number | undefined;
  readonly properties?: Readonly<Record<string, DataSchema>> | undefined;
}

const dataSchema = z.looseObject({
  type: z.enum(['boolean', 'integer', 'number', 'string', 'object', 'array', 'null']).optional(),
  unit: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  exclusiveMinimum: z.number().optional(),
  exclusiveMaximum: z.number().optional(),
  get properties() {
    return z.record(z.string(), dataSchema).optional();
  },
});

const propertySchema = z.looseObject({
  ...dataSchema.shape,
  forms: z.array(formSchema).min(1, 'no forms'),
  writeOnly: z.boolean().optional(),
});
const eventSchema = z.looseObject({ forms: z.array(formSchema).min(1, 'no forms'), data: dataSchema.optional() });

const thingSchema = z.looseObject({
  id: z.string().optional(),
  title: z.string().optional(),
  base: z.string().optional(),
  security: texts.optional(),
  securityDefinitions: z.record(z.string(), z.looseObject({ scheme: z.string() })).optional(),
  properties: z.record(z.string(), propertySchema).optional(),
  events: z.record(z.string(), eventSchema).optional(),
});

/** How a Thing wants to know who asks. `name` is where the secret goes, when the scheme has a choice. */
export interface Security {
  readonly scheme: string;
  readonly [more: string]: unknown;
}

export interface Form {
  /** Absolute. */
  readonly href: string;
  readonly scheme: string;
  readonly contentType: string;
  readonly subprotocol: string | undefined;
  readonly security: readonly Security[];
  /** Everything the Thing Description says of it, for the protocol's own terms. */
  readonly terms: Readonly<Record<string, unknown>>;
}

export interface Affordance {
  readonly name: string;
  readonly kind: 'property' | 'event';
  /** Of the value, or of an event's data; undefined for an event that has none. */
  readonly schema: DataSchema | undefined;
  readonly read: Form | undefined;
  readonly watch: Form | undefined;
}

export interface ThingDescription {
  /** Its name in series: the title, made a name. */
  readonly device: string;
  readonly id: string | undefined;
  readonly affordances: readonly Affordance[];
}

/** A Thing Description that cannot be used; the message says which and what to do. */
export class BadThingDescription extends Error {
  override readonly name = 'BadThingDescription';
}

/**
 * @param where file or URL it came from, for the message @param location URL that relative addresses start from, if any
 * @throws BadThingDescription
 */
export function readThingDescription(text: string, where: string, location?: string): ThingDescription {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new BadThingDescription(
      `${where} is not JSON: ${error instanceof Error ? error.message : ''}; a Thing Description is a JSON document`,
      { cause: error },
    );
  }
  return toThingDescription(value, where, location);
}

/** @throws BadThingDescription */
export function toThingDescription(value: unknown, where: string, location?: string): ThingDescription {
  const parsed = thingSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const at = issue === undefined || issue.path.length === 0 ? '' : ` at ${issue.path.map(String).join('/')}`;
    throw new BadThingDescription(
      `${where} is not a Thing Description${at}: ${issue?.message ?? ''}; get it from the Thing again, or put it right`,
    );
  }
  const thing = parsed.data;
  const context = { base: thing.base ?? location, thing };
  const affordances: Affordance[] = [];
  for (const [name, { forms, writeOnly, ...schema }] of Object.entries(thing.properties ?? {})) {
    if (writeOnly === true) continue;
    const known = forms.flatMap((form) => toForm(form, ['readproperty', 'writeproperty'], context));
    affordances.push({
      name,
      kind: 'property',
      schema,
      read: known.find(({ form, ops }) => ops.includes('readproperty') && isOneOf(readSchemes, form.scheme))?.form,
      watch: known.find(
        ({ form, ops }) =>
          isOneOf(watchSchemes, form.scheme) &&
          (ops.includes('observeproperty') || (ops.includes('readproperty') && pushSchemes.has(form.scheme))),
      )?.form,
    });
  }
  for (const [name, { forms, data }] of Object.entries(thing.events ?? {})) {
    const known = forms.flatMap((form) => toForm(form, ['subscribeevent', 'unsubscribeevent'], context));
    const watch = known.find(({ form, ops }) => ops.includes('subscribeevent') && isOneOf(watchSchemes, form.scheme));
    affordances.push({ name, kind: 'event', schema: data, read: undefined, watch: watch?.form });
  }
  if (affordances.length === 0)
    throw new BadThingDescription(`${where} has no properties and no events: there is nothing to read`);
  if (affordances.every(({ read, watch }) => read === undefined && watch === undefined)) {
    throw new BadThingDescription(
      `${where} has no form that Weir can use; it speaks ${[...new Set([...readSchemes, ...watchSchemes])].join(', ')}, and relative addresses need a base`,
    );
  }
  return { device: deviceName(thing.title ?? thing.id ?? ''), id: thing.id, affordances };
}

/** @returns a name of series: what cannot stand in one becomes `-`; `thing` when nothing is left */
export function deviceName(title: string): string {
  const plain = title
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9_.-]+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, 64)
    .replace(/[-.]+$/, '');
  return namePattern.test(plain) ? plain : 'thing';
}

/** @returns the channels it can have, or undefined when its objects do not say what is in them */
export function channelsOf({ affordances }: ThingDescription): string[] | undefined {
  const channels: string[] = [];
  let isComplete = true;
  const add = (channel: string, schema: DataSchema | undefined): void => {
    channels.push(channel);
    if (schema?.type !== 'object' && schema?.properties === undefined) return;
    if (schema.properties === undefined) isComplete = false;
    for (const [field, inner] of Object.entries(schema.properties ?? {})) add(`${channel}.${field}`, inner);
  };
  for (const { name, schema } of affordances) add(name, schema);
  return isComplete ? channels : undefined;
}

/** @returns what the Thing Description says of a channel's values; undefined when it has no such channel */
export function schemaOf({ affordances }: ThingDescription, channel: string): DataSchema | undefined {
  for (const { name, schema } of affordances) {
    const path = pathIn(name, channel);
    if (path !== undefined) return path.reduce<DataSchema | undefined>((at, field) => at?.properties?.[field], schema);
  }
  return undefined;
}

/** @returns the fields that lead from the affordance's value to the channel's; undefined when it is none of its channels */
export function pathIn(affordance: string, channel: string): readonly string[] | undefined {
  if (channel === affordance) return [];
  return channel.startsWith(`${affordance}.`) ? channel.slice(affordance.length + 1).split('.') : undefined;
}

function toForm(
  { href, op, contentType = 'application/json', subprotocol, security, ...terms }: z.output<typeof formSchema>,
  defaultOps: readonly string[],
  { base, thing }: { base: string | undefined; thing: z.output<typeof thingSchema> },
): { form: Form; ops: readonly string[] }[] {
  // Variables of the address are all optional here: nobody gives them values.
  const bare = href.replaceAll(/\{[^}]*\}/g, '');
  if (!URL.canParse(bare, base)) return [];
  const url = new URL(bare, base);
  // The MQTT binding writes topics both ways: in the address, or beside it.
  const topic = terms['mqv:filter'] ?? terms['mqv:topic'];
  if (url.protocol.startsWith('mqtt') && url.pathname.length <= 1 && typeof topic === 'string')
    url.pathname = `/${topic}`;
  const schemes = (security ?? thing.security ?? []).flatMap((name) => {
    const definition = thing.securityDefinitions?.[name];
    return definition === undefined ? [] : [definition];
  });
  const form = {
    href: url.href,
    scheme: url.protocol.slice(0, -1),
    contentType,
    subprotocol,
    security: schemes,
    terms: { ...terms, op },
  };
  return [{ form, ops: op ?? defaultOps }];
}

function isOneOf(known: readonly string[], scheme: string): boolean {
  return known.includes(scheme);
}
