// A pane is one window's aggregate of one series. Panes accumulate: a later revision restates the whole window, so the
// hub overwrites and never adds, and sending a pane twice changes nothing. Its natural key is (gateway, device, signal,
// window, start).

import type { Series } from './series.ts';

/** What a window can compute, in the order panes carry it. `count` is always there. */
export const statistics = ['mean', 'min', 'max', 'stddev', 'p50', 'p95', 'p99'] as const;

export type Statistic = (typeof statistics)[number];

export interface WindowSpec {
  /** Its name everywhere: tag, topic, page. The duration as written, such as `10s` or `1m`. */
  readonly id: string;
  readonly sizeMs: number;
  /** In the order of `statistics`. */
  readonly compute: readonly Statistic[];
}

export interface Pane {
  readonly series: Pick<Series, 'device' | 'signal'>;
  readonly window: WindowSpec;
  /** Start of the window, epoch milliseconds, inclusive; it ends at `start + window.sizeMs`, exclusive. */
  readonly start: number;
  /** 0 is the on-time pane; each late correction of the same window counts up. */
  readonly revision: number;
  /** Readings in the window. */
  readonly count: number;
  /**
   * Readings this revision reports for the first time, in the first window that covers the series; 0 in the others.
   * Summed over all panes it counts every reading once: the loss ledger's proof.
   */
  readonly fresh: number;
  /** One for each of `window.compute`; NaN where undefined (the standard deviation of one reading). */
  readonly values: readonly number[];
}
