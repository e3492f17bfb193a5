// A column of numbers, packed: the event times or the values of readings that follow each other. Every double comes back
// bit for bit, in whatever order; how many there are is not in the bytes, the caller knows. What sensors say is decimal,
// regular and slow, and this is made use of; a column that has nothing of it is written as bits (xor-column.ts), whichever
// is smaller.
//
// Most numbers are whole multiples of a power of ten, after the rounding that n / 10^k does: the integers n are written,
// less the first, divided by what divides all of them, and predicted by the first, by the one before, or by the two before
// (a periodic sensor's times have a second difference of zero; compare Gorilla, Pelkonen et al., VLDB 2015, 4.1.1).
// Fractions of a millisecond that no power of ten fits are whole multiples of 1/4096 ms, the distance of two doubles in
// this century; numbers that went through a float32 on their way are rounded to one here as well. Numbers that fit nearly
// (a conversion factor often leaves them an ulp away) or not at all are exceptions, noted behind the rest (compare ALP,
// Afroozeh, Kuffó, Boncz, SIGMOD 2023).
//
//   head = scale * 32 + order * 8 + (first is negative) * 4 + (has unit) * 2 + (has exceptions)
//   |first|, unit if it has one, then zigzag varints up to the last number:
//     what the prediction is off by, plus 1 from 0 upwards; or 0 and the length of a run without error, less 2
//   if it has exceptions, how many, and of each: how far behind the exception before, and by how many ulps it is off
//     (zigzag); 0 ulps and the number itself where it is not even near
//
// A column of bits has scale 0, and nothing else in its head.

import { ByteWriter, type ByteReader } from './bytes.ts';
import { packBits, planBits, readBits } from './xor-column.ts';

/** An integer is what the number times `divisor` is rounded to. */
interface Scale {
  readonly divisor: number;
  /** Whether the number was rounded to a float32. */
  readonly single: boolean;
  /** What the digits behind the point add to each number, about. */
  readonly digitBytes: number;
}

const powersOfTen = [1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];
/** Part of the format: a column names its scale by the place in this list, counted from 1. */
const scales: readonly Scale[] = [
  ...powersOfTen.map((divisor) => scaleBy(divisor, false)),
  scaleBy(4096, false),
  ...powersOfTen.slice(0, 8).map((divisor) => scaleBy(divisor, true)),
];

function scaleBy(divisor: number, single: boolean): Scale {
  return { divisor, single, digitBytes: Math.log2(divisor) / 8 };
}

/** Numbers further from the first are exceptions: second differences must stay integers that a varint holds. */
const farthest = 2 ** 49;
/** Exceptions off by more are written as they are. */
const maxUlps = 63;
const nearly = 2 ** -47;
const nearBytes = 2;
const farBytes = 10;

const scratch = new ByteWriter(1024);

/** Writes the first `count` of the numbers. */
export function writeColumn(to: ByteWriter, numbers: Float64Array, count: number): void {
  if (count === 0) return;
  const column = numbers.subarray(0, count);
  const scale = scaleOf(column);
  scratch.clear();
  if (scale !== undefined) writeSteps(scratch, column, scale);
  // Bits take half a byte a number at least.
  if (scale === undefined || scratch.length > count / 2) {
    const plan = planBits(column);
    if (scale === undefined || plan.bytes < scratch.length) {
      to.varint(0);
      to.varint(plan.leftOut);
      to.blob(packBits(column, plan));
      return;
    }
  }
  to.bytes(scratch.view());
}

/**
 * @param count as it was written; memory for so many is taken whatever the bytes say
 * @throws RangeError when the bytes are no such column
 */
export function readColumn(from: ByteReader, count: number): Float64Array {
  const numbers = new Float64Array(count);
  if (count === 0) return numbers;
  const head = from.varint();
  if (head === 0) readBits(from, numbers);
  else readSteps(from, numbers, head);
  return numbers;
}

function numberOf(n: number, { divisor, single }: Scale): number {
  return single ? Math.fround(n / divisor) : n / divisor;
}

/** Never -0, which is no integer's. */
function integerOf(number: number, { divisor }: Scale): number {
  return Math.round(number * divisor) + 0;
}

/** The scale that is estimated to need the fewest bytes; undefined when one number in eight fits none. */
function scaleOf(numbers: Float64Array): number | undefined {
  let best: number | undefined;
  let bestBytes = Infinity;
  for (let index = 0; index < scales.length && bestBytes > 0; index++) {
    const scale = scaleAt(index + 1);
    // Most scales need too many digits to be better than one that fits.
    if (leastBytes(numbers, scale) >= bestBytes) continue;
    const bytes = estimate(numbers, scale, bestBytes);
    if (bytes >= bestBytes) continue;
    best = index + 1;
    bestBytes = bytes;
  }
  return best;
}

/** For the scale's digits alone. */
function leastBytes({ length }: Float64Array, { digitBytes }: Scale): number {
  return length * digitBytes;
}

/** Bytes that the scale's digits and exceptions are going to need; Infinity when that is no less than `limit`. */
function estimate(numbers: Float64Array, scale: Scale, limit: number): number {
  const farAllowed = numbers.length / 8;
  let bytes = leastBytes(numbers, scale);
  let far = 0;
  for (let i = 0; i < numbers.length; i++) {
    if (bytes >= limit) return Infinity;
    const number = numbers[i] ?? NaN;
    const n = integerOf(number, scale);
    const off = Number.isSafeInteger(n) ? Math.abs(numberOf(n, scale) - number) : Infinity;
    if (off === 0) continue;
    if (off <= Math.abs(number) * nearly) {
      bytes += nearBytes;
      continue;
    }
    far += 1;
    if (far > farAllowed) return Infinity;
    bytes += farBytes;
  }
  return bytes < limit ? bytes : Infinity;
}

/** Where in the column, and by how many ulps. */
type Exceptions = Map<number, number>;

/** Of the column being written; grows with the longest. */
let allSteps = new Float64Array(1024);

function writeSteps(to: ByteWriter, numbers: Float64Array, scaleId: number): void {
  const scale = scaleAt(scaleId);
  const { length } = numbers;
  if (allSteps.length < length) allSteps = new Float64Array(length * 2);
  const steps = allSteps;
  let exceptions: Exceptions | undefined;
  let first: number | undefined;
  let unit = 0;
  let step = 0;
  for (let i = 0; i < length; i++) {
    const number = numbers[i] ?? NaN;
    const n = integerOf(number, scale);
    const ulps = Number.isSafeInteger(n) ? ulpsBetween(numberOf(n, scale), number) : NaN;
    if (!Number.isNaN(ulps)) first ??= n;
    if (Number.isNaN(ulps) || Math.abs(n - (first ?? n)) > farthest) (exceptions ??= new Map()).set(i, 0);
    else {
      if (ulps !== 0) (exceptions ??= new Map()).set(i, ulps);
      const next = n - (first ?? n);
      if (unit !== 1 && next !== step) unit = greatestCommonDivisor(unit, Math.abs(next));
      step = next;
    }
    steps[i] = step;
  }
  const start = first ?? 0;
  if (unit > 1) for (let i = 0; i < length; i++) steps[i] = (steps[i] ?? NaN) / unit;
  const order = bestOrder(steps, length);
  const flags = (start < 0 ? 4 : 0) + (unit > 1 ? 2 : 0) + (exceptions !== undefined ? 1 : 0);
  to.varint(scaleId * 32 + order * 8 + flags);
  to.varint(Math.abs(start));
  if (unit > 1) to.varint(unit);
  writeErrors(to, steps, length, order);
  if (exceptions !== undefined) writeExceptions(to, numbers, exceptions);
}

/** The order that needs the fewest bytes; the lower one where two need as many. */
function bestOrder(steps: Float64Array, length: number): number {
  let [bytes0, bytes1, bytes2] = [0, 0, 0];
  let [run0, run1, run2] = [0, 0, 0];
  let before = 0;
  let difference = 0;
  for (let i = 0; i < length; i++) {
    const step = steps[i] ?? NaN;
    const error1 = step - before;
    const error2 = error1 - difference;
    difference = error1;
    before = step;
    if (step === 0) run0 += 1;
    else {
      bytes0 += runBytes(run0) + tokenBytes(step);
      run0 = 0;
    }
    if (error1 === 0) run1 += 1;
    else {
      bytes1 += runBytes(run1) + tokenBytes(error1);
      run1 = 0;
    }
    if (error2 === 0) run2 += 1;
    else {
      bytes2 += runBytes(run2) + tokenBytes(error2);
      run2 = 0;
    }
  }
  bytes0 += runBytes(run0);
  bytes1 += runBytes(run1);
  bytes2 += runBytes(run2);
  return bytes0 <= bytes1 && bytes0 <= bytes2 ? 0 : bytes1 <= bytes2 ? 1 : 2;
}

function runBytes(length: number): number {
  return length < 2 ? length : 1 + varintBytes(length - 2);
}

function tokenBytes(error: number): number {
  return varintBytes(error > 0 ? error * 2 + 2 : -error * 2 - 1);
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  let bytes = 3;
  for (let limit = 0x200000; value >= limit; limit *= 0x80) bytes += 1;
  return bytes;
}

function writeErrors(to: ByteWriter, steps: Float64Array, length: number, order: number): void {
  let before = 0;
  let difference = 0;
  let run = 0;
  for (let i = 0; i < length; i++) {
    const step = steps[i] ?? NaN;
    const error = order === 0 ? step : step - before - (order === 2 ? difference : 0);
    difference = step - before;
    before = step;
    if (error === 0) {
      run += 1;
      continue;
    }
    writeRun(to, run);
    run = 0;
    to.zigzag(error > 0 ? error + 1 : error);
  }
  writeRun(to, run);
}

function writeRun(to: ByteWriter, length: number): void {
  if (length === 1) to.zigzag(1);
  if (length < 2) return;
  to.zigzag(0);
  to.varint(length - 2);
}

function writeExceptions(to: ByteWriter, numbers: Float64Array, exceptions: Exceptions): void {
  to.varint(exceptions.size);
  let before = 0;
  for (const [at, ulps] of exceptions) {
    to.varint(at - before);
    to.zigzag(ulps);
    if (ulps === 0) to.float(numbers[at] ?? NaN);
    before = at;
  }
}

function readSteps(from: ByteReader, numbers: Float64Array, head: number): void {
  const scale = scaleAt(Math.floor(head / 32));
  const order = (head >> 3) & 3;
  if (order === 3) throw new RangeError('column of an unknown order');
  const first = from.varint() * ((head & 4) === 0 ? 1 : -1);
  const unit = (head & 2) === 0 ? 1 : from.varint();
  let step = 0;
  let difference = 0;
  let run = 0;
  for (let i = 0; i < numbers.length; i++) {
    let error = 0;
    if (run > 0) run -= 1;
    else {
      const token = from.zigzag();
      if (token === 0) run = runOf(from, numbers.length - i) - 1;
      else error = token > 0 ? token - 1 : token;
    }
    if (order === 0) step = error;
    else {
      difference = order === 2 ? difference + error : error;
      step += difference;
    }
    const n = first + step * unit;
    if (!Number.isSafeInteger(n)) throw new RangeError('column leaves what integers hold');
    numbers[i] = numberOf(n, scale);
  }
  if ((head & 1) !== 0) readExceptions(from, numbers);
}

function runOf(from: ByteReader, left: number): number {
  const run = from.varint() + 2;
  if (run > left) throw new RangeError('run goes on behind the end of its column');
  return run;
}

function readExceptions(from: ByteReader, numbers: Float64Array): void {
  let at = 0;
  for (let left = from.varint(); left > 0; left--) {
    const gap = from.varint();
    const ulps = from.zigzag();
    at += gap;
    if (at >= numbers.length) throw new RangeError('exception behind the end of its column');
    numbers[at] = ulps === 0 ? from.float() : ulpsFrom(numbers[at] ?? NaN, ulps);
  }
}

function scaleAt(id: number): Scale {
  const scale = scales[id - 1];
  if (scale === undefined) throw new RangeError(`column of an unknown scale: ${id}`);
  return scale;
}

/** Of two integers that are not negative. */
function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

const slot = new Float64Array(1);
const slotBits = new BigInt64Array(slot.buffer);

/** From one double to the other in steps to the next double; NaN when these are more than an exception may be off by. */
export function ulpsBetween(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  const bits = bitsOf(b) - bitsOf(a);
  return bits >= -maxUlps && bits <= maxUlps ? Number(bits) : NaN;
}

/** So many steps further. @throws RangeError when `ulps` is no whole number */
export function ulpsFrom(number: number, ulps: number): number {
  slotBits[0] = bitsOf(number) + BigInt(ulps);
  return slot[0] ?? NaN;
}

function bitsOf(number: number): bigint {
  slot[0] = number;
  return slotBits[0] ?? 0n;
}
