// What goes onto the wire: one byte says how the rest is packed. 0: as it is; 1: raw deflate, when that is smaller.

import { deflateRawSync } from 'node:zlib';

/** Below this, deflate's own overhead eats what it saves. */
const worthTrying = 200;

export function pack(bytes: Uint8Array): Uint8Array {
  const deflated = bytes.length < worthTrying ? undefined : deflateRawSync(bytes, { level: 6 });
  const smaller = deflated !== undefined && deflated.length < bytes.length;
  const body = smaller ? deflated : bytes;
  const packed = new Uint8Array(1 + body.length);
  packed[0] = smaller ? 1 : 0;
  packed.set(body, 1);
  return packed;
}
