// How a batch is packed on the wire: one byte says how, then the protobuf.
//
//   0  the protobuf as it is
//   1  the protobuf, deflated without a header (RFC 1951), with the dictionary of the protocol (shared/src/wire/dictionary.ts)
//
// What it inflates to is limited: a small payload can claim to be gigabytes.

import { inflateRawSync } from 'node:zlib';
import { WireError } from '@weir/shared/wire/codec.ts';
import { dictionary } from '@weir/shared/wire/dictionary.ts';

export const maxUnpackedBytes = 8 * 1024 * 1024;

/** @throws WireError */
export function unpack(payload: Uint8Array): Uint8Array {
  const rest = payload.subarray(1);
  if (payload[0] === 0) return rest;
  if (payload[0] !== 1) throw new WireError(`batch: packed in an unknown way (${payload[0] ?? 'empty'})`);
  try {
    return inflateRawSync(rest, { maxOutputLength: maxUnpackedBytes, dictionary });
  } catch (error) {
    throw new WireError(`batch: cannot be inflated: ${error instanceof Error ? error.message : String(error)}`);
  }
}
