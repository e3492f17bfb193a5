// The ways a dashboard turns panes into lines: one for all chosen devices together, one a device, one a signal.
import type { InfluxqlQuery } from './influxql.ts';
import { series } from './influxql.ts';
import { anyWindow, correctedPanesOverTime, panesByWindow, panesOverTime } from './query-text.ts';

const device = ['gateway', 'device'];
const deviceName = '$tag_gateway / $tag_device';
const windowName = `${deviceName}, $tag_window`;

export function overall(select: string, signal: string): InfluxqlQuery {
  return series(panesOverTime(select, [signal]), signal);
}

export function eachDevice(select: string, signal: string): InfluxqlQuery {
  return series(panesOverTime(select, [signal], device), deviceName);
}

/** Of the panes only that a late reading has corrected. */
export function eachDeviceCorrected(select: string, signal: string): InfluxqlQuery {
  return series(correctedPanesOverTime(select, [signal], device), deviceName);
}

/** Of all windows that compute what is selected, or of those `where` chooses: some signals have windows of their own. */
export function eachWindow(select: string, signal: string, where = anyWindow): InfluxqlQuery {
  return series(panesByWindow(select, signal, where), windowName);
}

export function eachSignal(select: string, signals: readonly string[]): InfluxqlQuery {
  return series(panesOverTime(select, signals), '$m');
}
