// CBOR (RFC 8949): a map whose numbers are channels, as JSON is. Frames come by COBS or SLIP, or as messages.

import { decode } from 'cborg';
import { Fields } from './fields.ts';
import type { Format } from './format.ts';

const shownBytes = 100;
/** Nobody nests a reading deeper; the decoder calls itself once a level. */
const maxDepth = 32;

export const cbor: Format = {
  framings: ['cobs', 'slip'],
  prepare(options) {
    const fields = new Fields(options);
    return (frame, device, batch) => {
      const sample = frame.toString('hex', 0, shownBytes);
      const value = decodeCbor(frame);
      if (value instanceof Error) batch.dead('malformed', device, value.message, sample);
      else fields.take(value, 'CBOR', device, sample, batch);
    };
  },
};

/** @returns what the bytes say, keys of maps as text; an error when they are not one item of CBOR */
export function decodeCbor(bytes: Buffer): unknown {
  try {
    return plain(decode(bytes, { useMaps: true, allowBigInt: true, tags: timeTags }), 0);
  } catch (error) {
    return error instanceof Error ? new Error(`no CBOR: ${error.message}`) : new Error('no CBOR');
  }
}

/** A date as text (0) is taken as it is; seconds since 1970 (1) become one, whatever unit other times have. */
const timeTags = {
  0: (content: () => unknown): unknown => content(),
  1: (content: () => unknown): unknown => new Date(Number(content()) * 1000).toISOString(),
};

function plain(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  if (depth >= maxDepth) throw new Error(`nested more than ${maxDepth} deep`);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (!(value instanceof Map)) return value;
  const fields: Record<string, unknown> = {};
  for (const [key, item] of value) {
    Object.defineProperty(fields, String(key), { value: plain(item, depth + 1), enumerable: true, configurable: true });
  }
  return fields;
}
