// A plan as text: what a checkpoint keeps, so that the journal behind it is replayed by the plan it was made with, also when
// the gateway file has changed since.

import { z } from 'zod';
import { operators } from '../alert/condition.ts';
import { severities } from '../model/alert.ts';
import { statistics } from '../model/pane.ts';
import type { Plan } from './plan.ts';

const version = 2;

const condition = z.object({ signal: z.string(), operator: z.enum(operators), limit: z.number() });
/** JSON has no infinity: a bound that is not there is null. */
const low = z.union([z.number(), z.null().transform(() => -Infinity)]);
const high = z.union([z.number(), z.null().transform(() => Infinity)]);

/** Nor has it NaN. */
const unknown = z.union([z.number(), z.null().transform(() => NaN)]);

const shape = z.discriminatedUnion('kind', [
  z
    .object({ kind: z.literal('tumbling'), sizeMs: z.number(), zone: z.string().optional() })
    .transform((tumbling) => ({ ...tumbling, zone: tumbling.zone })),
  z.object({ kind: z.literal('hopping'), sizeMs: z.number(), slideMs: z.number() }),
  z.object({ kind: z.literal('session'), gapMs: z.number() }),
  z.object({ kind: z.literal('count'), size: z.number() }),
]);

const window = z.object({
  id: z.string(),
  shape,
  compute: z.array(z.enum(statistics)),
  earlyEveryMs: z.number(),
  lateEveryMs: z.number(),
});

const derived = z
  .object({
    expression: z.string(),
    inputs: z.array(
      z
        .object({ variable: z.string(), device: z.string().optional(), signal: z.string() })
        .transform((input) => ({ ...input, device: input.device })),
    ),
    alignMs: z.number(),
    device: z.string().optional(),
  })
  .transform((plan) => ({ ...plan, device: plan.device }));

const planSchema = z.object({
  version: z.literal(version),
  maxAheadMs: z.number(),
  idleAfterMs: z.number(),
  maxSeries: z.number(),
  latenessBytes: high,
  signals: z.array(
    z
      .object({
        signal: z.string(),
        gain: z.number(),
        offset: z.number(),
        range: z.tuple([low, high]),
        maxStepPerSecond: high,
        stuckAfterMs: high,
        missingAfterMs: high,
        expectMs: unknown,
        useUncertain: z.boolean(),
        mayRepeat: z.boolean(),
        on: z.object({ operator: z.enum(operators), limit: z.number() }),
        derived: derived.optional(),
        disorderMs: z.number(),
        latenessMs: z.number(),
        windows: z.array(window),
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
      })
      .transform((signal) => ({ ...signal, derived: signal.derived })),
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
  const { version: _, signals, ...rest } = parsed.data;
  return { ...rest, signals: new Map(signals.map((signal) => [signal.signal, signal])) };
}
