// NMEA 0183: transducer sentences, as weather stations and ships' sensors print them.
//
//   $WIXDR,C,31.42,C,temp,P,6.2,B,air*hh CR LF
//
// A group is type, value, unit and name of one transducer: C with unit C for a temperature in °C, P with B for a pressure in
// bar, H with P for a humidity in percent, G without a unit for anything else. A sentence has at most 82 characters from $ to
// LF, so that a board with many signals says several. The check is the exclusive or of what stands between $ and *, as two
// hexadecimal digits. The sentence has no time: whoever reads it takes the time it came.

import type { Quantity } from '../signals/kinds.ts';
import { nmeaCheck } from './checksum.ts';
import type { Value, Voice } from './voice.ts';

/** From $ to LF. */
const maxLength = 82;
const begin = 'WIXDR';
/** $, *hh, CR and LF. */
const aroundLength = 6;

const types: Readonly<Partial<Record<Quantity, string>>> = { temperature: 'C', pressure: 'P', humidity: 'H' };
const units: Readonly<Partial<Record<Quantity, string>>> = { temperature: 'C', pressure: 'B', humidity: 'P' };

/** @returns sentences without CR LF, each with the values it says */
export function nmeaSentences<V extends Value>(
  { quantities }: Pick<Voice, 'quantities'>,
  values: readonly V[],
  isCheckWrong: boolean,
): { sentence: string; values: V[] }[] {
  const sentences: { body: string; values: V[] }[] = [];
  for (const one of values) {
    if (one.value === undefined) continue;
    const quantity = quantities[one.signal];
    const [type, unit] = quantity === undefined ? [] : [types[quantity], units[quantity]];
    const group = [type ?? 'G', one.value, unit ?? '', one.signal].join(',');
    const last = sentences.at(-1);
    if (last !== undefined && last.body.length + 1 + group.length + aroundLength <= maxLength) {
      last.body += `,${group}`;
      last.values.push(one);
    } else sentences.push({ body: `${begin},${group}`, values: [one] });
  }
  return sentences.map(({ body, values: said }) => ({
    sentence: `$${body}*${check(body, isCheckWrong)}`,
    values: said,
  }));
}

function check(body: string, isWrong: boolean): string {
  const sum = nmeaCheck(body) ^ (isWrong ? 0xff : 0);
  return sum.toString(16).toUpperCase().padStart(2, '0');
}
