// The running aggregate of one window, or of one slice of a window: mergeable, and small once sealed.
//
// What it holds depends on what is asked of it; count, sum, minimum and maximum are always there. Sums are exact, so that
// neither the order of the readings nor the way slices are merged changes a single bit of a statistic. Order-dependent
// statistics keep their readings in event-time order (ordered.ts).

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Statistic } from '../model/pane.ts';
import { exactVariance, ExactSum, rootMeanSquare } from './exact-sum.ts';
import type { SignalContext } from './operator.ts';
import { Ordered } from './ordered.ts';
import { duty, increase, integral, rate, timeMean, type Segment } from './segment.ts';
import { Sketch } from './sketch.ts';

/** What an accumulator keeps besides count, sum, minimum and maximum. */
export interface Needs {
  readonly squares: boolean;
  readonly sketch: boolean;
  /** `edges`: the first and the last reading; `samples`: all of them, in event-time order. */
  readonly order: 'none' | 'edges' | 'samples';
}

const percentiles: Partial<Record<Statistic, number>> = {
  p5: 0.05,
  p25: 0.25,
  p50: 0.5,
  p75: 0.75,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
};
const ofSquares: readonly Statistic[] = ['stddev', 'variance', 'rms'];
const ofEdges: readonly Statistic[] = ['first', 'last', 'duration', 'completeness'];
const ofSamples: readonly Statistic[] = ['time_mean', 'integral', 'duty', 'increase', 'rate', 'changes'];

/** All series of a signal ask with the same list. */
const known = new WeakMap<readonly Statistic[], Needs>();

export function needsOf(compute: readonly Statistic[]): Needs {
  let needs = known.get(compute);
  if (needs === undefined) known.set(compute, (needs = findNeeds(compute)));
  return needs;
}

function findNeeds(compute: readonly Statistic[]): Needs {
  const some = (wanted: readonly Statistic[]): boolean => compute.some((statistic) => wanted.includes(statistic));
  return {
    squares: some(ofSquares),
    sketch: compute.some((statistic) => percentiles[statistic] !== undefined),
    order: some(ofSamples) ? 'samples' : some(ofEdges) ? 'edges' : 'none',
  };
}

/** The window a statistic is asked for. */
export interface Span {
  /** The window's length; NaN where it has none but that of its readings (session, count). */
  readonly lengthMs: number;
  /** Until when the last reading holds, epoch milliseconds; NaN is no longer than itself. */
  readonly heldUntil: number;
}

/** Bits of the sealed form. */
const has = { squares: 1, sketch: 2, ordered: 4, flagged: 8, exempt: 16, unreported: 32, closed: 64 } as const;

export class Accumulator {
  /** Readings the statistics are made of. */
  count = 0;
  /** Readings that are only counted. */
  flagged = 0;
  min = Infinity;
  max = -Infinity;
  readonly #sum: ExactSum;
  #squares: ExactSum | undefined;
  #sketch: Sketch | undefined;
  #ordered: Ordered | undefined;
  /** Of slices put together: their readings in one summary, instead of the readings. */
  #summary: Segment | undefined;
  /** How many readings the last emitted pane held. */
  reported = 0;
  /** Readings that are on another window's account. */
  exempt = 0;
  /** Revision of the next pane. */
  revision = 0;
  /** Whether a pane was made when the watermark had passed the window's end. */
  closed = false;

  private constructor(parts: {
    sum: ExactSum;
    squares: ExactSum | undefined;
    sketch: Sketch | undefined;
    ordered: Ordered | undefined;
  }) {
    this.#sum = parts.sum;
    this.#squares = parts.squares;
    this.#sketch = parts.sketch;
    this.#ordered = parts.ordered;
    this.#summary = undefined;
  }

  static for(needs: Needs, context: SignalContext): Accumulator {
    return new Accumulator({
      sum: new ExactSum(),
      squares: needs.squares ? new ExactSum() : undefined,
      sketch: needs.sketch ? new Sketch() : undefined,
      ordered: needs.order === 'none' ? undefined : new Ordered(context.isOn, needs.order === 'samples'),
    });
  }

  /** Slices, in event-time order, put together: for statistics only, nothing can be added to it. */
  static together(slices: readonly Accumulator[], needs: Needs, context: SignalContext): Accumulator {
    const all = Accumulator.for({ ...needs, order: 'none' }, context);
    for (const slice of slices) all.#mergeValues(slice);
    if (needs.order !== 'none') {
      const parts = slices.flatMap((slice) => slice.#ordered ?? []);
      if (parts.length === slices.length) all.#summary = Ordered.summaryOf(parts, context.isOn);
    }
    return all;
  }

  /** All readings in it, counted or flagged. */
  get total(): number {
    return this.count + this.flagged;
  }

  /** What is in it now is on another window's account. */
  exemptAll(): void {
    this.exempt = this.total;
    this.reported = this.total;
  }

  add(time: number, value: number): void {
    this.count += 1;
    this.#sum.add(value);
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (this.#squares !== undefined) this.#squares.addProduct(value, value);
    if (this.#sketch !== undefined) this.#sketch.add(value);
    if (this.#ordered !== undefined) this.#ordered.add(time, value);
  }

  flag(): void {
    this.flagged += 1;
  }

  /** Takes over all readings of another window, and what was said of them. */
  merge(other: Accumulator): void {
    this.#mergeValues(other);
    if (this.#ordered !== undefined && other.#ordered !== undefined) this.#ordered.merge(other.#ordered);
    else this.#ordered = undefined;
    this.reported += other.reported;
    this.exempt += other.exempt;
    this.revision = Math.max(this.revision, other.revision);
    this.closed ||= other.closed;
  }

  /** What only one of two has is in neither of them when they are one: it would speak of a part of the readings. */
  #mergeValues(other: Accumulator): void {
    this.count += other.count;
    this.flagged += other.flagged;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    this.#sum.merge(other.#sum);
    if (this.#squares !== undefined && other.#squares !== undefined) this.#squares.merge(other.#squares);
    else this.#squares = undefined;
    if (this.#sketch !== undefined && other.#sketch !== undefined) this.#sketch.merge(other.#sketch);
    else this.#sketch = undefined;
  }

  /** Readings older than this can get no company any more: what is kept of them shrinks to a summary. */
  foldBefore(time: number): void {
    this.#ordered?.foldBefore(time);
  }

  /** Bytes of the readings kept for order-dependent statistics. */
  get sampleBytes(): number {
    return this.#ordered?.bytes ?? 0;
  }

  /** NaN where undefined: nearly everything of an empty window, `stddev` of one reading. */
  value(statistic: Statistic, span: Span, context: SignalContext): number {
    if (statistic === 'uncertain') return this.flagged;
    if (statistic === 'completeness' && !Number.isNaN(span.lengthMs))
      return this.count / (span.lengthMs / context.expectMs);
    if (this.count === 0) return NaN;
    switch (statistic) {
      case 'sum':
        return this.#sum.value;
      case 'mean':
        return this.#within(this.#sum.value / this.count);
      case 'min':
        return this.min;
      case 'max':
        return this.max;
      case 'range':
        return this.max - this.min;
      case 'variance':
        return this.#variance();
      case 'stddev':
        return Math.sqrt(this.#variance());
      case 'rms':
        return this.#squares === undefined ? NaN : rootMeanSquare(this.count, this.#squares);
      case 'p5':
      case 'p25':
      case 'p50':
      case 'p75':
      case 'p90':
      case 'p95':
      case 'p99':
        return this.#quantile(percentiles[statistic] ?? NaN);
      default: {
        const summary = this.#summary ?? this.#ordered?.summary();
        if (summary === undefined) return NaN;
        const value = orderedValue(statistic, summary, span, context, this.count);
        return statistic === 'time_mean' ? this.#within(value) : value;
      }
    }
  }

  #variance(): number {
    return this.#squares === undefined ? NaN : exactVariance(this.count, this.#sum, this.#squares);
  }

  #quantile(q: number): number {
    return this.#sketch === undefined ? NaN : this.#within(this.#sketch.quantile(q));
  }

  /** What is rounded twice, or stands for a whole bin, can end a little outside what was measured. */
  #within(value: number): number {
    return Math.min(this.max, Math.max(this.min, value));
  }

  write(to: ByteWriter): void {
    const unreported = this.reported !== this.total;
    let bits = this.#squares === undefined ? 0 : has.squares;
    if (this.#sketch !== undefined) bits += has.sketch;
    if (this.#ordered !== undefined) bits += has.ordered;
    if (this.flagged > 0) bits += has.flagged;
    if (this.exempt > 0) bits += has.exempt;
    if (unreported) bits += has.unreported;
    if (this.closed) bits += has.closed;
    to.varint(bits);
    to.varint(this.revision);
    to.varint(this.count);
    if (this.flagged > 0) to.varint(this.flagged);
    if (this.exempt > 0) to.varint(this.exempt);
    if (unreported) to.varint(this.reported);
    if (this.count > 0) {
      to.float(this.min);
      to.float(this.max);
    }
    this.#sum.write(to);
    this.#squares?.write(to);
    this.#sketch?.write(to);
    this.#ordered?.write(to);
  }

  static read(from: ByteReader, context: SignalContext): Accumulator {
    const bits = from.varint();
    const revision = from.varint();
    const count = from.varint();
    const flagged = (bits & has.flagged) === 0 ? 0 : from.varint();
    const exempt = (bits & has.exempt) === 0 ? 0 : from.varint();
    const reported = (bits & has.unreported) === 0 ? count + flagged : from.varint();
    const [min, max] = count > 0 ? [from.float(), from.float()] : [Infinity, -Infinity];
    const accumulator = new Accumulator({
      sum: ExactSum.read(from),
      squares: (bits & has.squares) === 0 ? undefined : ExactSum.read(from),
      sketch: (bits & has.sketch) === 0 ? undefined : Sketch.read(from),
      ordered: (bits & has.ordered) === 0 ? undefined : Ordered.read(from, context.isOn),
    });
    accumulator.count = count;
    accumulator.flagged = flagged;
    accumulator.min = min;
    accumulator.max = max;
    accumulator.reported = reported;
    accumulator.exempt = exempt;
    accumulator.revision = revision;
    accumulator.closed = (bits & has.closed) !== 0;
    return accumulator;
  }
}

function orderedValue(
  statistic: Statistic,
  summary: Segment,
  { heldUntil }: Span,
  { expectMs }: SignalContext,
  count: number,
): number {
  const until = Number.isNaN(heldUntil) ? summary.lastTime : heldUntil;
  switch (statistic) {
    case 'first':
      return summary.firstValue;
    case 'last':
      return summary.lastValue;
    case 'duration':
      return (summary.lastTime - summary.firstTime) / 1000;
    case 'completeness':
      return count / ((summary.lastTime - summary.firstTime) / expectMs + 1);
    case 'time_mean':
      return timeMean(summary, until);
    case 'integral':
      return integral(summary, until);
    case 'duty':
      return duty(summary, until);
    case 'increase':
      return increase(summary);
    case 'rate':
      return rate(summary);
    case 'changes':
      return summary.changes;
    default:
      return NaN;
  }
}
