// What the agent says about itself: to the hub every few seconds, and to whoever started it in-process.

import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { Losses } from '@weir/shared/model/ledger.ts';
import type { LossReason } from '@weir/shared/model/reading.ts';
import type { AlarmMeasures } from '@weir/shared/pipeline/alarm-measures.ts';
import type { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import { encodeStatus } from '@weir/shared/wire/codec.ts';
import type { Actions } from './actions/actions.ts';
import type { Engine } from './engine.ts';
import type { HubOrders } from './hub-orders.ts';
import type { Health, PartHealth } from './health.ts';
import type { BlackBox } from './log/black-box.ts';
import type { DiskMeter } from './log/disk-meter.ts';
import type { Log } from './log/log.ts';
import type { Outbox } from './log/outbox.ts';
import { yearsOf, type Pace } from './pace.ts';
import type { TimeKeeper, TimeStatus } from './time/time-keeper.ts';

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
  /** Raw readings on the gateway: journal and black box. */
  readonly journalBytes: number;
  readonly memoryBytes: number;
  readonly storage: StorageStatus;
  /** Readings whose panes were merged into coarser ones, because the outbox was near its limit. */
  readonly thinned: number;
  /** By how much the books do not balance: taken - (delivered + pending + open + lost), counted window by window. 0, always. */
  readonly imbalance: number;
  /** Transitions acted on since the start. */
  readonly alerts: number;
  /** How the alarm system does, in the measures of ISA-18.2. */
  readonly alarms: AlarmMeasures;
  readonly alertLatencyMs: { readonly p50: number; readonly p99: number };
  /** Readings in panes that are held back until the time is known; they are among the pending. */
  readonly held: number;
  /** Whether the gateway knows what time it is. */
  readonly clock: TimeStatus;
  readonly health: readonly PartHealth[];
}

/** The disk under journal and outbox, and what is done to it. */
export interface StorageStatus {
  /** Since the start. */
  readonly writtenBytes: number;
  readonly syncs: number;
  readonly writtenBytesPerHour: number;
  readonly syncsPerHour: number;
  readonly freeBytes: number | undefined;
  /** How long commits wait at present. */
  readonly commitMs: number;
  /** Until the card is worn, at the rate of the last hour; undefined when that cannot be told yet. */
  readonly years: number | undefined;
  /** Damage met since the start: bytes that belong to no record, and records that are missing. */
  readonly damagedBytes: number;
  readonly damagedRecords: number;
  /** Readings acknowledged while the disk could not take them. */
  readonly atRisk: number;
  /** When the oldest raw reading arrived, epoch milliseconds. */
  readonly rawSince: number | undefined;
}

export interface StatusParts {
  readonly file: GatewayFile;
  readonly pipeline: Pipeline;
  readonly engine: Engine;
  readonly orders: Pick<HubOrders, 'done'>;
  readonly actions: Actions;
  readonly journal: Log;
  readonly blackBox: BlackBox;
  readonly outbox: Outbox;
  readonly health: Health;
  readonly clock: TimeKeeper;
  readonly meter: Pick<DiskMeter, 'total' | 'perHour'>;
  readonly pace: Pick<Pace, 'commitMs'>;
  /** Of the disk under the data folder, as far as it is known. */
  readonly freeBytes: () => number | undefined;
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
    const { pipeline, engine, actions, journal, blackBox, outbox, health } = this.#parts;
    const waiting = outbox.pendingReadings + engine.drained + engine.held - engine.evicting;
    // With their true times, windows may be over that do not seem to be: what is in them does not wait any more.
    const pending = Math.max(0, waiting);
    return {
      taken: pipeline.ledger.taken,
      open: pipeline.open + waiting - pending,
      pending,
      // What left the pipeline and does not wait is at the hub: `fresh` counts every reading in exactly one pane.
      delivered: pipeline.reported - waiting,
      lost: pipeline.ledger.losses(),
      flagged: Object.fromEntries(pipeline.flagged),
      seriesLosses: largestLosses(pipeline),
      lateMemoryBytes: pipeline.heldBytes,
      uncommitted: engine.uncommitted,
      duplicates: engine.duplicates,
      readingsPerSecond: this.#measureRate(),
      outboxRecords: outbox.pendingRecords,
      outboxBytes: outbox.bytes,
      journalBytes: journal.bytes + blackBox.bytes,
      memoryBytes: process.memoryUsage.rss(),
      storage: this.#storage(),
      thinned: outbox.counters.readingsThinned,
      imbalance: pipeline.ledger.taken - pipeline.ledger.lostTotal - pipeline.reported - pipeline.countOpen(),
      alerts: actions.count,
      alarms: pipeline.alerts.measures(this.#parts.clock.now()),
      alertLatencyMs: actions.latencyMs(),
      held: Math.max(0, engine.held),
      clock: this.#parts.clock.status,
      health: health.all(),
    };
  }

  /** For the hub. @param online false when the gateway says good-bye */
  encoded(online: boolean): Uint8Array {
    const { file, engine, orders, clock } = this.#parts;
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
      thinned: s.thinned,
      imbalance: s.imbalance,
      storage: {
        writtenBytes: s.storage.writtenBytes,
        syncs: s.storage.syncs,
        writtenBytesPerHour: s.storage.writtenBytesPerHour,
        syncsPerHour: s.storage.syncsPerHour,
        freeBytes: s.storage.freeBytes ?? 0,
        commitMs: s.storage.commitMs,
        damagedBytes: s.storage.damagedBytes,
        damagedRecords: s.storage.damagedRecords,
        atRisk: s.storage.atRisk,
        ...(s.storage.years === undefined ? {} : { years: s.storage.years }),
        ...(s.storage.rawSince === undefined ? {} : { rawSinceMs: s.storage.rawSince }),
      },
      time: { state: s.clock.state, detail: s.health.find(({ part }) => part === 'clock')?.detail ?? '' },
      alarms: { ...s.alarms, quiet: Object.fromEntries(s.alarms.quiet) },
      operations: [...orders.done],
      signals: [...file.signals].map(([name, { unit }]) => ({ name, unit: unit ?? '' })),
    });
  }

  #storage(): StorageStatus {
    const { file, engine, journal, blackBox, outbox, meter, pace, freeBytes } = this.#parts;
    const { total, perHour } = meter;
    const damage = [journal.salvage, outbox.salvage];
    return {
      writtenBytes: total.bytes,
      syncs: total.syncs,
      writtenBytesPerHour: perHour.bytes,
      syncsPerHour: perHour.syncs,
      freeBytes: freeBytes(),
      commitMs: pace.commitMs,
      years: yearsOf(file.settings.card, perHour.bytes, perHour.syncs),
      damagedBytes: damage.reduce((sum, { bytes }) => sum + bytes, 0),
      damagedRecords: damage.reduce((sum, { records }) => sum + records, 0),
      atRisk: engine.atRisk,
      rawSince: blackBox.oldest,
    };
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
