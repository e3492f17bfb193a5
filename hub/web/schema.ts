// The shapes of views.ts, checked: a page left open while the hub is upgraded must say so instead of showing nonsense.

import * as z from 'zod/mini';
import type {
  AlertView,
  GatewayView,
  PanesView,
  PaneView,
  RawRequestView,
  RawView,
  SeriesView,
} from '../src/http/views.ts';

// The page's content security policy forbids the code generation zod would otherwise try.
z.config({ jitless: true });

const count = z.number();

export const gatewayView: z.ZodMiniType<GatewayView> = z.object({
  name: z.string(),
  online: z.boolean(),
  seen: z.number(),
  version: z.string(),
  taken: count,
  open: count,
  pending: count,
  stored: count,
  lost: z.record(z.string(), count),
  imbalance: count,
  ownImbalance: count,
  alarms: z.nullable(
    z.object({
      firing: count,
      unacknowledged: count,
      shelved: count,
      suppressed: count,
      disabled: count,
      stale: count,
      chattering: count,
      transitionsPerMinute: z.number(),
      alarmsPerTenMinutes: z.number(),
    }),
  ),
  gaps: z.object({
    count,
    last: z.array(z.object({ time: z.number(), lane: z.string(), entries: count, readings: count })),
  }),
  thinned: count,
  flagged: z.record(z.string(), count),
  seriesLosses: z.array(z.object({ device: z.string(), signal: z.string(), reason: z.string(), count })),
  readingsPerSecond: z.number(),
  outboxBytes: z.number(),
  journalBytes: z.number(),
  memoryBytes: z.number(),
  storage: z.nullable(
    z.object({
      writtenBytesPerHour: z.number(),
      syncsPerHour: z.number(),
      freeBytes: z.number(),
      commitMs: z.number(),
      years: z.nullable(z.number()),
      damagedBytes: z.number(),
      damagedRecords: count,
      atRisk: count,
      rawSince: z.nullable(z.number()),
    }),
  ),
  clock: z.nullable(z.object({ state: z.string(), detail: z.string() })),
  health: z.array(z.object({ part: z.string(), up: z.boolean(), detail: z.string(), since: z.number() })),
  deadLetters: z.array(
    z.object({
      reason: z.string(),
      where: z.string(),
      arrival: z.number(),
      detail: z.string(),
      sample: z.string(),
    }),
  ),
});

export const seriesView: z.ZodMiniType<SeriesView> = z.object({
  gateway: z.string(),
  device: z.string(),
  signal: z.string(),
  unit: z.string(),
  windows: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      sizeMs: z.number(),
      stepMs: z.number(),
      compute: z.array(z.string()),
    }),
  ),
});

export const panesView: z.ZodMiniType<PanesView> = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.array(z.nullable(z.number()))),
});

export const paneView: z.ZodMiniType<PaneView> = z.object({
  gateway: z.string(),
  device: z.string(),
  signal: z.string(),
  window: z.string(),
  start: z.number(),
  end: z.number(),
  revision: z.number(),
  retracted: z.boolean(),
  count,
  values: z.record(z.string(), z.nullable(z.number())),
});

export const alertView: z.ZodMiniType<AlertView> = z.object({
  gateway: z.string(),
  rule: z.string(),
  device: z.string(),
  signal: z.string(),
  severity: z.string(),
  since: z.number(),
  fired: z.number(),
  cleared: z.nullable(z.number()),
  value: z.number(),
  reason: z.string(),
  quiet: z.string(),
  acknowledged: z.nullable(z.number()),
  acknowledgedBy: z.string(),
  comment: z.string(),
  latched: z.boolean(),
});

export const rawRequestView: z.ZodMiniType<RawRequestView> = z.object({
  id: z.string(),
  gateway: z.string(),
  device: z.string(),
  signal: z.string(),
  from: z.number(),
  to: z.number(),
  why: z.string(),
  asked: z.number(),
  sent: z.boolean(),
  done: z.nullable(z.number()),
  readings: count,
  shortfall: z.string(),
});

export const rawView: z.ZodMiniType<RawView> = z.object({
  columns: z.array(z.string()),
  rows: z.array(z.tuple([z.number(), z.nullable(z.number()), z.string()])),
});
