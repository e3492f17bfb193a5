// The formats that are one plain line a snapshot: JSON, CSV, key=value.

import type { Value } from './voice.ts';

export function jsonLine(timeMs: number, values: readonly Value[]): string {
  return JSON.stringify(Object.fromEntries([['t', timeMs], ...values.map(({ signal, value }) => [signal, value])]));
}

export function csvLine(timeMs: number, values: readonly Value[]): string {
  return [timeMs, ...values.map(({ value }) => value ?? '')].join(',');
}

export function kvLine(timeMs: number, values: readonly Value[]): string {
  const pairs = values.filter(({ value }) => value !== undefined).map(({ signal, value }) => `${signal}=${value}`);
  return [`t=${timeMs}`, ...pairs].join(' ');
}
