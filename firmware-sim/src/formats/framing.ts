// Where a frame ends: a line end for text; for bytes COBS (S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", 1999),
// whose frames hold no zero and end with one, or SLIP (RFC 1055), with END on both sides.

import type { Voice } from './voice.ts';

export const framings = ['cobs', 'slip'] as const;
export type Framing = (typeof framings)[number];

const slip = { end: 0xc0, escape: 0xdb, escapedEnd: 0xdc, escapedEscape: 0xdd } as const;

const maxRun = 254;

/** What ends a frame, and whatever came before it. */
export function ending({ format, framing }: Pick<Voice, 'format' | 'framing'>): Buffer {
  if (format === 'cbor') return Buffer.from([framing === 'cobs' ? 0 : slip.end]);
  return Buffer.from(format === 'nmea' ? '\r\n' : '\n');
}

export function frame({ format, framing }: Pick<Voice, 'format' | 'framing'>, payload: Buffer): Buffer {
  if (format === 'cbor') return framing === 'cobs' ? cobsFrame(payload) : slipFrame(payload);
  return Buffer.concat([payload, ending({ format, framing })]);
}

export function cobsFrame(payload: Buffer): Buffer {
  const out: number[] = [];
  for (let from = 0; from <= payload.length;) {
    const zero = payload.indexOf(0, from);
    const run = Math.min((zero === -1 ? payload.length : zero) - from, maxRun);
    out.push(run + 1, ...payload.subarray(from, from + run));
    // A run of 254 stands for itself; any other stands for itself and the zero behind it, or the end.
    from += run === maxRun ? run : run + 1;
    if (run === maxRun && from === payload.length) break;
  }
  return Buffer.from([...out, 0]);
}

export function slipFrame(payload: Buffer): Buffer {
  const escaped = Array.from(payload).flatMap((byte) => {
    if (byte === slip.end) return [slip.escape, slip.escapedEnd];
    return byte === slip.escape ? [slip.escape, slip.escapedEscape] : [byte];
  });
  return Buffer.from([slip.end, ...escaped, slip.end]);
}
