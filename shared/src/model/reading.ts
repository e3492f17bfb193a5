// What a sensor said: one value of one series at one event time.

import type { Quality } from './quality.ts';
import type { SeriesId } from './series.ts';

export interface Reading {
  readonly series: SeriesId;
  /** Event time, epoch milliseconds; a fraction is allowed. */
  readonly time: number;
  /** As the source says it; the signal's `convert` and `calibrate` make the signal's unit of it. */
  readonly value: number;
  readonly quality: Quality;
}

/** Why a reading did not get in. Every one of these is a line of the loss ledger. */
export const lossReasons = [
  'malformed', // the bytes are not the source's format
  'unmapped', // well-formed, but no signal of the gateway file takes it
  'not_a_number', // NaN, infinite, null or text where a number belongs
  'bad_time', // no usable event time
  'bad_quality', // the sensor itself says the value is bad
  'out_of_range', // outside the signal's range
  'future', // further ahead of the arrival time than `maxAhead`
  'repeated', // the same event time and value as one before, of a signal that may repeat
  'too_late', // behind the watermark by more than the allowed lateness
  'too_many_series', // the gateway's `maxSeries` is used up
  'no_window', // accepted, but no window covers the signal: it feeds alerts only
  'reconfigured', // its window was taken out of the gateway file before it closed
  'evicted', // the outbox was full and the oldest panes had to go
  'quarantined', // the hub's store refused the point
  'overrun', // came in faster than the agent could take it
] as const;

export type LossReason = (typeof lossReasons)[number];

/** Something that came in and could not become a reading: kept as a value, shown, and counted. */
export interface DeadLetter {
  readonly reason: LossReason;
  /** Source id, and the topic or device it came by. */
  readonly where: string;
  /** Arrival time, epoch milliseconds. */
  readonly arrival: number;
  /** What is wrong, for the person who must act. */
  readonly detail: string;
  /** The first bytes of it, as text. */
  readonly sample: string;
  /** How many readings it stands for; one when left out. */
  readonly count?: number;
}
