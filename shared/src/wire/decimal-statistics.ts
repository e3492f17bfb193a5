// Mean and maximum of decimal readings, as small whole numbers.
//
// A mean has sixteen digits, and no two are alike. But readings are decimal, and so is their sum: with `k` digits behind the point,
// sum and maximum are whole numbers of 10^-k. What is written is how far they are above what the minimum alone would give, one number
// each; and, behind all statistics, by how many steps between doubles the mean is off, which is 0 nearly always: the sum was of doubles.
// Where one pane of a block does not fit, the block's statistics are written as they are.

import { ulpsBetween, ulpsFrom } from '../model/columns.ts';

export const mostDigits = 6;
/** Sums of whole numbers below are whole. */
const largest = 2 ** 49;

/** Of one block: counts, and a column for each statistic. They are changed in place. */
export interface StatisticColumns {
  readonly compute: readonly string[];
  readonly counts: Float64Array;
  readonly values: readonly Float64Array[];
}

/** @returns whether these statistics have something to gain */
function concerned({ compute }: StatisticColumns): boolean {
  return compute.includes('mean') || (compute.includes('min') && compute.includes('max'));
}

/**
 * Puts whole numbers into the columns of mean and maximum, if all of them fit.
 * @returns the digits, and by how much means are off; undefined when the columns are as they were
 */
export function toWhole(columns: StatisticColumns): { digits: number; off: Float64Array } | undefined {
  if (!concerned(columns)) return undefined;
  for (let digits = 0; digits <= mostDigits; digits++) {
    const whole = wholeOf(columns, 10 ** digits);
    if (whole === undefined) continue;
    columns.values[columns.compute.indexOf('mean')]?.set(whole.sums);
    if (columns.compute.includes('min')) columns.values[columns.compute.indexOf('max')]?.set(whole.maxima);
    return { digits, off: whole.off };
  }
  return undefined;
}

/** The opposite. @throws RangeError when an entry of `off` is no whole number */
export function fromWhole(columns: StatisticColumns, digits: number, off: Float64Array): void {
  const { means, minima, maxima } = named(columns);
  const scale = 10 ** digits;
  for (const [row, count] of columns.counts.entries()) {
    const base = baseOf(minima, row, scale);
    if (means !== undefined)
      means[row] = ulpsFrom(meanOf(base * count + (means[row] ?? NaN), scale, count), off[row] ?? NaN);
    if (maxima !== undefined) maxima[row] = (base + (maxima[row] ?? NaN)) / scale;
  }
}

/** Whether there is a column of what means are off by. */
export function hasOff({ compute }: { readonly compute: readonly string[] }): boolean {
  return compute.includes('mean');
}

function named({ compute, values }: StatisticColumns) {
  const minima = values[compute.indexOf('min')];
  return { means: values[compute.indexOf('mean')], minima, maxima: minima && values[compute.indexOf('max')] };
}

function wholeOf(columns: StatisticColumns, scale: number) {
  const { means, minima, maxima } = named(columns);
  const { counts } = columns;
  const [sums, ranges, off] = [
    new Float64Array(counts.length),
    new Float64Array(counts.length),
    new Float64Array(counts.length),
  ];
  for (const [row, count] of counts.entries()) {
    const base = baseOf(minima, row, scale);
    if (means !== undefined) {
      const mean = means[row] ?? NaN;
      const sum = Math.round(mean * count * scale) - base * count;
      // As it is going to be read.
      const steps = ulpsBetween(meanOf(base * count + sum, scale, count), mean);
      if (Number.isNaN(steps) || !(Math.abs(sum) < largest && Math.abs(base * count) < largest)) return undefined;
      sums[row] = sum;
      off[row] = steps;
    }
    if (maxima !== undefined) {
      const max = maxima[row] ?? NaN;
      const range = Math.round(max * scale) - base;
      if (!Object.is((base + range) / scale, max) || !(Math.abs(range) < largest)) return undefined;
      ranges[row] = range;
    }
  }
  return { sums, maxima: ranges, off };
}

function baseOf(minima: Float64Array | undefined, row: number, scale: number): number {
  return minima === undefined ? 0 : Math.round((minima[row] ?? NaN) * scale);
}

function meanOf(sum: number, scale: number, count: number): number {
  return sum / scale / count;
}
