// Event times as sensors write them: a number in milliseconds or seconds since 1970, or a date by ISO 8601 (UTC when it
// names no zone).

export const timeUnits = ['ms', 's'] as const;

export type TimeUnit = (typeof timeUnits)[number];

/** @returns epoch milliseconds, or NaN when the value is no time */
export function parseTime(value: unknown, unit: TimeUnit): number {
  const scale = unit === 's' ? 1000 : 1;
  if (typeof value === 'number') return value * scale;
  if (typeof value !== 'string' || value.trim() === '') return NaN;
  const number = Number(value);
  if (!Number.isNaN(number)) return number * scale;
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value.trim().replace(' ', 'T')}Z`;
  return Date.parse(/^\d{4}-\d\d-\d\d(?:T|$)/.test(zoned) ? zoned.replace(/^(\d{4}-\d\d-\d\d)Z$/, '$1') : zoned);
}
