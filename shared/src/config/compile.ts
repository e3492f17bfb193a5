// From the gateway file to the pipeline's plan: names resolved, defaults filled in, nothing left to parse.

import type { Plan, SignalPlan } from '../pipeline/plan.ts';
import { alertRule, devicesOf } from './alerts.ts';
import { parseChannel } from './channel.ts';
import { linearConversion } from './convert.ts';
import { derivedPlan } from './derived.ts';
import type { GatewayFile } from './gateway-file.ts';
import type { Signal } from './schema.ts';
import { covers, latenessOf, windowSpec } from './windows.ts';

export function compilePlan(file: GatewayFile): Plan {
  const { settings } = file;
  return {
    signals: new Map([...file.signals].map(([id, signal]) => [id, signalPlan(id, signal, file)])),
    rules: [...file.alerts].map(([id, alert]) => alertRule(id, alert, file)),
    maxAheadMs: settings.maxAhead,
    idleAfterMs: settings.idleAfter,
    maxSeries: settings.maxSeries,
    latenessBytes: settings.lateMemory,
  };
}

/** Which signal takes a channel of a source: source -> channel -> signal. */
export function compileRoutes(file: GatewayFile): Map<string, Map<string, string>> {
  const routes = new Map<string, Map<string, string>>();
  for (const [id, { from = [] }] of file.signals) {
    for (const text of from) {
      const { source, channel } = parseChannel(text);
      const channels = routes.get(source) ?? new Map<string, string>();
      routes.set(source, channels.set(channel, id));
    }
  }
  return routes;
}

function signalPlan(id: string, signal: Signal, file: GatewayFile): SignalPlan {
  const windows = [...file.windows.values()].filter((window) => covers(window, id));
  return {
    signal: id,
    ...scaleOf(signal),
    range: signal.range ?? [-Infinity, Infinity],
    maxStepPerSecond: signal.maxStep ?? Infinity,
    stuckAfterMs: signal.stuck ?? Infinity,
    missingAfterMs: signal.missing ?? missingAfter(signal),
    expectMs: signal.expect ?? NaN,
    useUncertain: signal.uncertain === 'use',
    mayRepeat: signal.repeats,
    on: signal.on ?? { operator: '!=', limit: 0 },
    derived: derivedPlan(signal),
    disorderMs: signal.disorder ?? file.settings.disorder,
    latenessMs: latenessOf(id, signal, windows),
    windows: windows.map(windowSpec),
    devices: signal.formula === undefined ? (devicesOf(id, file) ?? []) : [],
  };
}

const missedReadings = 3;
/** Lines and links pause for a moment now and then. */
const leastMissingMs = 5000;

/** Who is expected is missing after three times of that; what may come late is not missing before that. */
function missingAfter({ expect, lateness = 0 }: Signal): number {
  return expect === undefined ? Infinity : Math.max(leastMissingMs, missedReadings * expect, lateness);
}

/** Unit conversion, then calibration, as one gain and one offset. */
function scaleOf({ unit, convert, calibrate }: Signal): { gain: number; offset: number } {
  const { gain: correction, offset: shift } = calibrate ?? { gain: 1, offset: 0 };
  const conversion = unit === undefined || convert === undefined ? undefined : linearConversion(convert, unit);
  if (conversion === undefined || typeof conversion === 'string') return { gain: correction, offset: shift };
  return { gain: conversion.gain * correction, offset: conversion.offset * correction + shift };
}
