// SenML (RFC 8428): one pack, a JSON array, on a line.
//
//   [{"bn":"oven:","bt":1760000000.5,"n":"temp","u":"Cel","v":31.42},{"n":"rh","u":"%RH","v":44}]
//
// `bn` is the board's name and a colon, `bt` the time in seconds since 1970. RFC 8428 (section 4.5.3) takes a time below 2^28 for
// one relative to now, so a board that does not know what time it is leaves `bt` out, which means now. `u` stands only where the
// registry of units has one for what is measured; bar and mm/s are not in it.

import type { Quantity } from '../signals/kinds.ts';
import type { Value, Voice } from './voice.ts';

const leastAbsoluteMs = 2 ** 28 * 1000;

const units: Readonly<Partial<Record<Quantity, string>>> = { temperature: 'Cel', humidity: '%RH', state: '/' };

export function senmlPack({ board, quantities }: Voice, timeMs: number, values: readonly Value[]): string {
  const records = values
    .filter(({ value }) => value !== undefined)
    .map(({ signal, value }, index) => {
      const quantity = quantities[signal];
      const unit = quantity === undefined ? undefined : units[quantity];
      const base = index > 0 ? {} : { bn: `${board}:`, ...(saysMoment(timeMs) ? { bt: timeMs / 1000 } : {}) };
      return { ...base, n: signal, ...(unit === undefined ? {} : { u: unit }), v: value };
    });
  return JSON.stringify(records);
}

/** Whether a time can be said as one that is not relative to now. */
export function saysMoment(timeMs: number): boolean {
  return timeMs >= leastAbsoluteMs;
}
