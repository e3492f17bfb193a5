// What the agent and its Thing-reading child process say to each other over the IPC channel. Both sides check it.
//
// The agent says what to read (`start`, once) and then how much may come: each `credit` is one more `samples`. The child
// sends samples, how its Things are (`state`, when that changes), and a sign of life (`alive`). `failed` is its last word.

import { lossReasons } from '@weir/shared/model/reading.ts';
import { timeUnits } from '../formats/time-field.ts';
import * as z from 'zod';

export const startSchema = z.strictObject({
  kind: z.literal('start'),
  /** Files, folders and URLs, absolute. */
  locations: z.array(z.string()),
  device: z.string().optional(),
  /** Channels some signal takes. */
  channels: z.array(z.string()),
  pollMs: z.number().positive(),
  refreshMs: z.number().positive(),
  timeoutMs: z.number().positive(),
  aliveMs: z.number().positive(),
  time: z.string().optional(),
  timeUnit: z.enum(timeUnits),
  username: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
});

export const toChildSchema = z.discriminatedUnion('kind', [startSchema, z.strictObject({ kind: z.literal('credit') })]);

const sampleSchema = z.strictObject({
  device: z.string(),
  channel: z.string(),
  /** How long ago it came in. */
  ageMs: z.number(),
  /** Event time, epoch milliseconds, where the Thing says one. */
  time: z.number().optional(),
  value: z.number().optional(),
  /** Why there is no value. */
  dead: z.strictObject({ reason: z.enum(lossReasons), detail: z.string(), sample: z.string() }).optional(),
});

export const fromChildSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('samples'),
    samples: z.array(sampleSchema),
    /** Samples since the last message for which there was no room. */
    dropped: z.int().nonnegative(),
  }),
  z.strictObject({
    kind: z.literal('state'),
    /** What is wrong, Thing by Thing. */
    troubles: z.array(z.string()),
    /** Whether every Thing has been asked. */
    settled: z.boolean(),
  }),
  z.strictObject({ kind: z.literal('alive') }),
  z.strictObject({ kind: z.literal('failed'), message: z.string() }),
]);

export type Start = z.output<typeof startSchema>;
export type ToChild = z.output<typeof toChildSchema>;
export type Sample = z.output<typeof sampleSchema>;
export type FromChild = z.output<typeof fromChildSchema>;

/** Messages with samples that may be on their way. */
export const credits = 4;
