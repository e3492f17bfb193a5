// What can go wrong in a scenario, as a person writes it. What each does is told in docs/simulator.md.

import { duration, positiveDuration } from '@weir/shared/config/schema.ts';
import * as z from 'zod';

const moment = { device: z.string(), at: duration, every: positiveDuration.optional() };
const span = { ...moment, for: positiveDuration };

function times(fault: { at: number; for?: number | undefined; every?: number | undefined }) {
  return { atMs: fault.at, forMs: fault.for, everyMs: fault.every };
}

export const faultKinds = [
  'overheat',
  'stuck',
  'spike',
  'offset',
  'drift',
  'noise',
  'dropout',
  'clock-ahead',
  'time-reset',
  'delay',
  'duplicate',
  'garble',
  'garbage',
  'bad-crc',
  'baud-mismatch',
  'reboot',
  'unplug',
  'no-answer',
  'slow-answer',
  'exception',
] as const;

export const faultSchema = z.discriminatedUnion(
  'kind',
  [
    z
      .strictObject({ ...span, kind: z.literal('overheat'), signal: z.string(), by: z.number().positive().default(6) })
      .transform(({ kind, device, signal, by, ...rest }) => ({ kind, device, signal, byDegrees: by, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.literal('stuck'), signal: z.string() })
      .transform(({ kind, device, signal, ...rest }) => ({ kind, device, signal, ...times(rest) })),
    z
      .strictObject({
        ...moment,
        for: positiveDuration.optional(),
        kind: z.literal('spike'),
        signal: z.string(),
        value: z.number(),
      })
      .transform(({ kind, device, signal, value, ...rest }) => ({ kind, device, signal, value, ...times(rest) })),
    // Off by so much from its beginning to its end, or ever further, up to so much at its end.
    z
      .strictObject({ ...span, kind: z.enum(['offset', 'drift']), signal: z.string(), by: z.number() })
      .transform(({ kind, device, signal, by, ...rest }) => ({ kind, device, signal, by, ...times(rest) })),
    // Trembles with this standard deviation.
    z
      .strictObject({ ...span, kind: z.literal('noise'), signal: z.string(), by: z.number().positive() })
      .transform(({ kind, device, signal, by, ...rest }) => ({ kind, device, signal, by, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.literal('dropout') })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.literal('clock-ahead'), by: positiveDuration })
      .transform(({ kind, device, by, ...rest }) => ({ kind, device, signal: undefined, byMs: by, ...times(rest) })),
    z
      .strictObject({ ...span, kind: z.enum(['time-reset', 'delay', 'baud-mismatch', 'unplug', 'no-answer']) })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
    z
      .strictObject({
        ...moment,
        for: positiveDuration.optional(),
        kind: z.enum(['duplicate', 'garbage', 'bad-crc']),
      })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
    // Silent for so long; then the clock begins at 1970, until somebody sets it, or has kept the time.
    z
      .strictObject({
        ...span,
        kind: z.literal('reboot'),
        clock: z.enum(['reset', 'keep']).default('reset'),
        resync: positiveDuration.optional(),
      })
      .transform(({ kind, device, clock, resync, ...rest }) => ({
        kind,
        device,
        signal: undefined,
        clock,
        resyncMs: resync,
        ...times(rest),
      })),
    z
      .strictObject({ ...span, kind: z.literal('slow-answer'), by: positiveDuration })
      .transform(({ kind, device, by, ...rest }) => ({ kind, device, signal: undefined, byMs: by, ...times(rest) })),
    // A Modbus exception, of which 4 is a failure of the device; a thing answers with an HTTP status, 500 where this is none.
    z
      .strictObject({ ...span, kind: z.literal('exception'), code: z.int().min(1).max(599).default(4) })
      .transform(({ kind, device, code, ...rest }) => ({ kind, device, signal: undefined, code, ...times(rest) })),
    z
      .strictObject({ ...moment, kind: z.literal('garble') })
      .transform(({ kind, device, ...rest }) => ({ kind, device, signal: undefined, ...times(rest) })),
  ],
  { error: `a fault needs a kind: ${faultKinds.join(', ')}` },
);

export type Fault = z.output<typeof faultSchema>;

export const faultKeys = [
  'at',
  'for',
  'every',
  'device',
  'signal',
  'kind',
  'value',
  'by',
  'clock',
  'resync',
  'code',
] as const;
