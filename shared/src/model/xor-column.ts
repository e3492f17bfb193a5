// A column of numbers as bits: each XOR the one before (Gorilla, Pelkonen et al., VLDB 2015, 4.1.2). Of numbers that are
// near each other the high bits of this are zero, and left out number by number; the low bits that are zero throughout
// (numbers with a short fraction) are left out of the whole column.
//
//   low bits left out, length of the rest, then how many bytes each number has (4 bits, low half first), then these bytes

import type { ByteReader } from './bytes.ts';

export interface BitsPlan {
  /** How many low bits are zero in every XOR. */
  readonly leftOut: number;
  /** Length of what `packBits` makes. */
  readonly bytes: number;
}

/** What packing would come to. */
export function planBits(numbers: Float64Array): BitsPlan {
  const halves = halvesOf(numbers);
  let [everLow, everHigh] = [0, 0];
  let [lastLow, lastHigh] = [0, 0];
  for (let i = 0; i < halves.length; i += 2) {
    const low = halves[i] ?? 0;
    const high = halves[i + 1] ?? 0;
    everLow |= low ^ lastLow;
    everHigh |= high ^ lastHigh;
    lastLow = low;
    lastHigh = high;
  }
  const leftOut = everLow !== 0 ? lowZeros(everLow) : everHigh !== 0 ? 32 + lowZeros(everHigh) : 0;
  let bytes = Math.ceil(numbers.length / 2);
  lastLow = lastHigh = 0;
  for (let i = 0; i < halves.length; i += 2) {
    const low = halves[i] ?? 0;
    const high = halves[i + 1] ?? 0;
    bytes += lengthOf(low ^ lastLow, high ^ lastHigh, leftOut);
    lastLow = low;
    lastHigh = high;
  }
  return { leftOut, bytes };
}

export function packBits(numbers: Float64Array, { leftOut, bytes }: BitsPlan): Uint8Array {
  const count = numbers.length;
  const halves = halvesOf(numbers);
  const packed = new Uint8Array(bytes);
  let at = Math.ceil(count / 2);
  for (let i = 0; i < count; i++) {
    const low = (halves[i * 2] ?? 0) ^ (halves[i * 2 - 2] ?? 0);
    const high = (halves[i * 2 + 1] ?? 0) ^ (halves[i * 2 - 1] ?? 0);
    const length = lengthOf(low, high, leftOut);
    packed[i >> 1] = (packed[i >> 1] ?? 0) | (i % 2 === 0 ? length : length << 4);
    for (let bit = leftOut; bit < leftOut + length * 8; bit += 8) {
      if (bit >= 32) packed[at++] = high >>> (bit - 32);
      else packed[at++] = (low >>> bit) | (bit > 24 ? high << (32 - bit) : 0);
    }
  }
  return packed;
}

/** Bytes that hold an XOR without its low bits. */
function lengthOf(low: number, high: number, leftOut: number): number {
  const width = high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low);
  return width <= leftOut ? 0 : (width - leftOut + 7) >> 3;
}

/** Fills `numbers`. @throws RangeError when the bytes are no column of so many */
export function readBits(from: ByteReader, numbers: Float64Array): void {
  const leftOut = from.varint();
  const packed = from.blob();
  const halves = halvesOf(numbers);
  let at = Math.ceil(numbers.length / 2);
  if (leftOut > 63 || at > packed.length) throw new RangeError('column of bits is too short');
  for (let i = 0; i < numbers.length; i++) {
    const length = ((packed[i >> 1] ?? 0) >> (i % 2 === 0 ? 0 : 4)) & 15;
    if (at + length > packed.length || leftOut + length * 8 > 71) throw new RangeError('column of bits is damaged');
    let low = halves[i * 2 - 2] ?? 0;
    let high = halves[i * 2 - 1] ?? 0;
    for (let bit = leftOut; bit < leftOut + length * 8; bit += 8) {
      const bits = packed[at++] ?? 0;
      if (bit >= 32) high ^= bits << (bit - 32);
      else {
        low ^= bits << bit;
        if (bit > 24) high ^= bits >>> (32 - bit);
      }
    }
    halves[i * 2] = low;
    halves[i * 2 + 1] = high;
  }
}

/** Low and high half of each number, as every machine that Node.js is built for today but one (s390x) holds them. */
function halvesOf(numbers: Float64Array): Uint32Array {
  return new Uint32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);
}

function lowZeros(half: number): number {
  return 31 - Math.clz32(half & -half);
}
