// What the agent says about itself: to the hub every few seconds, and to whoever started it in-process.

import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { Losses } from '@weir/shared/model/ledger.ts';
import type { LossReason } from '@weir/shared/model/reading.ts';
import type { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import { encodeStatus } from '@weir/shared/wire/codec.ts';
import type { Actions } from './actions/actions.ts';
import type { Engine } from './engine.ts';
import type { Health, PartHealth } from './health.ts';
import type { Log } from './log/log.ts';
import type { Outbox } from './log/outbox.ts';
import type { Clock } from './time/clock.ts';

/** Dead letters a status carries: the newest. */
const deadLettersShown = 20;

/** Series whose losses a status names. */
const seriesLossesShown = 10;

export interface SeriesLoss {
  readonly device: string;
  readonly signal: string;
  readonly reason: LossReason;
  readonly count: number;
}

export interface AgentStatus {
  /** Readings since the data folder was made: taken = delivered + pending + open + lost, at every moment. */
  readonly taken: number;
  /** In windows that have not closed yet. */
  readonly open: number;
  /** In panes that wait for the hub. */
  readonly pending: number;
  /** In panes the hub has stored. */
  readonly delivered: number;
  readonly lost: Losses;
  /** Readings that were uncertain, by why; they are in windows, and here. */
  readonly flagged: Readonly<Record<string, number>>;
  /** The series that have lost most, with why: the most first. */
  readonly seriesLosses: readonly SeriesLoss[];
  /** What is held for late readings. */
  readonly lateMemoryBytes: number;
  /** Readings that the next commit takes to disk. */
  readonly uncommitted: number;
  /** Readings a broker repeated and that were known. */
  readonly duplicates: number;
  readonly readingsPerSecond: number;
  readonly outboxRecords: number;
  readonly outboxBytes: number;
  readonly journalBytes: number;
  readonly memoryBytes: number;
  /** Transitions acted on since the start. */
  readonly alerts: number;
  readonly alertLatencyMs: { readonly p50: number; readonly p99: number };
  readonly health: readonly PartHealth[];
}

export interface StatusParts {
  readonly file: GatewayFile;
  readonly pipeline: Pipeline;
  readonly engine: Engine;
  readonly actions: Actions;
  readonly journal: Log;
  readonly outbox: Outbox;
  readonly health: Health;
  readonly clock: Clock;
}

export class StatusReporter {
  readonly #parts: StatusParts;
  #rate = 0;
  #lastTaken: number;
  #lastAt: number;

  constructor(parts: StatusParts) {
    this.#parts = parts;
    this.#lastTaken = parts.pipeline.ledger.taken;
    this.#lastAt = parts.clock.monotonicMs();
  }

  status(): AgentStatus {
    const { pipeline, engine, actions, journal, outbox, health } = this.#parts;
    const pending = outbox.pendingReadings + engine.drained - engine.evicting;
    return {
      taken: pipeline.ledger.taken,
      open: pipeline.open,
      pending,
      // What left the pipeline and does not wait is at the hub: `fresh` counts every reading in exactly one pane.
      delivered: pipeline.reported - pending,
      lost: pipeline.ledger.losses(),
      flagged: Object.fromEntries(pipeline.flagged),
      seriesLosses: largestLosses(pipeline),
      lateMemoryBytes: pipeline.heldBytes,
      uncommitted: engine.uncommitted,
      duplicates: engine.duplicates,
      readingsPerSecond: this.#measureRate(),
      outboxRecords: outbox.pendingRecords,
      outboxBytes: outbox.bytes,
      journalBytes: journal.bytes,
      memoryBytes: process.memoryUsage.rss(),
      alerts: actions.count,
      alertLatencyMs: actions.latencyMs(),
      health: health.all(),
    };
  }

  /** For the hub. @param online false when the gateway says good-bye */
  encoded(online: boolean): Uint8Array {
    const { file, engine, clock } = this.#parts;
    const s = this.status();
    return encodeStatus({
      online,
      timeMs: clock.now(),
      version: '0.1.0',
      taken: s.taken,
      open: s.open,
      pending: s.pending,
      delivered: s.delivered,
      lost: s.lost,
      flagged: s.flagged,
      seriesLosses: [...s.seriesLosses],
      readingsPerSecond: s.readingsPerSecond,
      outboxBytes: s.outboxBytes,
      journalBytes: s.journalBytes,
      memoryBytes: s.memoryBytes,
      health: s.health.map(({ part, up, detail, since }) => ({ part, up, detail, sinceMs: since })),
      deadLetters: engine.deadLetters
        .slice(-deadLettersShown)
        .map(({ arrival, ...letter }) => ({ ...letter, arrivalMs: arrival })),
      signals: [...file.signals].map(([name, { unit }]) => ({ name, unit: unit ?? '' })),
    });
  }

  /** Readings a second since the last look that was long enough ago to tell. */
  #measureRate(): number {
    const { pipeline, clock } = this.#parts;
    const now = clock.monotonicMs();
    const elapsed = now - this.#lastAt;
    if (elapsed < 1000) return this.#rate;
    this.#rate = ((pipeline.ledger.taken - this.#lastTaken) * 1000) / elapsed;
    this.#lastTaken = pipeline.ledger.taken;
    this.#lastAt = now;
    return this.#rate;
  }
}

function largestLosses(pipeline: Pipeline): SeriesLoss[] {
  return pipeline
    .states()
    .flatMap(({ series: { device, signal }, losses }) =>
      [...losses].map(([reason, count]) => ({ device, signal, reason, count })),
    )
    .filter(({ reason }) => reason !== 'no_window')
    .toSorted((a, b) => b.count - a.count)
    .slice(0, seriesLossesShown);
}
