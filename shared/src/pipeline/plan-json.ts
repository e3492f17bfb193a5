// A plan as text: what a checkpoint keeps, so that the journal behind it is replayed by the plan it was made with, also when
// the gateway file has changed since.

import { z } from 'zod';
import { operators } from '../alert/condition.ts';
import { severities } from '../model/alert.ts';
import { statistics } from '../model/pane.ts';
import type { Plan } from './plan.ts';

const version = 1;

const condition = z.object({ signal: z.string(), operator: z.enum(operators), limit: z.number() });
/** JSON has no infinity: a bound that is not there is null. */
const low = z.union([z.number(), z.null().transform(() => -Infinity)]);
const high = z.union([z.number(), z.null().transform(() => Infinity)]);

const planSchema = z.object({
  version: z.literal(version),
  maxAheadMs: z.number(),
  idleAfterMs: z.number(),
  maxSeries: z.number(),
  signals: z.array(
    z.object({
      signal: z.string(),
      range: z.tuple([low, high]),
      disorderMs: z.number(),
      latenessMs: z.number(),
      windows: z.array(z.object({ id: z.string(), sizeMs: z.number(), compute: z.array(z.enum(statistics)) })),
      rules: z.array(
        z
          .object({
            id: z.string(),
            when: condition,
            clear: condition.optional(),
            forMs: z.number(),
            severity: z.enum(severities),
            actions: z.array(z.string()),
          })
          .transform((rule) => ({ ...rule, clear: rule.clear })),
      ),
    }),
  ),
});

export function planToJson(plan: Plan): string {
  return JSON.stringify({ version, ...plan, signals: [...plan.signals.values()] });
}

/** Whether two plans say the same, in whatever order their fields were written. */
export function isSamePlan(a: Plan, b: Plan): boolean {
  return inSchemaOrder(a) === inSchemaOrder(b);
}

function inSchemaOrder(plan: Plan): string {
  return planToJson(planFromJson(planToJson(plan)) ?? plan);
}

/** @returns undefined when the text is no plan this version knows */
export function planFromJson(text: string): Plan | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = planSchema.safeParse(value);
  if (!parsed.success) return undefined;
  const { maxAheadMs, idleAfterMs, maxSeries, signals } = parsed.data;
  return { maxAheadMs, idleAfterMs, maxSeries, signals: new Map(signals.map((signal) => [signal.signal, signal])) };
}
