// One pane of a coarse window out of the panes of the finer windows in it, from nothing but what these say.
//
// What can be told so is what would have been computed of the readings, within rounding; what cannot is NaN:
//
//   sum, uncertain        added up
//   mean                  weighted by count
//   variance, stddev      from counts, means and variances (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
//                         Algorithm for Computing Sample Variances", 1979, formula 2.1); NaN where there is neither mean nor sum
//   rms                   root of the mean of squares, weighted by count
//   min, max, range       the outermost; of the range both ends must be there
//   first, last           of the first and the last window that holds a reading
//   increase, changes     added up, and what lies between one window's last reading and the next one's first: NaN where first
//                         and last are not there
//   completeness          readings over those expected, both added up
//   time_mean, integral, duty, rate, duration    NaN: the moment of the first reading in a window is not known, and until it the
//                         last one of the window before would hold
//   percentiles           NaN: the sketch is gone

import type { Pane, Statistic } from './pane.ts';

/**
 * @param panes in the order of their windows, which share a series and what they compute; `isDisjoint` whether no two of the
 *   windows overlap: else nobody can say what came first
 * @returns what `window.compute` asks for, over a window of `sizeMs`
 */
export function mergeValues(panes: readonly Pane[], sizeMs: number, isDisjoint: boolean): number[] {
  const compute = panes[0]?.window.compute ?? [];
  const filled = panes.filter(({ count }) => count > 0);
  const indexOf = (statistic: Statistic): number => compute.indexOf(statistic);
  const moments = momentsOf(filled, indexOf);
  const edges = isDisjoint ? edgesOf(filled, indexOf) : noEdges;
  return compute.map((statistic, index) => {
    const own = (pane: Pane): number => pane.values[index] ?? NaN;
    switch (statistic) {
      case 'uncertain':
        return total(panes.map(own));
      case 'completeness':
        return total(panes.map((pane) => own(pane) * (pane.end - pane.start))) / sizeMs;
      default:
        return filled.length === 0 ? NaN : valueOf(statistic, { filled, own, moments, edges, indexOf });
    }
  });
}

interface Merged {
  readonly filled: readonly Pane[];
  readonly own: (pane: Pane) => number;
  readonly moments: Moments;
  readonly edges: Edges;
  readonly indexOf: (statistic: Statistic) => number;
}

function valueOf(statistic: Statistic, { filled, own, moments, edges, indexOf }: Merged): number {
  const column = (wanted: Statistic): number[] => columnOf(filled, indexOf(wanted));
  switch (statistic) {
    case 'sum':
      return total(filled.map(own));
    case 'mean':
      return moments.mean;
    case 'variance':
      return moments.variance;
    case 'stddev':
      return Math.sqrt(moments.variance);
    case 'rms':
      return rootMeanSquare(filled, own);
    case 'min':
      return Math.min(...filled.map(own));
    case 'max':
      return Math.max(...filled.map(own));
    case 'range':
      return Math.max(...column('max')) - Math.min(...column('min'));
    case 'first':
      return edges.first;
    case 'last':
      return edges.last;
    case 'increase':
      return total([...filled.map(own), edges.increase]);
    case 'changes':
      return total([...filled.map(own), edges.changes]);
    default:
      return NaN;
  }
}

interface Moments {
  readonly mean: number;
  readonly variance: number;
}

function momentsOf(filled: readonly Pane[], indexOf: Merged['indexOf']): Moments {
  const at = { mean: indexOf('mean'), sum: indexOf('sum'), variance: indexOf('variance'), stddev: indexOf('stddev') };
  let count = 0;
  let mean = 0;
  let squares = 0;
  let [low, high] = [Infinity, -Infinity];
  const sums: number[] = [];
  for (const pane of filled) {
    const more = pane.count;
    const itsMean = pane.values[at.mean] ?? (pane.values[at.sum] ?? NaN) / more;
    const variance = pane.values[at.variance] ?? (pane.values[at.stddev] ?? NaN) ** 2;
    // Of one reading there is no variance, and no deviation.
    const itsSquares = more === 1 ? 0 : variance * (more - 1);
    const delta = count === 0 ? 0 : itsMean - mean;
    const all = count + more;
    mean = count === 0 ? itsMean : mean + delta * (more / all);
    sums.push(itsMean * more);
    squares += itsSquares + delta * delta * ((count * more) / all);
    count = all;
    low = Math.min(low, itsMean);
    high = Math.max(high, itsMean);
  }
  const exact = total(sums) / count;
  // Where the sum of all readings leaves what float64 holds, their mean does not.
  const rounded = Number.isFinite(exact) ? exact : mean;
  return { mean: Math.min(high, Math.max(low, rounded)), variance: count < 2 ? NaN : squares / (count - 1) };
}

/** Scaled by the largest: a square must not leave what float64 holds where its root does not. */
function rootMeanSquare(filled: readonly Pane[], own: Merged['own']): number {
  const largest = Math.max(...filled.map(own));
  if (largest === 0) return 0;
  const squares = total(filled.map((pane) => (own(pane) / largest) ** 2 * pane.count));
  return largest * Math.sqrt(squares / total(filled.map(({ count }) => count)));
}

/** What happens at the ends of windows, and from the last reading of one to the first of the next. */
interface Edges {
  readonly first: number;
  readonly last: number;
  readonly changes: number;
  readonly increase: number;
}

const noEdges: Edges = { first: NaN, last: NaN, changes: NaN, increase: NaN };

function edgesOf(filled: readonly Pane[], indexOf: Merged['indexOf']): Edges {
  const firsts = columnOf(filled, indexOf('first'));
  const lasts = columnOf(filled, indexOf('last'));
  const steps = firsts.slice(1).map((next, index) => ({ next, before: lasts[index] ?? NaN }));
  const isKnown = ({ next, before }: { next: number; before: number }): boolean => !Number.isNaN(next + before);
  const all = steps.every(isKnown);
  return {
    first: firsts[0] ?? NaN,
    last: lasts.at(-1) ?? NaN,
    changes: all ? steps.filter(({ next, before }) => next !== before).length : NaN,
    // A counter that fell has risen from 0.
    increase: all ? total(steps.map(({ next, before }) => (next < before ? next : next - before))) : NaN,
  };
}

/** NaN throughout where the statistic is not among those computed. */
function columnOf(panes: readonly Pane[], index: number): number[] {
  return panes.map(({ values }) => values[index] ?? NaN);
}

/** The sum, rounded about once (Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974). */
function total(numbers: readonly number[]): number {
  let sum = 0;
  let lost = 0;
  for (const number of numbers) {
    const next = sum + number;
    lost += Math.abs(sum) >= Math.abs(number) ? sum - next + number : number - next + sum;
    sum = next;
  }
  // What overflows has no error to make up for.
  return Number.isFinite(sum) ? sum + lost : sum;
}
