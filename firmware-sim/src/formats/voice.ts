// How a board says what it measured: one format a file beside this one, chosen here.
//
//   json   {"t":1760000000000,"temp":31.42}            one line a snapshot
//   csv    1760000000000,61.2,16.1                     no header; the signals in the scenario's order
//   kv     t=1760000000000 temp=31.42                  one line a snapshot
//   nmea   $WIXDR,C,31.42,C,temp*hh                    see nmea.ts: one or more sentences a snapshot, without a time
//   senml  [{"bn":"oven:","bt":1760000000,"n":"temp"…  see senml.ts: one pack a line
//   cbor   {"t": 1760000000000, "temp": 31.42}         see cbor.ts: one map a frame, with a check, COBS or SLIP around it

import type { Quantity } from '../signals/kinds.ts';
import { encodeCbor } from './cbor.ts';
import type { Crc } from './checksum.ts';
import type { Framing } from './framing.ts';
import { csvLine, jsonLine, kvLine } from './lines.ts';
import { nmeaSentences } from './nmea.ts';
import { saysMoment, senmlPack } from './senml.ts';

export const boardFormats = ['json', 'csv', 'kv', 'nmea', 'senml', 'cbor'] as const;
export type BoardFormat = (typeof boardFormats)[number];

export interface Voice {
  /** Name of the board, for formats that say it. */
  readonly board: string;
  readonly format: BoardFormat;
  /** Of cbor. */
  readonly framing: Framing;
  /** Of cbor. */
  readonly crc: Crc;
  /** What a signal measures, for formats that say it; missing where nobody knows. */
  readonly quantities: Readonly<Record<string, Quantity>>;
}

export interface Value {
  readonly signal: string;
  /** Missing where nothing was measured: an empty cell, or a key left out. */
  readonly value: number | undefined;
}

/** One frame before its ending or framing, and the values that stand in it. */
export interface Payload<V extends Value> {
  readonly bytes: Buffer;
  readonly values: readonly V[];
}

/** @param isCheckWrong the board gets its check sums wrong; formats without one cannot */
export function encodePayloads<V extends Value>(
  voice: Voice,
  timeMs: number,
  values: readonly V[],
  isCheckWrong = false,
): Payload<V>[] {
  const whole = (said: string | Uint8Array): Payload<V>[] => [{ bytes: Buffer.from(said), values }];
  switch (voice.format) {
    case 'json':
      return whole(jsonLine(timeMs, values));
    case 'csv':
      return whole(csvLine(timeMs, values));
    case 'kv':
      return whole(kvLine(timeMs, values));
    case 'senml':
      return whole(senmlPack(voice, timeMs, values));
    case 'cbor':
      return whole(encodeCbor(voice.crc, timeMs, values, isCheckWrong));
    case 'nmea':
      return nmeaSentences(voice, values, isCheckWrong).map(({ sentence, values: said }) => ({
        bytes: Buffer.from(sentence),
        values: said,
      }));
  }
}

/** Whether what is said carries the board's own time; without `timeMs`, whether it ever does. */
export function saysTime({ format }: Pick<Voice, 'format'>, timeMs = Infinity): boolean {
  return format === 'senml' ? saysMoment(timeMs) : format !== 'nmea';
}

/** Whether whoever reads can tell that a frame was damaged on the way. */
export function hasCheck({ format, crc }: Pick<Voice, 'format' | 'crc'>): boolean {
  return format === 'nmea' || (format === 'cbor' && crc !== 'none');
}

const sayable: Readonly<Record<BoardFormat, { pattern: RegExp; rule: string }>> = {
  json: { pattern: /^/, rule: '' },
  csv: { pattern: /^/, rule: '' },
  cbor: { pattern: /^/, rule: '' },
  kv: { pattern: /^[^\s=]+$/, rule: 'a name without spaces and "="' },
  nmea: { pattern: /^[A-Za-z0-9 _.-]{1,32}$/, rule: 'at most 32 letters, digits, _, - and .' },
  senml: { pattern: /^[A-Za-z0-9_.:/-]+$/, rule: 'letters, digits, _, -, :, / and .' },
};

/** @returns what is wrong with a signal's name in this format */
export function unsayable(format: BoardFormat, signal: string): string | undefined {
  const { pattern, rule } = sayable[format];
  return pattern.test(signal) ? undefined : `${format} cannot say "${signal}": it takes ${rule}`;
}
