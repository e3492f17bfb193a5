// A plan as text: what a checkpoint keeps, so that the journal behind it is replayed by the plan it was made with, also when
// the gateway file has changed since.

import * as z from 'zod';
import { operators } from '../alert/comparison.ts';
import { severities } from '../model/alert.ts';
import { statistics } from '../model/pane.ts';
import type { Plan } from './plan.ts';

const version = 3;

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

const input = z
  .object({ variable: z.string(), device: z.string().optional(), signal: z.string() })
  .transform((one) => ({ ...one, device: one.device }));

const derived = z
  .object({
    expression: z.string(),
    inputs: z.array(input),
    alignMs: z.number(),
    device: z.string().optional(),
  })
  .transform((plan) => ({ ...plan, device: plan.device }));

const rule = z
  .object({
    id: z.string(),
    when: z.string(),
    clear: z.string().optional(),
    inputs: z.array(input),
    perGateway: z.boolean(),
    samples: z.object({ atLeast: z.number(), of: z.number() }).optional(),
    detector: z.string(),
    alarmsPerWeek: z.number(),
    learnMs: z.number(),
    forMs: z.number(),
    keepForMs: z.number(),
    latch: z.boolean(),
    remindMs: high,
    onLate: z.enum(['record', 'fire']),
    lateAfterMs: high,
    holdsChatter: z.boolean(),
    suppressedBy: z.array(z.string()),
    severity: z.enum(severities),
    actions: z.array(z.string()),
  })
  .transform((one) => ({ ...one, clear: one.clear, samples: one.samples }));

const planSchema = z.object({
  version: z.literal(version),
  maxAheadMs: z.number(),
  idleAfterMs: z.number(),
  maxSeries: z.number(),
  latenessBytes: high,
  rules: z.array(rule),
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
        devices: z.array(z.string()),
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
