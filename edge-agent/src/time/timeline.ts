// The gateway's own time line: what arrival times, and the event times of sensors without a clock, are taken from.
//
// It is the monotonic clock plus an origin, and not the wall clock, because a wall clock jumps: a board without a battery starts in
// 1970 or where it was switched off, and a time service, or a person, sets it by hours in the middle of everything.
//
//   unknown        nobody vouches for the wall clock yet. The line is provisional: it goes on from the last time known, and what is
//                  stamped by it is moved to its place once the time is known (restamp.ts)
//   synchronised   a time service vouches for the wall clock, and the line is on it
//   machine        there is no time service to ask (or it was told not to): a plausible wall clock is believed
//   holding        the wall clock was moved and nobody has vouched for it since: the line goes on by the monotonic clock
//   estimated      the provisional line had to be taken for the true one
//
// What the wall clock says is taken over in three ways. Once known, what is stamped provisionally is moved as a whole. A line that
// turns out to be behind later jumps ahead, between two commits, with the pipeline told (`Pipeline.jump`). A line that turns out to be
// ahead never goes back: it runs at half speed until it is caught up with. Time that went back would bring new readings into windows
// that are closed and behind rules that have seen later ones, so they would be lost, or go unheard.
//
// The kernel steers CLOCK_MONOTONIC together with the wall clock, so their difference changes by steps only; small ones are followed.

import type { ClockMode } from '@weir/shared/config/schema.ts';

/** Apart by more than this, wall clock and line disagree; less is followed without further ado. */
const disagreesMs = 500;
/** Closer than this they are the same: clocks are read in whole milliseconds, one after the other. */
const sameMs = 20;
/** Without a time service, a wall clock that was moved is believed when it has been left alone for so long. */
const settleMs = 60_000;
/** How much slower than time a line runs that is ahead. */
const slowdown = 0.5;
/** How exactly a file's time says when it was touched. */
const aroundMs = 1000;
/** No wall clock is right that says an earlier time: the software is younger. */
export const earliestMs = Date.UTC(2023, 0, 1);

export type ClockState = 'unknown' | 'synchronised' | 'machine' | 'holding' | 'estimated';

/** What the machine's time service says. */
export interface SyncReport {
  /** Such as `systemd-timesyncd`; undefined where no time service was found. */
  readonly service: string | undefined;
  readonly synchronised: boolean;
  /**
   * Wall clock when the service last looked at its servers. Undefined where the kernel says it: it takes its word back whenever
   * somebody sets the clock.
   */
  readonly lastSync?: number | undefined;
}

/** To be applied by whoever stamps with the line, at a moment nothing is under way. */
export interface TimeChange {
  /** `known`: what was stamped so far moves by `ms`. `jump`: only what comes from now on. */
  readonly kind: 'known' | 'jump';
  readonly ms: number;
}

export interface TimelineOptions {
  readonly wall: () => number;
  /** Milliseconds since the machine started; not affected by steps of the wall clock. */
  readonly monotonicMs: () => number;
  readonly mode: ClockMode;
  /** How long a machine whose battery keeps the time waits for its time service; Infinity without a battery. */
  readonly patienceMs: number;
  /** The line of an earlier process, if it ran since the machine was started. */
  readonly before: Origin | undefined;
  /** The latest time an earlier run knew of; -Infinity when there was none. */
  readonly lastKnown: number;
  /** The latest time anything was stamped with, known or not. */
  readonly lastStamped: number;
}

/** Whose word the line rests on: a time service's, the machine's, or nobody's because it could be waited no longer. */
export const bases = ['service', 'machine', 'estimate'] as const;
export type Basis = (typeof bases)[number];

/** Where a line began: enough to continue it as long as the machine runs. */
export interface Origin {
  /** Time of the line minus monotonic clock. */
  readonly originMs: number;
  /** Undefined while the time is not known. */
  readonly basis: Basis | undefined;
  /** Time of the line when it began. */
  readonly begin: number;
  /** The latest time known before it began. */
  readonly floor: number;
}

export class Timeline {
  readonly #options: TimelineOptions;
  readonly #floor: number;
  #begin: number;
  #origin: number;
  #basis: Basis | undefined;
  #last = -Infinity;
  /** How far ahead the line was at `#slowSince`, when it began to run slower. */
  #ahead = 0;
  #slowSince = 0;
  readonly #started: number;
  // The wall clock: its difference to the monotonic one at the last look, and when that was.
  #difference: number;
  #lookedAt: number;
  #steppedAt = -Infinity;
  /** Wall clock, as it goes now, at the earliest moment the last step can have happened. */
  #steppedFrom = -Infinity;
  #syncBeforeStep: number | undefined = undefined;
  #report: SyncReport | undefined = undefined;
  /** A service has vouched for the wall clock since it was last moved. */
  #confirmed = false;
  /** Patience has come to an end: the machine is believed until a service says more. */
  #impatient = false;
  #changedAt = -Infinity;
  #changedBy = 0;

  constructor(options: TimelineOptions) {
    const { before, lastKnown, lastStamped, wall, monotonicMs } = options;
    this.#options = options;
    const monotonic = monotonicMs();
    this.#started = this.#lookedAt = monotonic;
    this.#difference = wall() - monotonic;
    const begin = Math.max(lastKnown, lastStamped, wall(), earliestMs);
    this.#begin = before?.begin ?? begin;
    this.#floor = before?.floor ?? lastKnown;
    this.#origin = before?.originMs ?? begin - monotonic;
    this.#basis = before?.basis;
  }

  /** Epoch milliseconds, whole; never less than before. */
  now(): number {
    const monotonic = this.#options.monotonicMs();
    const now = Math.round(monotonic + this.#originAt(monotonic));
    if (now > this.#last) this.#last = now;
    return this.#last;
  }

  get known(): boolean {
    return this.#basis !== undefined;
  }

  get state(): ClockState {
    if (this.#basis === undefined) return 'unknown';
    if (this.#basis === 'estimate') return 'estimated';
    if (Math.abs(this.wallAheadMs) > disagreesMs && this.#trust() === undefined) return 'holding';
    return this.#basis === 'service' ? 'synchronised' : 'machine';
  }

  get origin(): Origin {
    const originMs = this.#originAt(this.#options.monotonicMs());
    return { originMs, basis: this.#basis, begin: this.#begin, floor: this.#floor };
  }

  /** What the wall clock says minus what the line says. */
  get wallAheadMs(): number {
    const { wall, monotonicMs } = this.#options;
    const monotonic = monotonicMs();
    return wall() - monotonic - this.#originAt(monotonic);
  }

  /** The time service that was asked last; undefined where there is none. */
  get service(): string | undefined {
    return this.#report?.service;
  }

  /** What the time service says. @param asked monotonic time when it was asked, or earlier */
  report(report: SyncReport, asked: number): void {
    this.#watch();
    this.#report = report;
    if (!report.synchronised || asked < this.#steppedAt) return;
    if (report.lastSync !== undefined && !this.#isNews(report.lastSync)) return;
    this.#confirmed = true;
    this.#impatient = false;
  }

  /** Compares the clocks; to be called every second or so. @returns what there is to be applied */
  look(): TimeChange | undefined {
    this.#watch();
    const { monotonicMs, mode, patienceMs } = this.#options;
    const monotonic = monotonicMs();
    const waits = mode === 'auto' && this.#basis === undefined && this.#report?.synchronised === false;
    if (waits && monotonic - this.#started >= patienceMs) this.#impatient = true;
    const trust = this.#trust();
    if (trust === undefined) return undefined;
    const error = this.wallAheadMs;
    // Not further back than to where the time before ended; the rest is caught up with.
    if (this.#basis === undefined) return change('known', Math.max(error, Math.min(0, this.#floor - this.#begin)));
    this.#basis = trust;
    if (error > disagreesMs) return change('jump', error);
    this.#origin = this.#originAt(monotonic) + (error > sameMs ? error : 0);
    this.#slowSince = monotonic;
    this.#ahead = error < -sameMs ? -error : 0;
    return undefined;
  }

  /** It can be waited no longer: the line is taken as it is. */
  giveUp(): TimeChange {
    return { kind: 'known', ms: 0 };
  }

  apply({ kind, ms }: TimeChange): void {
    this.#origin += ms;
    if (kind === 'known') {
      this.#basis = this.#trust() ?? 'estimate';
      this.#begin += ms;
      // What was stamped moves too.
      this.#last = -Infinity;
    }
    this.#changedAt = this.#options.monotonicMs();
    this.#changedBy = ms;
  }

  /** What to add to a time the line gave at that moment of the monotonic clock, so that it fits what it gives now. */
  shiftSince(monotonic: number): number {
    return monotonic < this.#changedAt ? this.#changedBy : 0;
  }

  #originAt(monotonic: number): number {
    if (this.#ahead === 0) return this.#origin;
    return this.#origin - Math.min(this.#ahead, (monotonic - this.#slowSince) * slowdown);
  }

  /** Notices steps of the wall clock. */
  #watch(): void {
    const { wall, monotonicMs } = this.#options;
    const monotonic = monotonicMs();
    const difference = wall() - monotonic;
    if (Math.abs(difference - this.#difference) > disagreesMs) {
      this.#steppedFrom = this.#lookedAt + difference;
      this.#steppedAt = monotonic;
      this.#confirmed = false;
      this.#syncBeforeStep = this.#report?.lastSync;
    }
    this.#difference = difference;
    this.#lookedAt = monotonic;
  }

  /** Whether the service has looked at its servers since the wall clock was moved. */
  #isNews(lastSync: number): boolean {
    if (this.#steppedAt === -Infinity) return true;
    const isOther = lastSync !== this.#syncBeforeStep;
    return isOther && lastSync >= this.#steppedFrom - aroundMs && lastSync <= this.#options.wall() + aroundMs;
  }

  /** Who vouches for the wall clock as it is now. */
  #trust(): 'service' | 'machine' | undefined {
    if (this.#confirmed) return 'service';
    const { mode, wall, monotonicMs } = this.#options;
    const isAlone = mode === 'auto' && this.#report !== undefined && this.#report.service === undefined;
    const believes = mode === 'machine' || isAlone || this.#impatient;
    return believes && wall() >= earliestMs && monotonicMs() - this.#steppedAt >= settleMs ? 'machine' : undefined;
  }
}

function change(kind: TimeChange['kind'], ms: number): TimeChange {
  return { kind, ms: Math.round(ms) };
}
