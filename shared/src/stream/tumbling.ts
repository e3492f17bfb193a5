// Tumbling windows of one series: event time cut into pieces that follow each other, aligned to UTC or to local time.
//
// A window is open until the watermark passes its end; then its pane is emitted and the window is sealed into a few dozen
// bytes. Within the allowed lateness a late reading opens it again, and the next drain emits the corrected pane (revision
// + 1): however many late readings came in between, it is one pane; with `lateEveryMs` it is one in that time.

import { ByteReader, type ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { Accumulator, needsOf, type Needs } from './accumulator.ts';
import { alignmentOf, type Alignment } from './alignment.ts';
import type { SignalContext, WindowOperator, WindowPane } from './operator.ts';
import { paneOf } from './pane-of.ts';
import { Sealed, scratchBytes } from './sealed.ts';
import { timersOf, type Timers } from './timers.ts';

export class TumblingWindows implements WindowOperator {
  readonly spec: WindowSpec;
  readonly #context: SignalContext;
  readonly #latenessMs: number;
  readonly #needs: Needs;
  readonly #alignment: Alignment;
  readonly #timers: Timers;
  accounts: boolean;
  /** Windows being filled, or opened again by a late reading since the last drain; sorted by start, seldom more than two. */
  #starts: number[] = [];
  #open: Accumulator[] = [];
  readonly #sealed = new Sealed();
  // The window last added to: nearly every reading falls into it.
  #start = NaN;
  #end = NaN;
  #current: Accumulator | undefined = undefined;

  constructor(spec: WindowSpec, latenessMs: number, context: SignalContext, accounts: boolean) {
    if (spec.shape.kind !== 'tumbling') throw new RangeError(`${spec.id} is no tumbling window`);
    this.spec = spec;
    this.#context = context;
    this.#latenessMs = latenessMs;
    this.#needs = needsOf(spec.compute);
    this.#alignment = alignmentOf(spec.shape.sizeMs, spec.shape.zone);
    this.#timers = timersOf(spec);
    this.accounts = accounts;
  }

  get openCount(): number {
    return this.#open.length;
  }

  get sealedBytes(): number {
    return this.#sealed.bytes;
  }

  add(time: number, value: number): number {
    if (this.#current !== undefined && time >= this.#start && time < this.#end) {
      this.#current.add(time, value);
      return Infinity;
    }
    const opened = this.#find(time);
    this.#current?.add(time, value);
    return opened ? this.#end : Infinity;
  }

  flag(time: number): number {
    const opened = this.#find(time);
    this.#current?.flag();
    return opened ? this.#end : Infinity;
  }

  nextDue(): number {
    const first = this.#starts.find((_, index) => !this.#waits(this.#open[index]));
    return first === undefined ? Infinity : this.#alignment.endOf(first);
  }

  lastDue(): number {
    const last = this.#starts.at(-1);
    return last === undefined ? -Infinity : this.#alignment.endOf(last);
  }

  nextTimer(): number {
    const hasNews = this.#open.some((window) => !window.closed && window.reported !== window.total);
    return this.#timers.next(hasNews, this.#open.some((window) => window.closed)); // prettier-ignore
  }

  close(watermark: number, now: number, emit: (pane: WindowPane) => void): void {
    const late = this.#timers.mayCorrect(now);
    const early = this.#timers.isEarlyDue(now);
    const starts: number[] = [];
    const open: Accumulator[] = [];
    for (const [index, start] of this.#starts.entries()) {
      const accumulator = this.#open[index];
      if (accumulator === undefined) continue;
      const end = this.#alignment.endOf(start);
      const isOver = end <= watermark;
      if (isOver && (!accumulator.closed || late || this.#isForgotten(end, watermark))) {
        if (accumulator.closed) this.#timers.corrected(now);
        emit(this.#pane(start, end, accumulator, true));
        this.#seal(start, accumulator);
        continue;
      }
      if (!isOver && early && accumulator.reported !== accumulator.total) {
        emit(this.#pane(start, end, accumulator, false));
        this.#timers.saidEarly(now);
      }
      accumulator.foldBefore(watermark - this.#latenessMs);
      starts.push(start);
      open.push(accumulator);
    }
    if (open.length < this.#open.length) {
      this.#starts = starts;
      this.#open = open;
      this.#current = undefined;
    }
    // What ends here can be reached no more: its readings are too late.
    while (this.#sealed.size > 0 && this.#isForgotten(this.#alignment.endOf(this.#sealed.oldest), watermark)) {
      this.#sealed.forgetBefore(this.#sealed.oldest + 1);
    }
  }

  forgetOldest(): number {
    const newest = this.#sealed.forgetOldest();
    return Number.isNaN(newest) ? -Infinity : this.#alignment.endOf(newest);
  }

  unreported(): number {
    if (!this.accounts) return 0;
    return this.#open.reduce((count, accumulator) => count + accumulator.total - accumulator.reported, 0);
  }

  takeOverAccount(): void {
    this.accounts = true;
    for (const accumulator of this.#open) accumulator.exemptAll();
    this.#sealed.rewrite((bytes) => {
      const accumulator = Accumulator.read(new ByteReader(bytes), this.#context);
      accumulator.exemptAll();
      return scratchBytes((to) => accumulator.write(to));
    });
  }

  write(to: ByteWriter): void {
    this.#timers.write(to);
    to.varint(this.#open.length);
    for (const [index, start] of this.#starts.entries()) {
      to.float(start);
      this.#open[index]?.write(to);
    }
    this.#sealed.write(to);
  }

  read(from: ByteReader): void {
    this.#timers.read(from);
    for (let left = from.varint(); left > 0; left--) {
      this.#starts.push(from.float());
      this.#open.push(Accumulator.read(from, this.#context));
    }
    this.#sealed.read(from);
  }

  /** Makes the window of this time the current one. @returns whether it had to be opened */
  #find(time: number): boolean {
    const start = this.#alignment.startOf(time);
    this.#start = start;
    this.#end = this.#alignment.endOf(start);
    let at = this.#starts.length;
    while (at > 0 && (this.#starts[at - 1] ?? NaN) > start) at -= 1;
    if (at > 0 && this.#starts[at - 1] === start) {
      this.#current = this.#open[at - 1];
      return false;
    }
    const bytes = this.#sealed.take(start);
    const accumulator =
      bytes === undefined
        ? Accumulator.for(this.#needs, this.#context)
        : Accumulator.read(new ByteReader(bytes), this.#context);
    this.#starts.splice(at, 0, start);
    this.#open.splice(at, 0, accumulator);
    this.#current = accumulator;
    return true;
  }

  /** Whether it is a correction that goes out at its time, wherever the watermark is. */
  #waits(window: Accumulator | undefined): boolean {
    return this.#timers.coalesces && window?.closed === true;
  }

  #pane(start: number, end: number, accumulator: Accumulator, isOver: boolean): WindowPane {
    const span = { lengthMs: end - start, heldUntil: isOver ? end : NaN };
    return paneOf(accumulator, { spec: this.spec, start, end, span, isOver, accounts: this.accounts }, this.#context);
  }

  #seal(start: number, accumulator: Accumulator): void {
    if (this.#latenessMs > 0)
      this.#sealed.put(
        start,
        scratchBytes((to) => accumulator.write(to)),
      );
  }

  #isForgotten(end: number, watermark: number): boolean {
    return end + this.#latenessMs <= watermark;
  }
}
