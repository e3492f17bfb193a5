// Session windows of one series: readings less than `gapMs` apart in event time, from one to the next, are one session. It
// lasts from its first reading until `gapMs` after its last one. What the sessions are depends on the set of the readings,
// not on their order: one that comes out of order, or late, begins a session, makes one longer, or joins two.
//
// A session's key is its start. When a reading moves the start, or joins a session to an earlier one, the old start is no
// window any more and what was said of it is retracted: in the same drain as the pane that restates its readings, just
// before it, so that a reader of the panes never sees less than before. A start that is gone never comes back: it lies inside
// the session that took it in, which only grows while a reading that could start there would still be accepted.
//
// A late reading can move the end past the watermark; the session is then open again, and its next pane a correction.

import { ByteReader, type ByteWriter } from '../model/bytes.ts';
import type { WindowSpec } from '../model/pane.ts';
import { Accumulator, needsOf, type Needs } from './accumulator.ts';
import type { SignalContext, WindowOperator, WindowPane } from './operator.ts';
import { paneOf } from './pane-of.ts';
import { Sealed } from './sealed.ts';
import {
  giveUpStart,
  join,
  readSession,
  sealedBytes,
  writeSession,
  type Session,
  type Shown,
} from './session-record.ts';
import { timersOf, type Timers } from './timers.ts';

const noLength = { lengthMs: NaN, heldUntil: NaN };

export class SessionWindows implements WindowOperator {
  readonly spec: WindowSpec;
  readonly #context: SignalContext;
  readonly #latenessMs: number;
  readonly #needs: Needs;
  readonly #gapMs: number;
  readonly #timers: Timers;
  accounts: boolean;
  /** Sessions the watermark has not passed, and older ones a late reading has changed; sorted, seldom more than two. */
  #open: Session[] = [];
  /** The time of the last reading, and the accumulator. */
  readonly #sealed = new Sealed();
  /** No sealed session ends earlier. */
  #sealedEnd = -Infinity;
  /** The newest of all sessions, if the last reading fell into it: nearly every one does. */
  #current: Session | undefined = undefined;

  constructor(spec: WindowSpec, latenessMs: number, context: SignalContext, accounts: boolean) {
    if (spec.shape.kind !== 'session') throw new RangeError(`${spec.id} is no session window`);
    this.spec = spec;
    this.#context = context;
    this.#latenessMs = latenessMs;
    this.#needs = needsOf(spec.compute);
    this.#gapMs = spec.shape.gapMs;
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
    const session = this.#sessionOf(time);
    session.accumulator.add(time, value);
    return session.last + this.#gapMs;
  }

  flag(time: number): number {
    const session = this.#sessionOf(time);
    session.accumulator.flag();
    return session.last + this.#gapMs;
  }

  nextDue(): number {
    // Corrections that are coalesced go out at their time, wherever the watermark is.
    const first = this.#open.find(({ waits }) => !waits);
    return first === undefined ? Infinity : first.last + this.#gapMs;
  }

  lastDue(): number {
    const last = this.#open.at(-1);
    return last === undefined ? -Infinity : last.last + this.#gapMs;
  }

  nextTimer(): number {
    const hasNews = this.#open.some(({ accumulator, waits }) => !waits && accumulator.reported !== accumulator.total);
    return this.#timers.next(hasNews, this.#open.some(({ waits }) => waits)); // prettier-ignore
  }

  close(watermark: number, now: number, emit: (pane: WindowPane) => void): void {
    const late = this.#timers.mayCorrect(now);
    const early = this.#timers.isEarlyDue(now);
    const oldest = watermark - this.#latenessMs;
    const open: Session[] = [];
    for (const session of this.#open) {
      const { accumulator } = session;
      const end = session.last + this.#gapMs;
      const isOver = end <= watermark;
      if (isOver && (!accumulator.closed || late || end <= oldest)) {
        if (accumulator.closed) this.#timers.corrected(now);
        this.#emit(session, isOver, emit);
        this.#seal(session);
        continue;
      }
      if (!isOver && early && accumulator.reported !== accumulator.total) {
        this.#emit(session, isOver, emit);
        this.#timers.saidEarly(now);
      }
      session.waits = isOver;
      accumulator.foldBefore(oldest);
      open.push(session);
    }
    if (open.length < this.#open.length) {
      this.#open = open;
      this.#current = undefined;
    }
    this.#forget(oldest);
  }

  forgetOldest(): number {
    const starts = this.#sealed.startsBetween(-Infinity, Infinity);
    const newest = starts[Math.ceil(starts.length / 8) - 1];
    if (newest === undefined) return -Infinity;
    const end = this.#sealedLast(newest) + this.#gapMs;
    this.#sealed.take(newest);
    this.#sealed.forgetBefore(newest);
    return end;
  }

  unreported(): number {
    if (!this.accounts) return 0;
    return this.#open.reduce((count, { accumulator }) => count + accumulator.total - accumulator.reported, 0);
  }

  takeOverAccount(): void {
    this.accounts = true;
    for (const { accumulator } of this.#open) accumulator.exemptAll();
    this.#sealed.rewrite((bytes) => {
      const from = new ByteReader(bytes);
      const last = from.float();
      const accumulator = Accumulator.read(from, this.#context);
      accumulator.exemptAll();
      return sealedBytes(last, accumulator);
    });
  }

  write(to: ByteWriter): void {
    this.#timers.write(to);
    to.varint(this.#open.length);
    for (const session of this.#open) writeSession(session, to);
    this.#sealed.write(to);
  }

  read(from: ByteReader): void {
    this.#timers.read(from);
    for (let left = from.varint(); left > 0; left--) this.#open.push(readSession(from, this.#context));
    this.#sealed.read(from);
  }

  /** The session this time is in, reaching as far as it now does. */
  #sessionOf(time: number): Session {
    const current = this.#current;
    if (current !== undefined && time >= current.start && time < current.last + this.#gapMs) {
      if (time > current.last) current.last = time;
      return current;
    }
    const session = this.#find(time);
    const isNewest = session === this.#open.at(-1) && this.#sealed.startsBetween(session.start, Infinity).length === 0;
    this.#current = isNewest ? session : undefined;
    return session;
  }

  /** Begins a session, makes one longer, or joins two: sessions are a gap apart, so no more than two are within reach. */
  #find(time: number): Session {
    this.#thawAround(time);
    const at = this.#placeOf(time);
    const before = this.#open[at - 1];
    const after = this.#open[at];
    const isInReach = after !== undefined && after.start < time + this.#gapMs;
    if (before !== undefined && time < before.last + this.#gapMs) {
      before.waits = false;
      before.last = Math.max(before.last, time);
      if (isInReach) {
        this.#open.splice(at, 1);
        join(before, after);
      }
      return before;
    }
    if (isInReach) {
      after.waits = false;
      giveUpStart(after, after.gone);
      after.start = time;
      after.accumulator.revision = 0;
      return after;
    }
    const accumulator = Accumulator.for(this.#needs, this.#context);
    const session: Session = { start: time, last: time, accumulator, waits: false, shown: undefined, gone: [] };
    this.#open.splice(at, 0, session);
    return session;
  }

  /** Opens the sealed sessions within reach of this time. */
  #thawAround(time: number): void {
    const before = this.#open[this.#placeOf(time) - 1];
    const starts = this.#sealed.startsBetween(before?.start ?? -Infinity, time + this.#gapMs);
    for (const start of starts.slice(-2)) {
      if (time >= this.#sealedLast(start) + this.#gapMs) continue;
      const bytes = this.#sealed.take(start);
      if (bytes === undefined) continue;
      const from = new ByteReader(bytes);
      const last = from.float();
      const accumulator = Accumulator.read(from, this.#context);
      const shown = { start, end: last + this.#gapMs, revision: accumulator.revision, isEarly: false };
      this.#open.splice(this.#placeOf(start), 0, { start, last, accumulator, waits: false, shown, gone: [] });
    }
  }

  /** Index of the first open session that starts after this time. */
  #placeOf(time: number): number {
    let at = this.#open.length;
    while (at > 0 && (this.#open[at - 1]?.start ?? NaN) > time) at -= 1;
    return at;
  }

  #emit(session: Session, isOver: boolean, emit: (pane: WindowPane) => void): void {
    for (const gone of session.gone.toSorted((a, b) => a.start - b.start)) emit(this.#retraction(gone));
    session.gone.length = 0;
    const { start, accumulator } = session;
    const end = session.last + this.#gapMs;
    const frame = { spec: this.spec, start, end, span: noLength, isOver, accounts: this.accounts };
    emit(paneOf(accumulator, frame, this.#context));
    const isEarly = !isOver && (session.shown?.isEarly ?? true);
    session.shown = { start, end, revision: accumulator.revision, isEarly };
  }

  #retraction({ start, end, revision, isEarly }: Shown): WindowPane {
    return {
      window: this.spec,
      start,
      end,
      timing: isEarly ? 'early' : 'late',
      revision,
      retracted: true,
      count: 0,
      accounted: 0,
      fresh: 0,
      values: this.spec.compute.map(() => NaN),
    };
  }

  #seal({ start, last, accumulator }: Session): void {
    this.#sealed.put(start, sealedBytes(last, accumulator));
    this.#sealedEnd = Math.min(this.#sealedEnd, last + this.#gapMs);
  }

  /** Forgets the sealed sessions no reading of this time or later belongs to. */
  #forget(time: number): void {
    while (this.#sealedEnd <= time) {
      const { oldest } = this.#sealed;
      const end = this.#sealedLast(oldest) + this.#gapMs;
      if (end <= time) this.#sealed.take(oldest);
      else this.#sealedEnd = Number.isNaN(end) ? Infinity : end;
    }
  }

  /** Time of the last reading of a sealed session; NaN when there is none with this start. */
  #sealedLast(start: number): number {
    const bytes = this.#sealed.peek(start);
    return bytes === undefined ? NaN : new ByteReader(bytes).float();
  }
}
