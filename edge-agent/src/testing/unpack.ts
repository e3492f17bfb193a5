// The opposite of packing: what a hub does with a payload.

import { inflateRawSync } from 'node:zlib';
import { dictionary } from '@weir/shared/wire/dictionary.ts';

export function unpack(payload: Uint8Array): Uint8Array {
  const body = payload.subarray(1);
  return payload[0] === 1 ? inflateRawSync(body, { dictionary }) : body;
}
