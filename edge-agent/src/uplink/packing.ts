// What goes onto the wire: one byte says how the rest is packed. 0: as it is; 1: raw deflate with the dictionary of the protocol, when
// that is smaller. Done at once and not in a thread: a batch takes a millisecond, and threads that wait for a worn card are none to
// wait for.

import { deflateRawSync } from 'node:zlib';
import { dictionary } from '@weir/shared/wire/dictionary.ts';

/** Below this, deflate's own overhead eats what it saves. */
const worthTrying = 40;

export function pack(bytes: Uint8Array): Uint8Array {
  const deflated = bytes.length < worthTrying ? undefined : deflateRawSync(bytes, { level: 6, dictionary });
  const smaller = deflated !== undefined && deflated.length < bytes.length;
  const body = smaller ? deflated : bytes;
  const packed = new Uint8Array(1 + body.length);
  packed[0] = smaller ? 1 : 0;
  packed.set(body, 1);
  return packed;
}
