// One session: what it holds, what has been said of it, how two become one, and its bytes.

import { type ByteReader, type ByteWriter } from '../model/bytes.ts';
import { Accumulator } from './accumulator.ts';
import type { SignalContext } from './operator.ts';
import { scratchBytes } from './sealed.ts';

export interface Session {
  start: number;
  /** Time of the last reading. */
  last: number;
  readonly accumulator: Accumulator;
  /** Whether it is over, and its correction waits for the arrival clock. */
  waits: boolean;
  /** The last pane under this start. */
  shown: Shown | undefined;
  /** The last panes under starts it has taken in; the next pane retracts them. */
  readonly gone: Shown[];
}

/** What readers of the panes know of a start. */
export interface Shown {
  readonly start: number;
  readonly end: number;
  /** Of its next pane. */
  readonly revision: number;
  /** Whether all its panes were early ones. */
  readonly isEarly: boolean;
}

/** What went out under the session's start is to be retracted, with the next pane of whose `gone` it is put to. */
export function giveUpStart(session: Session, gone: Shown[]): void {
  if (session.shown !== undefined) gone.push(session.shown);
  session.shown = undefined;
}

/** The later session becomes part of the earlier one. */
export function join(earlier: Session, later: Session): void {
  earlier.gone.push(...later.gone);
  giveUpStart(later, earlier.gone);
  earlier.last = Math.max(earlier.last, later.last);
  // Revisions count up start by start.
  const { revision } = earlier.accumulator;
  earlier.accumulator.merge(later.accumulator);
  earlier.accumulator.revision = revision;
}

export function sealedBytes(last: number, accumulator: Accumulator): Uint8Array {
  return scratchBytes((to) => {
    to.float(last);
    accumulator.write(to);
  });
}

export function writeSession({ start, last, accumulator, waits, shown, gone }: Session, to: ByteWriter): void {
  to.float(start);
  to.float(last);
  to.varint(waits ? 1 : 0);
  accumulator.write(to);
  const all = shown === undefined ? gone : [...gone, shown];
  to.varint(all.length);
  for (const one of all) {
    to.float(one.start);
    to.float(one.end);
    to.varint(one.revision);
    to.varint(one.isEarly ? 1 : 0);
  }
}

export function readSession(from: ByteReader, context: SignalContext): Session {
  const [start, last, waits] = [from.float(), from.float(), from.varint() === 1];
  const session: Session = {
    start,
    last,
    accumulator: Accumulator.read(from, context),
    waits,
    shown: undefined,
    gone: [],
  };
  for (let left = from.varint(); left > 0; left--) {
    const [start, end, revision, early] = [from.float(), from.float(), from.varint(), from.varint()];
    const shown = { start, end, revision, isEarly: early === 1 };
    if (start === session.start) session.shown = shown;
    else session.gone.push(shown);
  }
  return session;
}
