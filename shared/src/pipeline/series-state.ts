// Everything the pipeline knows about one series: its watermark, what it judges readings by, its windows, and what it has
// lost.

import { holds } from '../alert/comparison.ts';
import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Pane } from '../model/pane.ts';
import { lossReasons, type LossReason } from '../model/reading.ts';
import type { Series } from '../model/series.ts';
import type { SignalContext, WindowOperator } from '../stream/operator.ts';
import { Repeats } from '../stream/repeats.ts';
import { Watermark } from '../stream/watermark.ts';
import { openWindows } from '../stream/windows.ts';
import { Judge } from './judge.ts';
import type { AlertFeed } from './alert-feed.ts';
import { windowKey, type SignalPlan } from './plan.ts';

/** Repetitions are remembered by pieces of event time; a piece in use is looked up quickly, the others are packed. */
const repeatsPieceMs = 300_000;

export class SeriesState {
  readonly series: Series;
  readonly plan: SignalPlan;
  readonly watermark: Watermark;
  readonly windows: readonly WindowOperator[];
  /** Alarms that look at its readings. */
  readonly feeds: AlertFeed[] = [];
  readonly judge: Judge | undefined;
  readonly repeats: Repeats | undefined;
  readonly hasEarlyPanes: boolean;
  /** Arrival time of the last accepted reading, epoch milliseconds. */
  lastArrival = -Infinity;
  /** The newest reading that counts: alarms that come later have to know it, and others ask for it. */
  newestTime = -Infinity;
  newestValue = NaN;
  /** When that arrived. */
  newestArrival = -Infinity;
  /** When the watermark reaches this event time, a window is due; keeps the hot path to one comparison. */
  nextDue = Infinity;
  /** When the arrival clock reaches this time, an early or late pane is due. */
  nextTimer = Infinity;
  /** Whether the pipeline already has it on its list of series with something due. */
  listed = false;
  /** Bytes held for late readings, as of the last `close`. */
  heldBytes = 0;
  /** Where the lateness of an earlier plan ended, or memory did: what is older may be forgotten already. */
  #floor = -Infinity;
  #losses: Map<LossReason, number> | undefined = undefined;

  constructor(series: Series, plan: SignalPlan) {
    this.series = series;
    this.plan = plan;
    this.watermark = new Watermark(plan.disorderMs);
    const { context, accountant } = commonOf(plan);
    this.windows = plan.windows.map((spec, index) =>
      openWindows(spec, { latenessMs: plan.latenessMs, context, accounts: index === accountant }),
    );
    this.hasEarlyPanes = plan.windows.some(({ earlyEveryMs }) => earlyEveryMs > 0);
    this.judge = Judge.for(plan);
    this.repeats = plan.mayRepeat ? new Repeats(repeatsPieceMs) : undefined;
  }

  /** Event time before which readings come too late. */
  get oldest(): number {
    return Math.max(this.watermark.time - this.plan.latenessMs, this.#floor);
  }

  /** The arrival clock is put ahead. Event times that come from it jump too, and nothing has lasted the longer for it. */
  jump(ms: number): void {
    if (this.watermark.newest === this.lastArrival) {
      this.judge?.jump(ms);
    }
    this.lastArrival += ms;
  }

  lose(reason: LossReason, count = 1): void {
    this.#losses ??= new Map();
    this.#losses.set(reason, (this.#losses.get(reason) ?? 0) + count);
  }

  /** What was refused, by why. */
  get losses(): ReadonlyMap<LossReason, number> {
    return this.#losses ?? noLosses;
  }

  /** A window may have been opened: early panes of it wait for time. */
  arm(): void {
    for (const window of this.windows) this.nextTimer = Math.min(this.nextTimer, window.nextTimer());
  }

  /** Readings held that no pane has reported yet. */
  unreported(): number {
    return this.windows.reduce((sum, window) => sum + window.unreported(), 0);
  }

  /** Windows, or slices of windows, being filled. */
  get openWindows(): number {
    return this.windows.reduce((sum, window) => sum + window.openCount, 0);
  }

  /** Emits every pane that is due. @param now the arrival clock: early and late panes wait for it */
  close(now: number, emit: (pane: Pane) => void): void {
    const watermark = this.watermark.time;
    for (const window of this.windows) {
      window.close(watermark, now, (pane) => emit({ series: this.series, ...pane }));
    }
    this.repeats?.forget(this.oldest);
    this.#look();
  }

  /** Gives up the oldest of what is held for late readings, of the window that holds most. @returns the bytes freed */
  forgetOldest(): number {
    const before = this.heldBytes;
    const largest = this.windows.reduce<WindowOperator | undefined>(
      (most, window) => (window.sealedBytes > (most?.sealedBytes ?? 0) ? window : most),
      undefined,
    );
    this.#floor = Math.max(this.#floor, largest?.forgetOldest() ?? -Infinity);
    this.repeats?.forget(this.oldest);
    this.#look();
    return before - this.heldBytes;
  }

  /**
   * The idle rule: of a series that is silent it is assumed that its time goes on with the arrival clock.
   * @returns the event time it has then come to; -Infinity while it is not silent
   */
  silentTime(now: number, idleAfterMs: number): number {
    if (this.lastArrival === -Infinity) return -Infinity;
    const silentMs = now === Infinity ? Infinity : now - this.lastArrival;
    return silentMs >= idleAfterMs ? this.watermark.observed + silentMs : -Infinity;
  }

  /**
   * Lets the watermark follow that time, as far as there is something to close and no further, so that what was held back
   * is late as seldom as can be.
   * @returns whether anything is due now
   */
  liftTo(time: number): boolean {
    const last = this.windows.reduce((latest, window) => Math.max(latest, window.lastDue()), -Infinity);
    const reached = Math.min(last, time);
    // Where nothing comes of it, it stays: a tick that changes nothing need not be remembered.
    if (Math.max(reached, this.watermark.time) < this.nextDue) return false;
    this.watermark.liftTo(reached);
    return true;
  }

  #look(): void {
    this.nextDue = Infinity;
    this.nextTimer = Infinity;
    this.heldBytes = this.repeats?.bytes ?? 0;
    for (const window of this.windows) {
      this.nextDue = Math.min(this.nextDue, window.nextDue());
      this.nextTimer = Math.min(this.nextTimer, window.nextTimer());
      this.heldBytes += window.sealedBytes;
    }
  }

  write(to: ByteWriter): void {
    const [newest, lifted] = this.watermark.state();
    to.float(newest);
    to.float(lifted);
    to.float(this.oldest);
    to.float(this.lastArrival);
    to.float(this.newestTime);
    to.float(this.newestValue);
    to.varint(this.heldBytes);
    to.float(this.nextDue);
    to.float(this.nextTimer);
    to.varint(this.losses.size);
    for (const [reason, count] of this.losses) {
      to.text(reason);
      to.varint(count);
    }
    // The one that accounts for the readings first: whoever reads this may have other windows.
    const windows = this.windows.toSorted((a, b) => Number(b.accounts) - Number(a.accounts));
    const parts: Keyed[] = [
      ...windows.map((window) => ({ key: windowKey(window.spec), part: window })),
      ...this.#others(),
    ];
    to.varint(parts.length);
    for (const { key, part } of parts) {
      const inner = new ByteWriter();
      part.write(inner);
      to.text(key);
      to.blob(inner.take());
    }
  }

  /** @returns the keys of windows that exist no more, whose state is dropped */
  read(from: ByteReader): string[] {
    const dropped: string[] = [];
    const [newest, lifted] = [from.float(), from.float()];
    this.watermark.restore(newest, lifted);
    this.#floor = from.float();
    this.lastArrival = from.float();
    this.newestTime = from.float();
    this.newestValue = from.float();
    const [heldBytes, nextDue, nextTimer] = [from.varint(), from.float(), from.float()];
    for (let left = from.varint(); left > 0; left--) {
      const name = from.text();
      const count = from.varint();
      const reason = lossReasons.find((known) => known === name);
      if (reason !== undefined) this.lose(reason, count);
    }
    const parts: Keyed[] = [
      ...this.windows.map((window) => ({ key: windowKey(window.spec), part: window })),
      ...this.#others(),
    ];
    let first: string | undefined;
    for (let left = from.varint(); left > 0; left--) {
      const key = from.text();
      const bytes = from.blob();
      first ??= key;
      const found = parts.find((candidate) => candidate.key === key);
      if (found === undefined) dropped.push(key);
      else found.part.read(new ByteReader(bytes));
    }
    this.#accountBy(first);
    this.#look();
    // As it was: looking earlier or later than without the restart, the limit of memory would strike at another time.
    this.heldBytes = heldBytes;
    this.nextDue = Math.min(this.nextDue, nextDue);
    this.nextTimer = Math.min(this.nextTimer, nextTimer);
    return dropped.filter((key) => !keysOfOthers.has(key));
  }

  #others(): Keyed[] {
    return [
      ...(this.judge === undefined ? [] : [{ key: 'judge', part: this.judge }]),
      ...(this.repeats === undefined ? [] : [{ key: 'repeats', part: this.repeats }]),
    ];
  }

  /** Whichever window accounted goes on doing so; when the plan has it no more, its own choice takes over. */
  #accountBy(key: string | undefined): void {
    if (this.plan.derived !== undefined) return;
    const same = this.windows.find((window) => windowKey(window.spec) === key);
    if (same === undefined) this.windows.find((window) => window.accounts)?.takeOverAccount();
    else for (const window of this.windows) window.accounts = window === same;
  }
}

interface Keyed {
  readonly key: string;
  readonly part: { write(to: ByteWriter): void; read(from: ByteReader): void };
}

const noLosses: ReadonlyMap<LossReason, number> = new Map();

const keysOfOthers: ReadonlySet<string> = new Set(['judge', 'repeats']);

/** What all series of a signal have in common. */
interface Common {
  readonly context: SignalContext;
  /** Index of the window that accounts for the readings. */
  readonly accountant: number;
}

const common = new WeakMap<SignalPlan, Common>();

function commonOf(plan: SignalPlan): Common {
  let known = common.get(plan);
  if (known === undefined) {
    const { expectMs, on } = plan;
    const context = { expectMs, isOn: (value: number): boolean => holds(on, value) };
    // Derived readings never came in: they are on nobody's account.
    const accountant = plan.derived === undefined ? accountantOf(plan) : -1;
    common.set(plan, (known = { context, accountant }));
  }
  return known;
}

/** The first window whose panes do not overlap, if there is one. */
function accountantOf({ windows }: SignalPlan): number {
  const plain = windows.findIndex(({ shape }) => shape.kind !== 'hopping');
  return plain === -1 ? 0 : plain;
}
