// A pane is one window's aggregate of one series. Panes accumulate: a later revision restates the whole window, so the
// hub overwrites and never adds, and sending a pane twice changes nothing. Its natural key is (gateway, device, signal,
// window, start). A window that ceases to exist, because a late reading has joined two sessions, is retracted: the hub
// deletes what it has under that key.

import type { Series } from './series.ts';

/** What a window can compute, in the order panes carry it. `count` is always there. docs/statistics.md defines each. */
export const statistics = [
  'sum',
  'mean',
  'stddev',
  'variance',
  'rms',
  'min',
  'max',
  'range',
  'first',
  'last',
  'time_mean',
  'integral',
  'duty',
  'increase',
  'rate',
  'changes',
  'duration',
  'completeness',
  'uncertain',
  'p5',
  'p25',
  'p50',
  'p75',
  'p90',
  'p95',
  'p99',
] as const;

export type Statistic = (typeof statistics)[number];

/** How event time is cut into windows. */
export type WindowShape =
  /** `zone`: an IANA time zone whose days, and whole parts of days, the windows follow; undefined is UTC. */
  | { readonly kind: 'tumbling'; readonly sizeMs: number; readonly zone: string | undefined }
  /** A window of `sizeMs` begins at every whole multiple of `slideMs` since 1970 (UTC). */
  | { readonly kind: 'hopping'; readonly sizeMs: number; readonly slideMs: number }
  /** From a reading until `gapMs` without one. */
  | { readonly kind: 'session'; readonly gapMs: number }
  /** Every `size` readings, in event-time order. */
  | { readonly kind: 'count'; readonly size: number };

export interface WindowSpec {
  /** Its name everywhere: tag, topic, page. Such as `10s`, `1h/1m`, `1d@Europe/Zurich`, `session-10m`, `count-100`. */
  readonly id: string;
  readonly shape: WindowShape;
  /** In the order of `statistics`. */
  readonly compute: readonly Statistic[];
  /** Arrival time between early panes of an open window; 0 is none. */
  readonly earlyEveryMs: number;
  /** Arrival time between late panes of one window; 0 is one at every commit. */
  readonly lateEveryMs: number;
}

/** When in the life of its window a pane was made: before, at, or after the watermark passed the window's end. */
export const timings = ['early', 'on_time', 'late'] as const;

export type Timing = (typeof timings)[number];

export interface Pane {
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly window: Pick<WindowSpec, 'id' | 'shape' | 'compute'>;
  /** Start of the window, epoch milliseconds, inclusive: of a session or a count window, its first reading. */
  readonly start: number;
  /** End of the window, exclusive: of a session, its last reading plus the gap; of a count window, its last reading. */
  readonly end: number;
  readonly timing: Timing;
  /** 0 for the first pane of a window; each later one counts up. */
  readonly revision: number;
  /** The window ceased to exist: what was stored under its key is to be deleted. Nothing is in it. */
  readonly retracted: boolean;
  /** Readings the statistics are made of. */
  readonly count: number;
  /**
   * Readings that are counted under this key and under no other, in the window that accounts for the series; 0 in the
   * others. Summed over the last pane of every key it counts every reading once.
   */
  readonly accounted: number;
  /** Of `accounted`, those this revision reports for the first time. Summed over all panes: the loss ledger's proof. */
  readonly fresh: number;
  /** One for each of `window.compute`; NaN where undefined (the standard deviation of one reading). */
  readonly values: readonly number[];
}

/** Whether every window of this shape is equally long, so that its start says where it ends. Local days are not. */
export function hasFixedLength(shape: WindowShape): boolean {
  return shape.kind === 'hopping' || (shape.kind === 'tumbling' && shape.zone === undefined);
}

/** Length by which panes of a window are laid out on a time axis; 0 where it is not fixed. */
export function nominalSizeMs(shape: WindowShape): number {
  return shape.kind === 'tumbling' || shape.kind === 'hopping' ? shape.sizeMs : 0;
}

/** Distance of one pane's start to the next; 0 where it is not fixed. */
export function stepMs(shape: WindowShape): number {
  return shape.kind === 'hopping' ? shape.slideMs : nominalSizeMs(shape);
}
