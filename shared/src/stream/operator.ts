// What every kind of window is to the pipeline: readings go in, panes come out when the watermark says so.
//
// One operator holds all windows of one kind of one series. Between two drains any number of late readings costs one pane.

import type { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Pane, WindowSpec } from '../model/pane.ts';

/** What statistics need to know of the signal. */
export interface SignalContext {
  /** How often a reading is expected; NaN when that is not known. */
  readonly expectMs: number;
  /** Whether this value counts as on: what `duty` is the share of. */
  readonly isOn: (value: number) => boolean;
}

/** A pane that does not yet know whose it is. */
export type WindowPane = Omit<Pane, 'series'>;

export interface WindowOperator {
  readonly spec: WindowSpec;
  /** Whether this window accounts for the series' readings: at most one window of a series does. */
  accounts: boolean;
  /** Windows (or slices of them) being filled or corrected. */
  readonly openCount: number;
  /** Bytes held for closed windows that late readings may still correct. */
  readonly sealedBytes: number;

  /**
   * Takes a reading in. The caller has refused what is behind the watermark by more than the lateness.
   * @param watermark where it was before this reading
   * @returns the watermark at which something is due because of it; Infinity when that is no earlier than what was due
   */
  add(time: number, value: number, watermark: number): number;
  /** As `add`, of a reading that is to be counted and otherwise left out. */
  flag(time: number, watermark: number): number;

  /** The watermark at which the next pane is due; -Infinity at the next drain; Infinity when none waits for the watermark. */
  nextDue(): number;
  /** The watermark at which everything open would be closed; -Infinity when nothing is. */
  lastDue(): number;
  /** Arrival time at which an early or a late pane is due; Infinity when none waits for time. */
  nextTimer(): number;

  /** Emits what is due, in event-time order, and forgets what no accepted reading can reach any more. */
  close(watermark: number, now: number, emit: (pane: WindowPane) => void): void;
  /** Gives up the oldest closed windows. @returns the event time before which readings cannot be taken any more */
  forgetOldest(): number;

  /** Readings held that no pane has reported yet; 0 where another window accounts for them. */
  unreported(): number;
  /** Accounts from here on, and what it holds now is on another window's account. */
  takeOverAccount(): void;

  write(to: ByteWriter): void;
  read(from: ByteReader): void;
}
