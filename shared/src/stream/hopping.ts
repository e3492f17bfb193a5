// Hopping windows of one series: a window of `sizeMs` begins at every whole multiple of `slideMs` since 1970 (UTC).
//
// Event time is cut into slices that no window's edge divides; a reading goes into one slice, however many windows overlap
// there, and a window's pane is its slices put together (Li, Maier, Tufte, Papadimos, Tucker: "No pane, no gain", SIGMOD
// Record 34, 2005). Sums are exact, so it does not show in the result. Slices that windows to come still need stay as
// they are; older ones are sealed within the lateness, and a late reading restates every window it falls into.
//
// Each slice is on the account of one window, the first to end of those it belongs to.

import { ByteReader, type ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { Accumulator, needsOf, type Needs } from './accumulator.ts';
import type { SignalContext, WindowOperator, WindowPane } from './operator.ts';
import { Sealed, scratchBytes } from './sealed.ts';
import { timersOf, type Timers } from './timers.ts';

export class HoppingWindows implements WindowOperator {
  readonly spec: WindowSpec;
  readonly #context: SignalContext;
  readonly #latenessMs: number;
  readonly #needs: Needs;
  readonly #sizeMs: number;
  readonly #slideMs: number;
  readonly #sliceMs: number;
  readonly #timers: Timers;
  accounts: boolean;
  /** Slices that windows still to come need, and older ones a late reading has fallen into; sorted by start. */
  #starts: number[] = [];
  #slices: Accumulator[] = [];
  readonly #sealed = new Sealed();
  /** Every window that ends here or earlier has had its on-time pane, if there was anything in it. */
  #closedThrough = -Infinity;
  /** Revision of the next pane of every window that had one and may get another, by the window's end. */
  readonly #revisions = new Map<number, number>();
  /** Ends of closed windows that late readings have changed. */
  readonly #corrected = new Set<number>();
  #start = NaN;
  #current: Accumulator | undefined = undefined;

  constructor(spec: WindowSpec, latenessMs: number, context: SignalContext, accounts: boolean) {
    if (spec.shape.kind !== 'hopping') throw new RangeError(`${spec.id} is no hopping window`);
    this.spec = spec;
    this.#context = context;
    this.#latenessMs = latenessMs;
    this.#needs = needsOf(spec.compute);
    this.#sizeMs = spec.shape.sizeMs;
    this.#slideMs = spec.shape.slideMs;
    this.#sliceMs = sliceMs(spec.shape.sizeMs, spec.shape.slideMs);
    this.#timers = timersOf(spec);
    this.accounts = accounts;
  }

  get openCount(): number {
    return this.#slices.length;
  }

  get sealedBytes(): number {
    return this.#sealed.bytes + this.#revisions.size * 16;
  }

  add(time: number, value: number): number {
    if (!(time >= this.#start && time < this.#start + this.#sliceMs)) this.#find(time);
    this.#current?.add(time, value);
    return this.#dueAfter(this.#start);
  }

  flag(time: number): number {
    if (!(time >= this.#start && time < this.#start + this.#sliceMs)) this.#find(time);
    this.#current?.flag();
    return this.#dueAfter(this.#start);
  }

  nextDue(): number {
    // Corrections that are coalesced go out at their time, wherever the watermark is.
    if (this.#corrected.size > 0 && !this.#timers.coalesces) return -Infinity;
    for (const start of this.#starts) {
      const end = Math.max(this.#firstEnd(start), this.#closedThrough + this.#slideMs);
      if (end <= start + this.#sizeMs) return end;
    }
    return Infinity;
  }

  lastDue(): number {
    const last = this.#starts.at(-1);
    const end = last === undefined ? -Infinity : this.#lastEnd(last);
    return end > this.#closedThrough ? end : -Infinity;
  }

  nextTimer(): number {
    return this.#timers.next(false, this.#corrected.size > 0);
  }

  close(watermark: number, now: number, emit: (pane: WindowPane) => void): void {
    const due = this.#dueEnds(watermark);
    const forgottenEnd = watermark - this.#latenessMs;
    const mayCorrect = this.#timers.mayCorrect(now);
    const corrections = [...this.#corrected].filter((end) => mayCorrect || end <= forgottenEnd);
    corrections.sort((a, b) => a - b);
    if (corrections.length > 0) {
      this.#timers.corrected(now);
      this.#thaw((corrections[0] ?? NaN) - this.#sizeMs, corrections.at(-1) ?? NaN);
    }
    for (const end of corrections) {
      this.#corrected.delete(end);
      emit(this.#pane(end));
    }
    for (const end of due) emit(this.#pane(end));
    this.#closedThrough = Math.max(this.#closedThrough, this.#endBy(watermark));
    this.#sealPassed();
    // A late reading restates windows that reach back from it as far as they are long.
    this.#sealed.forgetBefore(forgottenEnd - this.#sizeMs);
    for (const end of this.#revisions.keys()) {
      // The newest reading a window could still get lies before its end.
      if (end > forgottenEnd) break;
      this.#revisions.delete(end);
    }
    this.#current = undefined;
    this.#start = NaN;
  }

  forgetOldest(): number {
    // What waits to go out would go out without the slices forgotten.
    if (this.#corrected.size > 0) return -Infinity;
    const newest = this.#sealed.forgetOldest();
    // Windows that overlap a forgotten slice would be restated without it.
    return Number.isNaN(newest) ? -Infinity : newest + this.#sliceMs + this.#sizeMs;
  }

  unreported(): number {
    if (!this.accounts) return 0;
    return this.#slices.reduce((count, slice) => count + slice.total - slice.reported, 0);
  }

  takeOverAccount(): void {
    this.accounts = true;
    for (const slice of this.#slices) slice.exemptAll();
    this.#sealed.rewrite((bytes) => {
      const slice = Accumulator.read(new ByteReader(bytes), this.#context);
      slice.exemptAll();
      return scratchBytes((to) => slice.write(to));
    });
  }

  write(to: ByteWriter): void {
    this.#timers.write(to);
    to.float(this.#closedThrough);
    to.varint(this.#slices.length);
    for (const [index, start] of this.#starts.entries()) {
      to.float(start);
      this.#slices[index]?.write(to);
    }
    this.#sealed.write(to);
    to.varint(this.#revisions.size);
    for (const [end, revision] of this.#revisions) {
      to.float(end);
      to.varint(revision);
    }
    to.varint(this.#corrected.size);
    for (const end of this.#corrected) to.float(end);
  }

  read(from: ByteReader): void {
    this.#timers.read(from);
    this.#closedThrough = from.float();
    for (let left = from.varint(); left > 0; left--) {
      this.#starts.push(from.float());
      this.#slices.push(Accumulator.read(from, this.#context));
    }
    this.#sealed.read(from);
    for (let left = from.varint(); left > 0; left--) this.#revisions.set(from.float(), from.varint());
    for (let left = from.varint(); left > 0; left--) this.#corrected.add(from.float());
  }

  /** Ends of the windows with something in them that the watermark has passed and that had no pane yet. */
  #dueEnds(watermark: number): number[] {
    const ends: number[] = [];
    let after = this.#closedThrough;
    for (const start of this.#starts) {
      const last = Math.min(this.#lastEnd(start), this.#endBy(watermark));
      for (let end = Math.max(this.#firstEnd(start), after + this.#slideMs); end <= last; end += this.#slideMs) {
        ends.push(end);
        after = end;
      }
    }
    return ends;
  }

  #pane(end: number): WindowPane {
    const start = end - this.#sizeMs;
    const slices = this.#between(start, end);
    const all = Accumulator.together(slices, this.#needs, this.#context);
    let accounted = 0;
    let fresh = 0;
    // The last piece of a window, as long as the slide, is on its account.
    for (const slice of this.#between(end - this.#slideMs, end)) {
      accounted += slice.total - slice.exempt;
      fresh += slice.total - slice.reported;
      slice.reported = slice.total;
    }
    const revision = this.#revisions.get(end) ?? 0;
    if (this.#latenessMs > 0) this.#revisions.set(end, revision + 1);
    const span = { lengthMs: this.#sizeMs, heldUntil: end };
    return {
      window: this.spec,
      start,
      end,
      timing: revision === 0 ? 'on_time' : 'late',
      revision,
      retracted: false,
      count: all.count,
      accounted: this.accounts ? accounted : 0,
      fresh: this.accounts ? fresh : 0,
      values: this.spec.compute.map((statistic) => all.value(statistic, span, this.#context)),
    };
  }

  /** Makes the slice of this time the current one, and notes which closed windows it changes. */
  #find(time: number): void {
    const start = Math.floor(time / this.#sliceMs) * this.#sliceMs;
    this.#start = start;
    const at = this.#placeOf(start);
    if (this.#starts[at] === start) this.#current = this.#slices[at];
    else {
      this.#current = this.#fromSealed(start) ?? Accumulator.for(this.#needs, this.#context);
      this.#starts.splice(at, 0, start);
      this.#slices.splice(at, 0, this.#current);
    }
    const lastClosed = Math.min(this.#lastEnd(start), this.#closedThrough);
    for (let end = this.#firstEnd(start); end <= lastClosed; end += this.#slideMs) this.#corrected.add(end);
  }

  #dueAfter(start: number): number {
    return this.#corrected.size > 0 ? -Infinity : Math.max(this.#firstEnd(start), this.#closedThrough + this.#slideMs);
  }

  #fromSealed(start: number): Accumulator | undefined {
    const bytes = this.#sealed.take(start);
    return bytes === undefined ? undefined : Accumulator.read(new ByteReader(bytes), this.#context);
  }

  /** Opens what is sealed between two times. */
  #thaw(from: number, to: number): void {
    for (const start of this.#sealed.startsBetween(from, to)) {
      const slice = this.#fromSealed(start);
      if (slice === undefined) continue;
      const at = this.#placeOf(start);
      this.#starts.splice(at, 0, start);
      this.#slices.splice(at, 0, slice);
    }
  }

  /** Seals the slices that only closed windows have a part in. */
  #sealPassed(): void {
    let passed = 0;
    for (const [index, start] of this.#starts.entries()) {
      const slice = this.#slices[index];
      // A correction that waits for its time keeps its slices open.
      if (this.#lastEnd(start) > this.#closedThrough || slice?.reported !== slice?.total) break;
      passed += 1;
    }
    if (passed === 0) return;
    const slices = this.#slices.splice(0, passed);
    for (const [index, start] of this.#starts.splice(0, passed).entries()) {
      const slice = slices[index];
      if (slice !== undefined && this.#latenessMs > 0)
        this.#sealed.put(
          start,
          scratchBytes((to) => slice.write(to)),
        );
    }
  }

  #between(from: number, to: number): Accumulator[] {
    return this.#slices.slice(this.#placeOf(from), this.#placeOf(to));
  }

  /** Index of the first slice that starts at `start` or later. */
  #placeOf(start: number): number {
    let at = this.#starts.length;
    while (at > 0 && (this.#starts[at - 1] ?? NaN) >= start) at -= 1;
    return at;
  }

  /** End of the first window a slice belongs to. */
  #firstEnd(start: number): number {
    return this.#endBy(start) + this.#slideMs;
  }

  /** End of the last window a slice belongs to. */
  #lastEnd(start: number): number {
    return this.#endBy(start + this.#sizeMs);
  }

  /** The last end of a window at or before this time. */
  #endBy(time: number): number {
    return Math.floor((time - this.#sizeMs) / this.#slideMs) * this.#slideMs + this.#sizeMs;
  }
}

/** The longest slice that no edge of a window divides: the greatest common divisor of size and slide. */
export function sliceMs(sizeMs: number, slideMs: number): number {
  return slideMs === 0 ? sizeMs : sliceMs(slideMs, sizeMs % slideMs);
}
