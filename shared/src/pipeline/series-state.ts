// Everything the pipeline knows about one series: its watermark, its windows, its rules.

import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Pane } from '../model/pane.ts';
import type { Series } from '../model/series.ts';
import { RuleState } from '../alert/rule.ts';
import { TumblingWindows } from '../stream/tumbling.ts';
import { Watermark } from '../stream/watermark.ts';
import { ruleKey, windowKey, type SignalPlan } from './plan.ts';

export class SeriesState {
  readonly series: Series;
  readonly plan: SignalPlan;
  readonly watermark: Watermark;
  readonly windows: readonly TumblingWindows[];
  readonly rules: readonly RuleState[];
  /** Arrival time of the last accepted reading, epoch milliseconds. */
  lastArrival = -Infinity;
  /** When the watermark reaches this event time, a window is due; keeps the hot path to one comparison. */
  nextEnd = Infinity;
  /** Whether the pipeline already has it on its list of series with something due. */
  listed = false;
  /** Where the lateness of an earlier plan ended; what is older may be forgotten already. */
  #floor = -Infinity;

  constructor(series: Series, plan: SignalPlan) {
    this.series = series;
    this.plan = plan;
    this.watermark = new Watermark(plan.disorderMs);
    this.windows = plan.windows.map((spec, index) => new TumblingWindows(spec, plan.latenessMs, index === 0));
    this.rules = plan.rules.map((rule) => new RuleState(rule));
  }

  /** Event time before which readings come too late. */
  get oldest(): number {
    return Math.max(this.watermark.time - this.plan.latenessMs, this.#floor);
  }

  get openWindows(): number {
    return this.windows.reduce((sum, window) => sum + window.openCount, 0);
  }

  unreported(): number {
    return this.windows.reduce((sum, window) => sum + window.unreported(), 0);
  }

  /** Closes every window the watermark has passed. */
  close(emit: (pane: Pane) => void): void {
    const watermark = this.watermark.time;
    for (const window of this.windows) window.close(watermark, this.series, emit);
    this.nextEnd = this.windows.reduce((earliest, window) => Math.min(earliest, window.nextEnd()), Infinity);
  }

  /** The idle rule: nothing more is expected, so what is open may close. @returns whether anything is due now */
  liftToEndOfOpen(): boolean {
    const end = this.windows.reduce((latest, window) => Math.max(latest, window.lastEnd()), -Infinity);
    this.watermark.liftTo(end);
    return Number.isFinite(end);
  }

  write(to: ByteWriter): void {
    const [newest, lifted] = this.watermark.state();
    to.float(newest);
    to.float(lifted);
    to.float(this.oldest);
    to.float(this.lastArrival);
    // The one that accounts for the readings first: whoever reads this may have other windows.
    const windows = this.windows.toSorted((a, b) => Number(b.accounts) - Number(a.accounts));
    to.varint(windows.length);
    for (const window of windows) writeKeyed(to, windowKey(window.spec), (inner) => window.write(inner));
    to.varint(this.rules.length);
    for (const state of this.rules) writeKeyed(to, ruleKey(state.rule), (inner) => state.write(inner));
  }

  /** @returns the keys of windows and rules that exist no more, whose state is dropped */
  read(from: ByteReader): string[] {
    const dropped: string[] = [];
    const [newest, lifted] = [from.float(), from.float()];
    this.watermark.restore(newest, lifted);
    this.#floor = from.float();
    this.lastArrival = from.float();
    const [accounted] = readKeyed(from, this.windows, (window) => windowKey(window.spec), dropped);
    this.#accountBy(accounted);
    readKeyed(from, this.rules, (state) => ruleKey(state.rule), dropped);
    this.nextEnd = this.windows.reduce((earliest, window) => Math.min(earliest, window.nextEnd()), Infinity);
    return dropped;
  }

  /** Whichever window accounted goes on doing so; when the plan has it no more, the first takes over. */
  #accountBy(key: string | undefined): void {
    const same = this.windows.find((window) => windowKey(window.spec) === key);
    if (same === undefined) this.windows[0]?.takeOverAccount();
    else for (const window of this.windows) window.accounts = window === same;
  }
}

function writeKeyed(to: ByteWriter, key: string, write: (inner: ByteWriter) => void): void {
  const inner = new ByteWriter();
  write(inner);
  to.text(key);
  to.blob(inner.take());
}

function readKeyed<T extends { read(from: ByteReader): void }>(
  from: ByteReader,
  parts: readonly T[],
  keyOf: (part: T) => string,
  dropped: string[],
): string[] {
  const keys: string[] = [];
  for (let left = from.varint(); left > 0; left--) {
    const key = from.text();
    keys.push(key);
    const bytes = from.blob();
    const part = parts.find((candidate) => keyOf(candidate) === key);
    if (part === undefined) dropped.push(key);
    else part.read(new ByteReader(bytes));
  }
  return keys;
}
