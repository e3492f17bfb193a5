// The gateway file's JSON Schema, for completion and checks in editors. Made from the same schemas that check the file.

import * as z from 'zod';
import type { ConfigKind, Kinds } from './kinds.ts';
import { alertSchema, hubSchema, name, settingsSchema, signalSchema, thingSchema, windowSchema } from './schema.ts';

export function gatewayJsonSchema(kinds: Kinds): Record<string, unknown> {
  const schema = z
    .strictObject({
      gateway: name.describe('Name of this gateway, everywhere: identity, topics, tag.'),
      hub: hubSchema.optional(),
      data: z.string().optional().describe('Folder of journal and outbox. Default: weir-data/{gateway}.'),
      sources: z.record(z.string(), anyOf(kinds.sources)).optional().describe('What is read, by name.'),
      signals: z.record(z.string(), signalSchema).optional().describe('What it means, by name.'),
      windows: z.array(windowSchema).optional().describe('What is computed from it and sent to the hub.'),
      alerts: z.record(z.string(), alertSchema).optional().describe('What must not wait for the hub, by name.'),
      actions: z.record(z.string(), anyOf(kinds.actions)).optional().describe('What an alert can do, by name.'),
      thing: thingSchema.optional(),
      settings: settingsSchema.optional(),
    })
    .meta({ title: 'Weir gateway file' });
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

function anyOf(kinds: readonly ConfigKind[]): z.ZodType {
  return z.union(kinds.map(({ schema }) => schema));
}
