// What one says to a running agent at the gateway itself: a line of JSON to its socket, and a line of JSON back.
//
//   {"ask":"alarms"}                    {"alarms":[AlarmView…]}
//   {"operate":Operation}               {"changed":2}, or null where there is no such alert
//   anything else                       {"error":"…"}
//
// JSON has neither NaN nor Infinity: a number that is none is null.

import { alarmPhases, type AlarmPhase } from '@weir/shared/alert/alarm.ts';
import { severities, type Operation, type Severity } from '@weir/shared/model/alert.ts';
import * as z from 'zod';
import { operationSchema } from '../log/journal-block.ts';

/** File of the socket, in the data folder. */
export const socketName = 'control';

export const requestSchema = z.union([
  z.strictObject({ ask: z.literal('alarms') }),
  z.strictObject({ operate: operationSchema }),
]);

export type Request = { readonly ask: 'alarms' } | { readonly operate: Operation };

/** One alarm, as it is now. */
export interface ControlAlarm {
  readonly rule: string;
  readonly device: string;
  readonly signal: string;
  readonly severity: Severity;
  readonly phase: AlarmPhase;
  /** Event time at which the condition first held, epoch milliseconds; null when it does not. */
  readonly since: number | null;
  /** Null for a silence. */
  readonly value: number | null;
  readonly reason: string;
  readonly acknowledged: boolean;
  /** Whether somebody was told. */
  readonly told: boolean;
  /** Epoch milliseconds; null when it is not. */
  readonly shelvedUntil: number | null;
  readonly disabled: boolean;
  readonly suppressed: boolean;
  readonly chattering: boolean;
  /** Its detector only learns, as yet. */
  readonly learning: boolean;
}

const alarmSchema = z.object({
  rule: z.string(),
  device: z.string(),
  signal: z.string(),
  severity: z.enum(severities),
  phase: z.enum(alarmPhases),
  since: z.number().nullable(),
  value: z.number().nullable(),
  reason: z.string(),
  acknowledged: z.boolean(),
  told: z.boolean(),
  shelvedUntil: z.number().nullable(),
  disabled: z.boolean(),
  suppressed: z.boolean(),
  chattering: z.boolean(),
  learning: z.boolean(),
});

export const answerSchema = z.union([
  z.strictObject({ alarms: z.array(alarmSchema) }),
  z.strictObject({ changed: z.number().nullable() }),
  z.strictObject({ error: z.string() }),
]);

export type Answer = z.output<typeof answerSchema>;
