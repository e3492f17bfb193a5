// Where panes go for good, and raw readings that were asked for, for a while. A store kind is one file, one line in registry.ts, and its key in hub.yaml.
//
// The contract, which store.suite.ts checks for each kind:
// - what `write` resolved for is durable: it survives kill -9 and a power cut;
// - writing the same again changes nothing; a later revision of a pane replaces the earlier one, in the order written;
// - a retracted pane deletes what is stored under its key, in the same order; where there is nothing, nothing happens;
// - of raw readings of one series with the same event time the last one written stays, with its value and quality;
// - a point the store will never take is not an error: it comes back as Refused, and everything else is stored;
// - when the store cannot take anything now, `write` rejects with StoreOutage, and writing all of it again is right.

import { hasFixedLength, type Pane, type Statistic } from '@weir/shared/model/pane.ts';
import type { Quality } from '@weir/shared/model/quality.ts';
import type { RawReadings } from '@weir/shared/wire/codec.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { GatewayTransition } from '../state/alert-book.ts';

export interface GatewayPane {
  readonly gateway: string;
  readonly pane: Pane;
}

/** Raw readings of a gateway: part of what it answered to a request. */
export interface GatewayRaw {
  readonly gateway: string;
  readonly raw: RawReadings;
}

export interface StoreBatch {
  /** In the order they were made: of two panes with one key the later one counts, be it that there is none any more. */
  readonly panes: readonly GatewayPane[];
  readonly transitions: readonly GatewayTransition[];
  /** In the order they arrived. */
  readonly raw?: readonly GatewayRaw[];
}

/** A point the store will never take. */
export interface Refused {
  readonly of: 'panes' | 'transitions' | 'raw';
  /** Into the list of the batch. Of raw readings the same block can come several times, once for each reading. */
  readonly index: number;
  /** What the store said. */
  readonly reason: string;
}

export interface PaneQuery {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  readonly window: string;
  /** Window starts, epoch milliseconds: `from` inclusive, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** Of more than that, the newest. */
  readonly limit: number;
}

export interface StoredPane {
  /** As `storedStart` has it. */
  readonly start: number;
  /** As `storedEnd` has it: undefined where the window's length says where it ends. */
  readonly end: number | undefined;
  readonly count: number;
  readonly revision: number;
  /** What is missing is undefined: not computed, or not a number. */
  readonly values: Readonly<Partial<Record<Statistic, number>>>;
}

export interface RawQuery {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  /** Event times, epoch milliseconds: `from` inclusive, `to` exclusive. */
  readonly from: number;
  readonly to: number;
  /** Of more than that, the newest. */
  readonly limit: number;
}

export interface StoredReading {
  /** Event time, as `storedStart` has it. */
  readonly time: number;
  /** Undefined where it is no finite number. */
  readonly value: number | undefined;
  readonly quality: Quality;
}

/** How a gateway is, at one moment of the hub's clock. */
export interface GatewayPoint {
  readonly gateway: string;
  readonly timeMs: number;
  readonly up: boolean;
  readonly taken: number;
  readonly stored: number;
  readonly open: number;
  readonly pending: number;
  readonly lost: Readonly<Record<string, number>>;
  readonly outboxBytes: number;
  readonly memoryBytes: number;
  readonly readingsPerSecond: number;
  readonly sourcesUp: number;
  readonly sourcesDown: number;
  /** Readings missing from the sums, or counted twice (negative). */
  readonly imbalance?: number;
  /** What its disk takes, where it says. */
  readonly writtenBytesPerHour?: number | undefined;
  readonly syncsPerHour?: number | undefined;
  /** Until its card is worn, where it can tell. */
  readonly cardYears?: number | undefined;
}

export interface Store {
  /** @throws StoreOutage */
  write(batch: StoreBatch): Promise<Refused[]>;
  /** Oldest first. @throws StoreOutage */
  panes(query: PaneQuery): Promise<StoredPane[]>;
  /** Oldest first. @throws StoreOutage */
  raw(query: RawQuery): Promise<StoredReading[]>;
  /**
   * Sees to it that raw readings are kept as long as they should be, and not longer; called now and then, and never in the
   * way of anything else.
   * @throws StoreOutage
   */
  trimRaw(signal: AbortSignal): Promise<void>;
  /**
   * Readings in the panes that account for them, as the latest revision of each says that accounts at all: an
   * independent count to hold against the ledger.
   * @throws StoreOutage
   */
  countStored(gateway?: string): Promise<number>;
  /** Health over time, for dashboards: best effort, never waited for by anything else. @throws StoreOutage */
  writeGateways(points: readonly GatewayPoint[]): Promise<void>;
  close(): Promise<void>;
}

/** How long raw readings are kept when nobody says. */
export const defaultRawKeepMs = 30 * 86_400_000;

/** Under which start a pane, or event time a raw reading, is kept: to the microsecond, which every store can keep and compare exactly. */
export function storedStart(start: number): number {
  return Math.round(start * 1000) / 1000;
}

/** What is kept of a pane's end, in whole milliseconds; undefined where the window's length says it. */
export function storedEnd({ end, window }: Pane): number | undefined {
  return hasFixedLength(window.shape) ? undefined : Math.ceil(end);
}

/** The store cannot take or give anything now. The message is for the person who must act. */
export class StoreOutage extends Error {
  override readonly name = 'StoreOutage';
}

export interface StoreContext {
  readonly dataFolder: string;
  /** Raw readings whose event time is longer ago may go. */
  readonly rawKeepMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

export type OpenStore = (context: StoreContext) => Promise<Store>;
