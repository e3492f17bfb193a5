// Sums without rounding: neither the order of the readings nor the way partial sums are merged changes a bit of what is
// computed from them.
//
// A sum is held as three float64 that are added exactly, never rounded into one: an addition to the first leaves an error
// that is itself a float64 (twoSum: Knuth, "The Art of Computer Programming", vol. 2, 4.2.2, theorem B), which is added to the
// second, whose error is added to the third. The idea is that of Shewchuk's expansions ("Adaptive Precision Floating-Point
// Arithmetic and Fast Robust Geometric Predicates", 1997), cut off at 159 bits: values may span thirty orders of magnitude,
// and seven where their squares are added. What does not fit, and what float64 cannot hold (sums beyond 1.8e308, products
// below 5e-324), goes through BigInt: hundreds of times slower, and just as exact. So only an
// answer can overflow, nothing on the way to it.
//
// An answer is the exact value rounded once, half to even. So that bytes are alike, too, a sum is settled before it is
// written: the first part becomes the exact value rounded, the second what this left, rounded, and so on.
//
// Bytes: the number of parts that are not 0 (varint, plus 4 where there is a rest), the parts (float64), the rest in units
// of 2^-2148 as decimal text.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';

/** A number as `integer * 2^unit`. */
export interface Exact {
  readonly integer: bigint;
  readonly unit: number;
}

/** The last bit of the smallest product of two float64. */
const lastUnit = -2148;
/** From here on the error of a product is a float64: its last bit is at most 105 places below its first. */
const smallestFastProduct = 2 ** -960;
/** Splits 53 bits into two halves (Dekker, "A floating-point technique for extending the available precision", 1971). */
const splitter = 2 ** 27 + 1;
/** Takes what is a hair above half a unit in the last place over the edge. */
const hair = 1 + 2 ** -40;

const scratch = new DataView(new ArrayBuffer(8));

export class ExactSum {
  // Their sum, together with the rest in units of 2^lastUnit, is the exact value.
  #first = 0;
  #second = 0;
  #third = 0;
  #rest = 0n;

  /** @param x finite; RangeError otherwise */
  add(x: number): void {
    const first = this.#first;
    const a = first + x;
    const av = a - first;
    const e = first - (a - av) + (x - av);
    const second = this.#second;
    const b = second + e;
    const bv = b - second;
    const f = second - (b - bv) + (e - bv);
    // What overflows becomes NaN here, and NaN is not 0 either.
    if (f !== 0) {
      const third = this.#third;
      const c = third + f;
      const cv = c - third;
      if (third - (c - cv) + (f - cv) !== 0) {
        this.#addExactly(exactOf(x));
        return;
      }
      this.#third = c;
    }
    this.#first = a;
    this.#second = b;
  }

  /** Adds `x * y`, exactly. @param x finite, as is y; RangeError otherwise */
  addProduct(x: number, y: number): void {
    const product = x * y;
    if (!(Math.abs(product) >= smallestFastProduct)) {
      const isZero = product === 0 && (x === 0 || y === 0);
      if (!isZero) this.#addProductExactly(x, y);
      return;
    }
    const xs = splitter * x;
    const xHigh = xs - (xs - x);
    const xLow = x - xHigh;
    let yHigh = xHigh;
    let yLow = xLow;
    if (x !== y) {
      const ys = splitter * y;
      yHigh = ys - (ys - y);
      yLow = y - yHigh;
    }
    const error = xLow * yLow - (product - xHigh * yHigh - xLow * yHigh - xHigh * yLow);

    const first = this.#first;
    const a = first + product;
    const av = a - first;
    const e = first - (a - av) + (product - av);
    const second = this.#second;
    const b1 = second + e;
    const b1v = b1 - second;
    const f1 = second - (b1 - b1v) + (e - b1v);
    const b = b1 + error;
    const bv = b - b1;
    const f2 = b1 - (b - bv) + (error - bv);
    const f = f1 + f2;
    const fv = f - f1;
    const third = this.#third;
    const c = third + f;
    const cv = c - third;
    if (f1 - (f - fv) + (f2 - fv) !== 0 || third - (c - cv) + (f - cv) !== 0) {
      this.#addProductExactly(x, y);
      return;
    }
    this.#first = a;
    this.#second = b;
    this.#third = c;
  }

  merge(other: ExactSum): void {
    const first = this.#first;
    const x = other.#first;
    const a = first + x;
    const av = a - first;
    const e = first - (a - av) + (x - av);
    const second = this.#second;
    const y = other.#second;
    const b1 = second + y;
    const b1v = b1 - second;
    const f1 = second - (b1 - b1v) + (y - b1v);
    const b = b1 + e;
    const bv = b - b1;
    const f2 = b1 - (b - bv) + (e - bv);
    const f = f1 + f2;
    const fv = f - f1;
    const third = this.#third;
    const z = other.#third;
    const c1 = third + z;
    const c1v = c1 - third;
    const c = c1 + f;
    const cv = c - c1;
    if (
      f1 - (f - fv) + (f2 - fv) !== 0 ||
      third - (c1 - c1v) + (z - c1v) !== 0 ||
      c1 - (c - cv) + (f - cv) !== 0 ||
      other.#rest !== 0n
    ) {
      this.#addExactly(other.exact);
      return;
    }
    this.#first = a;
    this.#second = b;
    this.#third = c;
  }

  /** The float64 nearest to the exact value, of two the even one; infinite where float64 ends. Never -0. */
  get value(): number {
    if (this.#third === 0 && this.#rest === 0n) return this.#first + this.#second;
    this.#settle();
    return this.#rest === 0n ? this.#first : nearest(this.exact, 1n);
  }

  get exact(): Exact {
    const parts = [this.#first, this.#second, this.#third].filter((part) => part !== 0).map(exactOf);
    if (this.#rest !== 0n) parts.push({ integer: this.#rest, unit: lastUnit });
    return parts.reduce(plus, zero);
  }

  write(to: ByteWriter): void {
    this.#settle();
    const parts = [this.#first, this.#second, this.#third].filter((part) => part !== 0);
    to.varint(parts.length + (this.#rest === 0n ? 0 : 4));
    for (const part of parts) to.float(part);
    if (this.#rest !== 0n) to.text(this.#rest.toString());
  }

  static read(from: ByteReader): ExactSum {
    const sum = new ExactSum();
    const header = from.varint();
    const parts = header % 4;
    if (parts > 0) sum.#first = from.float();
    if (parts > 1) sum.#second = from.float();
    if (parts > 2) sum.#third = from.float();
    if (header >= 4) sum.#rest = BigInt(from.text());
    return sum;
  }

  /** Leaves the parts as a function of the exact value. */
  #settle(): void {
    const [u, v] = twoSum(this.#second, this.#third);
    const [a, w] = twoSum(this.#first, u);
    const [b, c] = twoSum(w, v);
    // Between `a` and `a` plus more than all the rest, nothing rounds to anything but `a`.
    const isNearest = v === 0 || a + b * hair === a;
    if (this.#rest === 0n && Number.isFinite(a) && isNearest) {
      this.#first = a;
      this.#second = b;
      this.#third = c;
    } else {
      this.#addExactly(zero);
    }
  }

  #addProductExactly(x: number, y: number): void {
    const { integer, unit } = exactOf(x);
    const other = exactOf(y);
    this.#addExactly({ integer: integer * other.integer, unit: unit + other.unit });
  }

  #addExactly(more: Exact): void {
    let left = plus(this.exact, more);
    const part = (): number => {
      const rounded = nearest(left, 1n);
      if (!Number.isFinite(rounded)) return 0;
      left = plus(left, exactOf(-rounded));
      return rounded;
    };
    this.#first = part();
    this.#second = part();
    this.#third = part();
    this.#rest = left.integer << BigInt(left.unit - lastUnit);
  }
}

/**
 * The sum of squared deviations from the mean divided by `count - 1`, from `count` values' sum and sum of squares: correctly
 * rounded. NaN for less than two values.
 */
export function exactVariance(count: number, sum: ExactSum, squares: ExactSum): number {
  if (count < 2) return NaN;
  const n = BigInt(count);
  const s = sum.exact;
  const q = squares.exact;
  const deviations = plus(
    { integer: n * q.integer, unit: q.unit },
    { integer: -s.integer * s.integer, unit: 2 * s.unit },
  );
  return nearest(deviations, n * (n - 1n));
}

/** The square root of the mean of `count` squares, within a unit in the last place. NaN for no values. */
export function rootMeanSquare(count: number, squares: ExactSum): number {
  if (count < 1) return NaN;
  const n = BigInt(count);
  const { integer, unit } = squares.exact;
  // The mean is scaled by 4^-k to about 1..8: unscaled it may be out of float64's range where its root is not.
  const k = Math.max(Math.floor((bitLength(integer) - bitLength(n) + unit - 1) / 2), -1022);
  return Math.sqrt(nearest({ integer, unit: unit - 2 * k }, n)) * powerOfTwo(k);
}

const zero: Exact = { integer: 0n, unit: 0 };

function plus(a: Exact, b: Exact): Exact {
  if (a.integer === 0n) return b;
  if (b.integer === 0n) return a;
  const unit = Math.min(a.unit, b.unit);
  return { integer: (a.integer << BigInt(a.unit - unit)) + (b.integer << BigInt(b.unit - unit)), unit };
}

function twoSum(x: number, y: number): [sum: number, error: number] {
  const sum = x + y;
  const v = sum - x;
  return [sum, x - (sum - v) + (y - v)];
}

function exactOf(x: number): Exact {
  if (!Number.isFinite(x)) throw new RangeError(`${x} is no number to add`);
  if (x === 0) return zero;
  scratch.setFloat64(0, x);
  const bits = scratch.getBigUint64(0);
  const fraction = BigInt.asUintN(52, bits);
  const exponent = Number(BigInt.asUintN(11, bits >> 52n));
  const magnitude = exponent === 0 ? fraction : fraction + (1n << 52n);
  return { integer: x < 0 ? -magnitude : magnitude, unit: Math.max(exponent, 1) - 1075 };
}

/** `value / divisor` rounded to the nearest float64, half to even. @param divisor positive */
function nearest(value: Exact, divisor: bigint): number {
  const { unit } = value;
  // Not `-nearest`, which could be -0.
  if (value.integer < 0n) return 0 - nearest({ integer: -value.integer, unit }, divisor);
  if (value.integer === 0n) return 0;
  // Where the quotient's first bit is, then where its last bit is as a float64.
  let first = bitLength(value.integer) - bitLength(divisor);
  const below = first < 0 ? value.integer << BigInt(-first) < divisor : value.integer >> BigInt(first) < divisor;
  if (below) first -= 1;
  const last = Math.max(first + unit - 52, -1074);
  if (last > 971) return Infinity;
  const dividend = value.integer << BigInt(Math.max(unit - last, 0));
  const by = divisor << BigInt(Math.max(last - unit, 0));
  const quotient = dividend / by;
  const twice = 2n * (dividend - quotient * by);
  const up = twice > by || (twice === by && quotient % 2n === 1n);
  return Number(up ? quotient + 1n : quotient) * powerOfTwo(last);
}

/** At least 1. */
function bitLength(x: bigint): number {
  const hex = x.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex.charAt(0), 16)) + 28;
}

/** @param exponent -1074..1023 */
function powerOfTwo(exponent: number): number {
  scratch.setBigUint64(0, exponent < -1022 ? 1n << BigInt(exponent + 1074) : BigInt(exponent + 1023) << 52n);
  return scratch.getFloat64(0);
}
