// What an outbox does as it gets full, in this order, and no more of it than is needed:
//
//   1  of several revisions of a pane only the last stays; small records become large ones
//   2  panes of windows shorter than 10 minutes become panes of 10 minutes, then of 1 hour (shared/src/model/thin.ts)
//   3  the oldest raw readings the hub has asked for go; the black box may still have them
//   4  the oldest panes go. Not from here: the engine writes it into the journal first (Outbox.overdue)
//
// Alerts stay. So do the newest segment of a lane, and what may be on its way to the hub. Work goes segment by segment in the
// background, small ones together: read, condense (condense.ts), put in place of what was there. A crash leaves one or the other.
//
// A coarse window is made once: a second pane of the same key would take the place of the first at the hub. So for every series and
// window it is known until when coarse windows were made; nothing that starts before is thinned any more. That is in memory, and,
// because of a restart, as one time for all in the marks, written before panes of a later window are put in place.

import { coarseWindows } from '@weir/shared/model/thin.ts';
import { condense } from './condense.ts';
import type { SegmentInfo, Seq } from './log.ts';
import type { OutboxLane } from './outbox-lane.ts';
import type { OutboxCounters } from './outbox-marks.ts';

/** Steps that make panes less: coalescing, then one for each coarse window. */
const steps = [undefined, ...coarseWindows];
/** A segment that would hardly get smaller is left alone: writing wears the card. */
const worthwhile = 0.95;
/** Series and windows for which it is known apart until when they were thinned. */
const maxNames = 20_000;

export interface ReliefParts {
  readonly panes: OutboxLane;
  readonly raw: OutboxLane;
  /** Small segments are condensed together, up to so many bytes. */
  readonly unitBytes: number;
  /** By size of the coarse window, as `thinnedUntil` was at the last start. */
  readonly thinnedUntil: Readonly<Record<string, number>>;
  /** Resolves when `thinnedUntil` survives a power cut. */
  readonly remember: () => Promise<void>;
  readonly counters: OutboxCounters;
}

/** Up to which numbers records may be on their way to the hub. */
export interface OnTheWay {
  readonly panes?: Seq;
  readonly raw?: Seq;
}

export class Relief {
  readonly #parts: ReliefParts;
  /** How many steps a segment has been through, by its last number. */
  readonly #done = new Map<Seq, number>();
  readonly #horizons: readonly Horizon[];

  constructor(parts: ReliefParts) {
    this.#parts = parts;
    this.#horizons = coarseWindows.map(({ sizeMs }) => new Horizon(parts.thinnedUntil[sizeMs] ?? -Infinity));
  }

  /** By size of the coarse window: none that starts before this is made again. */
  get thinnedUntil(): Record<string, number> {
    const entries = coarseWindows.map(
      ({ sizeMs }, index) => [sizeMs, this.#horizons[index]?.latest ?? -Infinity] as const,
    );
    return Object.fromEntries(entries.filter(([, until]) => Number.isFinite(until)));
  }

  /** Does the next thing there is to do. @returns whether there was any. Rejects when the disk fails; everything is then as it was */
  async next(onTheWay: OnTheWay, evicting: Seq): Promise<boolean> {
    const { panes } = this.#parts;
    const isFree = ({ first }: SegmentInfo): boolean =>
      first > Math.max(panes.handedOut, onTheWay.panes ?? 0, evicting);
    const segments = panes.segments.slice(0, -1).filter(isFree);
    this.#forget(segments);
    for (const step of steps.keys()) {
      const unit = this.#unit(segments, step);
      if (unit.length === 0) continue;
      await this.#condense(unit, step);
      return true;
    }
    return this.#evictRaw(onTheWay.raw ?? 0);
  }

  /** The oldest segments that have this step to go through, as many as are condensed together. */
  #unit(segments: readonly SegmentInfo[], step: number): SegmentInfo[] {
    const unit: SegmentInfo[] = [];
    let total = 0;
    for (const segment of segments) {
      const isDue = (this.#done.get(segment.last) ?? 0) <= step;
      if (!isDue && unit.length === 0) continue;
      total += segment.bytes;
      if (!isDue || (unit.length > 0 && total > this.#parts.unitBytes)) break;
      unit.push(segment);
    }
    return unit;
  }

  async #condense(unit: readonly SegmentInfo[], step: number): Promise<void> {
    const { panes, counters, remember } = this.#parts;
    const [first, last] = [unit[0]?.first ?? 0, unit.at(-1)?.last ?? 0];
    const horizon = this.#horizons[step - 1];
    const made = await condense(
      panes.records(first, last),
      steps[step],
      (name, start) => horizon === undefined || horizon.allows(name, start),
    );
    if (made.bytes > worthwhile * unit.reduce((sum, { bytes }) => sum + bytes, 0)) {
      for (const segment of unit) this.#done.set(segment.last, step + 1);
      return;
    }
    if (horizon?.announce(made.thinned) === true) await remember();
    // When it was faster to be sent or trimmed, there is nothing left to do.
    if (!(await panes.replace(first, last, made.entries))) return;
    horizon?.reach(made.thinned);
    this.#done.set(last, step + 1);
    counters.revisionsCoalesced += made.coalesced;
    counters.panesThinned += made.merged.from;
    counters.panesThinnedInto += made.merged.into;
    counters.readingsThinned += made.merged.readings;
  }

  async #evictRaw(onTheWay: Seq): Promise<boolean> {
    const { raw, counters } = this.#parts;
    const [oldest] = raw.segments;
    const end = await raw.endOfOldest();
    if (oldest === undefined || end === undefined || oldest.first <= onTheWay) return false;
    let readings = 0;
    for await (const { record } of raw.records(Math.max(oldest.first, raw.acked + 1), oldest.last)) {
      readings += record?.origin.count ?? 0;
    }
    await raw.evict(end.seq);
    counters.rawEvicted += readings;
    return true;
  }

  #forget(segments: readonly SegmentInfo[]): void {
    if (this.#done.size <= 2 * segments.length + 16) return;
    const there = new Set(segments.map(({ last }) => last));
    for (const last of this.#done.keys()) if (!there.has(last)) this.#done.delete(last);
  }
}

/** Until when coarse windows of one size were made, by series and window. */
class Horizon {
  /** No window at all was made beyond. */
  latest: number;
  /** For those not named. */
  #others: number;
  readonly #ends = new Map<string, number>();

  constructor(until: number) {
    this.latest = until;
    this.#others = until;
  }

  allows(name: string, start: number): boolean {
    return start >= (this.#ends.get(name) ?? this.#others);
  }

  /** @returns whether `latest` moves: it has to be remembered before such windows are put in place */
  announce(ends: ReadonlyMap<string, number>): boolean {
    const before = this.latest;
    for (const end of ends.values()) this.latest = Math.max(this.latest, end);
    return this.latest > before;
  }

  reach(ends: ReadonlyMap<string, number>): void {
    for (const [name, end] of ends) this.#ends.set(name, Math.max(this.#ends.get(name) ?? this.#others, end));
    if (this.#ends.size <= maxNames) return;
    this.#ends.clear();
    this.#others = this.latest;
  }
}
