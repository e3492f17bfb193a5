// Count windows of one series: every `size` readings, in event-time order.
//
// Where a window ends depends on every reading before, so readings wait, sorted, until the watermark has reached their time,
// and are settled in event-time order; a window's pane is due as soon as `size` of them are settled. Readings of one event
// time are never divided: of their order nobody can say anything, and a window's start is its key. So a window can hold more
// than `size`, and a reading whose time is that of the last one settled still changes no boundary: it belongs to that
// reading's window, whether this is full or not. That makes it safe to settle a reading whose time the watermark has reached
// and not passed: without disorder the watermark is the time of the newest reading, and another of that time is in order.
//
// A reading before what is settled cannot move boundaries without restating everything after them. It is counted into the
// window whose stretch it falls into, from its start until the next one's, the first one reaching back for ever: into a
// closed one as a correction, into the one being filled as one of its `size`. A start never moves. So what comes later than
// the disorder depends on what was settled before it, that is on the drains; a replay is drained as it was live.
//
// A flagged reading is settled like others, can begin a window, and does not bring it nearer to its `size`.

import { ByteReader, type ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { Accumulator, needsOf, type Needs } from './accumulator.ts';
import type { SignalContext, WindowOperator, WindowPane } from './operator.ts';
import { paneOf } from './pane-of.ts';
import { Sealed, scratchBytes } from './sealed.ts';
import { timersOf, type Timers } from './timers.ts';

interface CountWindow {
  readonly start: number;
  /** Time of the last reading. */
  last: number;
  readonly accumulator: Accumulator;
}

/** What is known of a waiting reading besides its time and value: it is only counted; it is on another window's account. */
const mark = { none: 0, flagged: 1, exempt: 2 } as const;

const noLength = { lengthMs: NaN, heldUntil: NaN };

export class CountWindows implements WindowOperator {
  readonly spec: WindowSpec;
  readonly #context: SignalContext;
  readonly #latenessMs: number;
  readonly #needs: Needs;
  readonly #size: number;
  readonly #timers: Timers;
  accounts: boolean;
  // Readings the watermark has not reached, and those since the last drain; sorted by time, parallel.
  readonly #times: number[] = [];
  readonly #values: number[] = [];
  readonly #marks: number[] = [];
  /** Time of the last reading settled: those that wait are newer. */
  #settledThrough = -Infinity;
  /** Closed windows late readings have changed, and at the end the one being filled; sorted by start. */
  #open: CountWindow[] = [];
  /** The time of the last reading, and the accumulator; also of the newest window, which has no end yet. */
  readonly #sealed = new Sealed();

  constructor(spec: WindowSpec, latenessMs: number, context: SignalContext, accounts: boolean) {
    if (spec.shape.kind !== 'count') throw new RangeError(`${spec.id} is no count window`);
    this.spec = spec;
    this.#context = context;
    this.#latenessMs = latenessMs;
    this.#needs = needsOf(spec.compute);
    this.#size = spec.shape.size;
    this.#timers = timersOf(spec);
    this.accounts = accounts;
  }

  /** The readings that wait are one more. */
  get openCount(): number {
    return this.#open.length + (this.#times.length > 0 ? 1 : 0);
  }

  get sealedBytes(): number {
    return this.#sealed.bytes;
  }

  /** What the watermark has passed is settled before the reading is looked at, not at some drain. */
  add(time: number, value: number, watermark = -Infinity): number {
    if ((this.#times[0] ?? Infinity) <= watermark) this.#settle(watermark);
    if (time > this.#settledThrough) return this.#wait(time, value, mark.none);
    const window = this.#windowOf(time);
    window.accumulator.add(time, value);
    return this.#isOver(window) ? -Infinity : Infinity;
  }

  flag(time: number, watermark = -Infinity): number {
    if ((this.#times[0] ?? Infinity) <= watermark) this.#settle(watermark);
    if (time > this.#settledThrough) return this.#wait(time, 0, mark.flagged);
    const window = this.#windowOf(time);
    window.accumulator.flag();
    return this.#isOver(window) ? -Infinity : Infinity;
  }

  /** A window that is not full is not due, however long it takes. */
  nextDue(): number {
    const isDue = this.#open.some(
      (window) => this.#isOver(window) && !(this.#timers.coalesces && window.accumulator.closed),
    );
    return isDue ? -Infinity : (this.#times[0] ?? Infinity);
  }

  lastDue(): number {
    return this.#times.at(-1) ?? -Infinity;
  }

  nextTimer(): number {
    const hasNews = this.#open.some(
      ({ accumulator }) => !accumulator.closed && accumulator.reported !== accumulator.total,
    );
    return this.#timers.next(hasNews, this.#open.some(({ accumulator }) => accumulator.closed)); // prettier-ignore
  }

  close(watermark: number, now: number, emit: (pane: WindowPane) => void): void {
    this.#settle(watermark);
    const late = this.#timers.mayCorrect(now);
    const early = this.#timers.isEarlyDue(now);
    const oldest = watermark - this.#latenessMs;
    // No reading that is accepted from here on falls into an earlier window.
    const oldestStart = this.#newestStartBefore(oldest);
    const open: CountWindow[] = [];
    for (const window of this.#open) {
      const { start, accumulator } = window;
      const isOver = this.#isOver(window);
      if (isOver && (!accumulator.closed || late || start < oldestStart)) {
        if (accumulator.closed) this.#timers.corrected(now);
        emit(this.#pane(window, isOver));
        this.#sealed.put(start, sealedBytes(window.last, accumulator));
        continue;
      }
      if (!isOver && early && accumulator.reported !== accumulator.total) {
        emit(this.#pane(window, isOver));
        this.#timers.saidEarly(now);
      }
      accumulator.foldBefore(oldest);
      open.push(window);
    }
    this.#open = open;
    this.#sealed.forgetBefore(oldestStart);
  }

  forgetOldest(): number {
    // The newest window has to stay: a reading of its last one's time belongs to it.
    if (this.#sealed.size < 2 && !((this.#open.at(-1)?.start ?? NaN) > this.#sealed.oldest)) return -Infinity;
    const newest = this.#sealed.forgetOldest();
    const next = this.#open.find(({ start }) => start > newest)?.start ?? Infinity;
    return this.#sealed.oldest < next ? this.#sealed.oldest : next;
  }

  unreported(): number {
    if (!this.accounts) return 0;
    const waiting = this.#marks.reduce((count, marks) => count + ((marks & mark.exempt) === 0 ? 1 : 0), 0);
    return this.#open.reduce((count, { accumulator }) => count + accumulator.total - accumulator.reported, waiting);
  }

  takeOverAccount(): void {
    this.accounts = true;
    for (const [index, marks] of this.#marks.entries()) this.#marks[index] = marks | mark.exempt;
    for (const { accumulator } of this.#open) accumulator.exemptAll();
    this.#sealed.rewrite((bytes) => {
      const { last, accumulator } = readSealed(bytes, this.#context);
      accumulator.exemptAll();
      return sealedBytes(last, accumulator);
    });
  }

  write(to: ByteWriter): void {
    this.#timers.write(to);
    to.float(this.#settledThrough);
    to.varint(this.#times.length);
    for (const [index, time] of this.#times.entries()) {
      to.float(time);
      to.float(this.#values[index] ?? NaN);
      to.varint(this.#marks[index] ?? mark.none);
    }
    to.varint(this.#open.length);
    for (const { start, last, accumulator } of this.#open) {
      to.float(start);
      to.float(last);
      accumulator.write(to);
    }
    this.#sealed.write(to);
  }

  read(from: ByteReader): void {
    this.#timers.read(from);
    this.#settledThrough = from.float();
    for (let left = from.varint(); left > 0; left--) this.#wait(from.float(), from.float(), from.varint());
    for (let left = from.varint(); left > 0; left--) {
      const [start, last] = [from.float(), from.float()];
      this.#open.push({ start, last, accumulator: Accumulator.read(from, this.#context) });
    }
    this.#sealed.read(from);
  }

  /** @returns its time: it is settled when the watermark is there */
  #wait(time: number, value: number, marks: number): number {
    const times = this.#times;
    let at = times.length;
    while (at > 0 && (times[at - 1] ?? NaN) > time) at -= 1;
    if (at === times.length) {
      times.push(time);
      this.#values.push(value);
      this.#marks.push(marks);
    } else {
      times.splice(at, 0, time);
      this.#values.splice(at, 0, value);
      this.#marks.splice(at, 0, marks);
    }
    return time;
  }

  #settle(watermark: number): void {
    const times = this.#times;
    let count = 0;
    for (; count < times.length; count++) {
      const time = times[count] ?? NaN;
      if (time > watermark) break;
      const { accumulator } = this.#filling(time);
      this.#settledThrough = time;
      const marks = this.#marks[count] ?? mark.none;
      if ((marks & mark.flagged) === 0) accumulator.add(time, this.#values[count] ?? NaN);
      else accumulator.flag();
      if ((marks & mark.exempt) === 0) continue;
      accumulator.exempt += 1;
      accumulator.reported += 1;
    }
    this.#times.splice(0, count);
    this.#values.splice(0, count);
    this.#marks.splice(0, count);
  }

  /** The window the next reading to settle goes into: the newest one until it is full. */
  #filling(time: number): CountWindow {
    const newest = this.#open.at(-1);
    if (newest !== undefined && (!this.#isOver(newest) || newest.last === time)) {
      newest.last = time;
      return newest;
    }
    const opened = { start: time, last: time, accumulator: Accumulator.for(this.#needs, this.#context) };
    this.#open.push(opened);
    return opened;
  }

  /** The window a reading falls into that is no newer than what is settled. */
  #windowOf(time: number): CountWindow {
    let at = this.#open.length;
    while (at > 0 && (this.#open[at - 1]?.start ?? NaN) > time) at -= 1;
    const before = this.#open[at - 1];
    const sealed = this.#sealed.startsBetween(before?.start ?? -Infinity, time).at(-1);
    const window =
      this.#thaw(time, at) ??
      this.#thaw(sealed ?? NaN, at) ??
      before ??
      // Before the first one.
      (this.#sealed.oldest < (this.#open[0]?.start ?? Infinity) ? this.#thaw(this.#sealed.oldest, 0) : this.#open[0]);
    if (window === undefined) throw new RangeError(`${this.spec.id} has settled readings and no window`);
    window.last = Math.max(window.last, time);
    return window;
  }

  /** Opens the sealed window that starts here, if there is one. */
  #thaw(start: number, at: number): CountWindow | undefined {
    const bytes = this.#sealed.take(start);
    if (bytes === undefined) return undefined;
    const window = { start, ...readSealed(bytes, this.#context) };
    this.#open.splice(at, 0, window);
    return window;
  }

  /** -Infinity when there is none. */
  #newestStartBefore(time: number): number {
    let newest = this.#sealed.startsBetween(-Infinity, time).at(-1) ?? -Infinity;
    for (const { start } of this.#open) if (start > newest && start < time) newest = start;
    return newest;
  }

  /** Whether its boundaries are drawn: all but the one being filled. */
  #isOver({ accumulator }: CountWindow): boolean {
    return accumulator.count >= this.#size;
  }

  #pane(window: CountWindow, isOver: boolean): WindowPane {
    const { start, last: end, accumulator } = window;
    const frame = { spec: this.spec, start, end, span: noLength, isOver, accounts: this.accounts };
    return paneOf(accumulator, frame, this.#context);
  }
}

function sealedBytes(last: number, accumulator: Accumulator): Uint8Array {
  return scratchBytes((to) => {
    to.float(last);
    accumulator.write(to);
  });
}

function readSealed(bytes: Uint8Array, context: SignalContext): { last: number; accumulator: Accumulator } {
  const from = new ByteReader(bytes);
  return { last: from.float(), accumulator: Accumulator.read(from, context) };
}
