// Tumbling windows of one series: event time cut into pieces of one size, aligned to the epoch.
//
// A window is open until the watermark passes its end; then its pane is emitted (revision 0) and the window is sealed into
// a few dozen bytes. Within the allowed lateness a late reading thaws it, and the next drain emits the corrected pane
// (revision + 1): however many late readings came in between, it is one pane. Beyond the lateness the bytes are dropped; the
// caller has refused readings that old before they get here.

import { ByteReader, ByteWriter } from '../model/bytes.ts';
import type { Pane, WindowSpec } from '../model/pane.ts';
import type { Series } from '../model/series.ts';
import { Accumulator } from './accumulator.ts';

export class TumblingWindows {
  readonly spec: WindowSpec;
  readonly #latenessMs: number;
  /** Whether this window accounts for the series' readings: exactly one window of a series does. */
  accounts: boolean;
  /** Windows being filled, or thawed by a late reading since the last drain. */
  readonly #open = new Map<number, Accumulator>();
  /** Emitted windows within the allowed lateness, in the order they closed. */
  readonly #sealed = new Map<number, Uint8Array>();
  // The window last added to: nearly every reading falls into it.
  #start = NaN;
  #current: Accumulator | undefined;

  constructor(spec: WindowSpec, latenessMs: number, accounts: boolean) {
    this.spec = spec;
    this.#latenessMs = latenessMs;
    this.accounts = accounts;
  }

  get openCount(): number {
    return this.#open.size;
  }

  get sealedCount(): number {
    return this.#sealed.size;
  }

  /** @returns the end of the window this reading opened; Infinity when it fell into an open one */
  add(time: number, value: number): number {
    if (this.#current !== undefined && time >= this.#start && time < this.#start + this.spec.sizeMs) {
      this.#current.add(value);
      return Infinity;
    }
    const start = Math.floor(time / this.spec.sizeMs) * this.spec.sizeMs;
    const open = this.#open.get(start);
    const accumulator = open ?? this.#thaw(start);
    accumulator.add(value);
    this.#start = start;
    this.#current = accumulator;
    return open === undefined ? start + this.spec.sizeMs : Infinity;
  }

  /** Readings held that no pane has reported yet; 0 where another window accounts for them. */
  unreported(): number {
    if (!this.accounts) return 0;
    let count = 0;
    for (const accumulator of this.#open.values()) count += accumulator.count - accumulator.reported;
    return count;
  }

  /** Accounts from here on; what it holds now is on another window's account. */
  takeOverAccount(): void {
    this.accounts = true;
    for (const accumulator of this.#open.values()) accumulator.reported = accumulator.count;
  }

  /** The earliest end of an open window; Infinity when none is open. */
  nextEnd(): number {
    let earliest = Infinity;
    for (const start of this.#open.keys()) if (start < earliest) earliest = start;
    return earliest + this.spec.sizeMs;
  }

  /** The latest end of an open window; -Infinity when none is open. */
  lastEnd(): number {
    let latest = -Infinity;
    for (const start of this.#open.keys()) if (start > latest) latest = start;
    return latest + this.spec.sizeMs;
  }

  /** Emits every window the watermark has passed, in event-time order, and drops what is beyond the lateness. */
  close(watermark: number, series: Series, emit: (pane: Pane) => void): void {
    const due: number[] = [];
    for (const start of this.#open.keys()) if (start + this.spec.sizeMs <= watermark) due.push(start);
    if (due.length > 1) due.sort((a, b) => a - b);
    for (const start of due) {
      const accumulator = this.#open.get(start);
      if (accumulator === undefined) continue;
      emit(this.#pane(start, accumulator, series));
      this.#open.delete(start);
      this.#seal(start, accumulator);
    }
    if (due.length > 0) {
      this.#current = undefined;
      this.#start = NaN;
    }
    this.#forget(watermark);
  }

  write(to: ByteWriter): void {
    to.varint(this.#open.size);
    for (const [start, accumulator] of this.#open) {
      to.float(start);
      accumulator.write(to);
    }
    to.varint(this.#sealed.size);
    for (const [start, bytes] of this.#sealed) {
      to.float(start);
      to.blob(bytes);
    }
  }

  read(from: ByteReader): void {
    for (let left = from.varint(); left > 0; left--) this.#open.set(from.float(), Accumulator.read(from));
    for (let left = from.varint(); left > 0; left--) this.#sealed.set(from.float(), from.blob().slice());
  }

  #pane(start: number, accumulator: Accumulator, series: Series): Pane {
    const pane: Pane = {
      series,
      window: this.spec,
      start,
      revision: accumulator.revision,
      count: accumulator.count,
      fresh: this.accounts ? accumulator.count - accumulator.reported : 0,
      values: this.spec.compute.map((statistic) => accumulator.value(statistic)),
    };
    accumulator.reported = accumulator.count;
    accumulator.revision += 1;
    return pane;
  }

  #thaw(start: number): Accumulator {
    const bytes = this.#sealed.get(start);
    const accumulator =
      bytes === undefined ? Accumulator.forStatistics(this.spec.compute) : Accumulator.read(new ByteReader(bytes));
    this.#sealed.delete(start);
    this.#open.set(start, accumulator);
    return accumulator;
  }

  #seal(start: number, accumulator: Accumulator): void {
    if (this.#latenessMs <= 0) return;
    const to = new ByteWriter(96);
    accumulator.write(to);
    this.#sealed.set(start, to.take());
  }

  #forget(watermark: number): void {
    for (const start of this.#sealed.keys()) {
      if (start + this.spec.sizeMs + this.#latenessMs > watermark) return;
      this.#sealed.delete(start);
    }
  }
}
