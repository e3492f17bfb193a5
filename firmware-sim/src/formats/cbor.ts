// CBOR (RFC 8949): one map a frame, {"t": epoch ms, "temp": 31.42}, with a check sum behind it. framing.ts puts it into a frame.

import { encode } from 'cborg';
import { appendCheck, type Crc } from './checksum.ts';
import type { Value } from './voice.ts';

export function encodeCbor(crc: Crc, timeMs: number, values: readonly Value[], isCheckWrong: boolean): Buffer {
  const said = values.filter(({ value }) => value !== undefined).map(({ signal, value }) => [signal, value] as const);
  return appendCheck(Buffer.from(encode(Object.fromEntries([['t', timeMs], ...said]))), crc, isCheckWrong);
}
