// Event times as sensors write them: a number in milliseconds or seconds since 1970, or a date by ISO 8601 (UTC when it
// names no zone).

export const timeUnits = ['ms', 's'] as const;

export type TimeUnit = (typeof timeUnits)[number];

/** Date.parse alone would take much more for a date: `sensor-2013`, and by the gateway's time zone. */
const isoDate = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d:?\d\d)?)?$/;

/** @returns epoch milliseconds, or NaN when the value is no time */
export function parseTime(value: unknown, unit: TimeUnit): number {
  const scale = unit === 's' ? 1000 : 1;
  if (typeof value === 'number') return value * scale;
  if (typeof value !== 'string' || value.trim() === '') return NaN;
  const number = Number(value);
  if (!Number.isNaN(number)) return number * scale;
  const [, date, time = '00:00', zone = 'Z'] = isoDate.exec(value.trim()) ?? [];
  return date === undefined ? NaN : Date.parse(`${date}T${time}${zone}`);
}
