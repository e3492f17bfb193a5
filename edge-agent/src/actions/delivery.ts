// What every message action can say of its delivery: what it is told of, how long an attempt may take, when to give up, and
// how much of it people can take.

import { duration, positiveDuration } from '@weir/shared/config/schema.ts';
import { alertStates, type AlertState } from '@weir/shared/model/alert.ts';
import { parseDuration } from '@weir/shared/model/duration.ts';
import * as z from 'zod';

export interface Limit {
  /** Infinity: none. */
  readonly count: number;
  readonly intervalMs: number;
}

export interface Grouping {
  readonly waitMs: number;
  readonly by: 'rule' | 'device';
}

export interface Delivery {
  readonly on: ReadonlySet<AlertState>;
  readonly timeoutMs: number;
  /** Infinity: never. */
  readonly giveUpAfterMs: number;
  readonly limit: Limit;
  readonly group: Grouping | undefined;
}

const limit = z
  .string()
  .meta({ examples: ['10 per 10s'] })
  .transform((text, context): Limit => {
    const [, count, interval = ''] = /^\s*(\d+)\s+per\s+(.+)$/.exec(text) ?? [];
    const intervalMs = parseDuration(interval) ?? 0;
    if (text.trim() === 'none') return { count: Infinity, intervalMs: 0 };
    if (Number(count) >= 1 && Number(count) <= 1000 && intervalMs > 0) return { count: Number(count), intervalMs };
    context.addIssue({
      code: 'custom',
      message: `"${text}" is no limit; write it like 10 per 10s, 1000 at most, or none`,
    });
    return z.NEVER;
  });

const group = z
  .string()
  .meta({ examples: ['5s by device'] })
  .transform((text, context): Grouping => {
    const [, wait = '', by = 'rule'] = /^\s*(\S+?)(?:\s+by\s+(rule|device))?\s*$/.exec(text) ?? [];
    const waitMs = parseDuration(wait) ?? 0;
    if (waitMs > 0) return { waitMs, by: by === 'device' ? 'device' : 'rule' };
    context.addIssue({ code: 'custom', message: `"${text}" is no grouping; write it like 5s, or 5s by device` });
    return z.NEVER;
  });

/** Part of the schema of every message action. */
export const deliverySettings = {
  on: z
    .array(z.enum(alertStates))
    .min(1)
    .default(['firing', 'cleared', 'reminded'])
    .describe('Transitions it is told of. Default `[firing, cleared, reminded]`.'),
  timeout: positiveDuration.default(10_000).describe('An attempt that takes longer has failed. Default 10s.'),
  giveUpAfter: duration
    .optional()
    .describe('What could not be told for so long is given up. Default: never; what waits is bounded in number.'),
  limit: limit
    .default({ count: 10, intervalMs: 10_000 })
    .describe(
      'Most messages in a time; [what is beyond comes gathered into one](actions/README.md#floods). Default 10 per 10s.',
    ),
  group: group
    .optional()
    .describe('Waits so long for what belongs together, by rule or by device, and tells it as one.'),
} as const;

const schema = z.object(deliverySettings);

/** @param raw an action as written, valid */
export function deliveryOf(raw: unknown): Delivery {
  const { on, timeout, giveUpAfter = Infinity, limit, group } = schema.parse(raw);
  return { on: new Set(on), timeoutMs: timeout, giveUpAfterMs: giveUpAfter, limit, group };
}

/** How an action is delivered that says nothing about it. */
export const usualDelivery: Delivery = deliveryOf({});
