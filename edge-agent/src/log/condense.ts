// Records of the panes lane, made less: read in order, their panes coalesced and thinned (shared/src/model/thin.ts), and put
// into as few records as possible, which stand for the same sequence numbers and the same readings.
//
// A pane that is left stands where the last of those it stands for stood, and a record ends at a number at which one ended before.
// So whatever cursor the hub has in between: what it then skips it has, and what it is then sent puts it where it would be.
//
// Records that follow each other without a gap are one run. Where one is missing (damage), a run ends: the gap stays where it is,
// for the hub to see. What cannot be read is passed on as it is.

import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { Condenser, type CoarseWindow, type Condensed } from '@weir/shared/model/thin.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { decodeFrame, encodeFrame, WireError } from '@weir/shared/wire/codec.ts';
import type { Entry, Seq } from './log.ts';
import { encodeOutboxRecord, type Origin, type OutboxRecord } from './outbox-record.ts';

const panesPerFrame = 1000;
/** Bytes of one frame, estimated from above: the hub refuses large packets. */
const frameBytes = 96 * 1024;
/** Panes held at once; more are condensed in several parts. */
const panesAtOnce = 40_000;
const panesPerSlice = 1000;

export interface CondensedRecords {
  readonly entries: Entry[];
  readonly bytes: number;
  readonly coalesced: number;
  readonly merged: { readonly from: number; readonly into: number; readonly readings: number };
  /** By series and window, where the last coarse window made of its panes ends. */
  readonly thinned: ReadonlyMap<string, number>;
}

interface RunRecord {
  readonly seq: Seq;
  readonly origin: Origin;
}

/** @param mayThin of a series and window, whether the coarse window that starts there was not made before */
export async function condense(
  records: AsyncIterable<{ entry: Entry; record: OutboxRecord | undefined }>,
  coarse: CoarseWindow | undefined,
  mayThin: (name: string, start: number) => boolean,
): Promise<CondensedRecords> {
  const out = new Output(coarse, mayThin);
  let sinceYield = 0;
  for await (const { entry, record } of records) {
    const panes = record && panesOf(record);
    if (record === undefined || panes === undefined) {
      await out.finishRun();
      out.pass(entry);
      continue;
    }
    if (!out.follows(record) || out.held + panes.length > panesAtOnce) await out.finishRun();
    out.add(record, panes);
    sinceYield += panes.length + 1;
    if (sinceYield < panesPerSlice) continue;
    sinceYield = 0;
    await yieldToOthers();
  }
  await out.finishRun();
  return out;
}

/** @returns undefined when there is something else in the frame, or what cannot be read */
function panesOf({ frame }: OutboxRecord): readonly Pane[] | undefined {
  try {
    const { panes, transitions, raw } = decodeFrame(frame);
    return transitions.length + raw.length > 0 ? undefined : panes;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

class Output implements CondensedRecords {
  readonly entries: Entry[] = [];
  bytes = 0;
  coalesced = 0;
  readonly merged = { from: 0, into: 0, readings: 0 };
  readonly thinned = new Map<string, number>();
  readonly #coarse: CoarseWindow | undefined;
  readonly #mayThin: (name: string, start: number) => boolean;
  #condenser: Condenser;
  /** Of the run: its records, and what was before it. */
  #run: RunRecord[] = [];
  #panes = 0;
  #before = { seq: 0, through: 0 };
  #last: Seq = 0;

  constructor(coarse: CoarseWindow | undefined, mayThin: (name: string, start: number) => boolean) {
    this.#coarse = coarse;
    this.#mayThin = mayThin;
    this.#condenser = this.#newCondenser();
  }

  /** Panes of the run. */
  get held(): number {
    return this.#panes;
  }

  follows({ seq, span }: OutboxRecord): boolean {
    return this.#run.length > 0 && seq - span === this.#last;
  }

  add({ seq, span, readings, readingsThrough, origin }: OutboxRecord, panes: readonly Pane[]): void {
    if (this.#run.length === 0) this.#before = { seq: seq - span, through: readingsThrough - readings };
    this.#last = seq;
    this.#run.push({ seq, origin });
    this.#panes += panes.length;
    for (const pane of panes) this.#condenser.add(pane, seq);
  }

  pass(entry: Entry): void {
    this.entries.push(entry);
    this.bytes += entry.payload.length;
  }

  async finishRun(): Promise<void> {
    if (this.#run.length === 0) return;
    let part: Pane[] = [];
    let bytes = 0;
    let at = 0;
    for (const group of byRecord(this.#condenser.results())) {
      const more = estimate(group.panes);
      if (part.length > 0 && (part.length + group.panes.length > panesPerFrame || bytes + more > frameBytes)) {
        this.#write(part, at);
        part = [];
        bytes = 0;
        await yieldToOthers();
      }
      part = part.concat(group.panes);
      bytes += more;
      at = group.at;
    }
    // Numbers at the end of which nothing is left are those of the last record, too.
    this.#write(part, this.#last);
    this.coalesced += this.#condenser.coalesced;
    this.merged.from += this.#condenser.merged.from;
    this.merged.into += this.#condenser.merged.into;
    this.merged.readings += this.#condenser.merged.readings;
    for (const [name, end] of this.#condenser.thinned) {
      this.thinned.set(name, Math.max(this.thinned.get(name) ?? -Infinity, end));
    }
    this.#run = [];
    this.#panes = 0;
    this.#condenser = this.#newCondenser();
  }

  #newCondenser(): Condenser {
    return new Condenser(
      this.#coarse,
      (name, start) => start >= (this.thinned.get(name) ?? -Infinity) && this.#mayThin(name, start),
    );
  }

  #write(panes: readonly Pane[], seq: Seq): void {
    const origin = originAt(this.#run, seq);
    const readings = panes.reduce((sum, pane) => sum + pane.fresh, 0);
    const readingsThrough = this.#before.through + readings;
    const span = seq - this.#before.seq;
    const payload = encodeOutboxRecord({ span, readings, readingsThrough, origin, frame: encodeFrame({ panes }) });
    this.pass({ seq, payload });
    this.#before = { seq, through: readingsThrough };
  }
}

/** What stood in one record stays together: a sequence number cannot be divided. */
function* byRecord(results: Iterable<Condensed>): Generator<{ at: Seq; panes: Pane[] }> {
  let group: { at: Seq; panes: Pane[] } | undefined;
  for (const { pane, at } of results) {
    if (group?.at === at) {
      group.panes.push(pane);
      continue;
    }
    if (group !== undefined) yield group;
    group = { at, panes: [pane] };
  }
  if (group !== undefined) yield group;
}

function originAt(run: readonly RunRecord[], seq: Seq): Origin {
  let [low, high] = [0, run.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((run[middle]?.seq ?? Infinity) < seq) low = middle + 1;
    else high = middle;
  }
  return run[low]?.origin ?? { journal: '', cause: 0, index: 0, count: 0 };
}

function estimate(panes: readonly Pane[]): number {
  let bytes = 0;
  for (const { series, values } of panes) bytes += 16 + series.device.length + series.signal.length + 8 * values.length;
  return bytes;
}
