// What waits long for the hub is made less: of several revisions of one pane the last stays, and panes of neighbouring windows
// become one pane of a coarser window. Every reading is still reported exactly once: `fresh` is summed, never dropped.
//
// Revisions. A later pane of the same key restates the whole window, so the one before it need not be sent; its `fresh` goes
// over to the later one. That is left alone where it would make no sense: a retracted pane accounts for nothing and cannot take
// over anybody's `fresh`, so the pane before it stays when it reports readings; and nothing is taken over beyond `accounted`.
//
// Coarser windows. Tumbling windows (UTC) of the same series that lie in one window of `toMs` become one pane of that window,
// called by the name of theirs with `~10m` or `~1h` behind it: another key, so that the hub has it beside what it got before. Only
// a pane whose window the hub knows nothing of may be merged: its first revision is among the panes given here, or it accounts for
// all its readings and reports all of them now. A correction of what the hub may have stays a correction. A window that is still
// open (early panes) stays as it is, and so does a pane that has no company.
//
// A coarse window must be made once: a second pane of the same key would take the place of the first. Who thins one stretch
// of panes after the other therefore asks for `mayThin`, and notes the ends that `thinned` tells.

import { mergeValues } from './merge-panes.ts';
import type { Pane, WindowShape } from './pane.ts';

/** The windows panes are thinned into, the finest first, and what is put behind the name of theirs. */
export const coarseWindows = [
  { sizeMs: 600_000, mark: '~10m' },
  { sizeMs: 3_600_000, mark: '~1h' },
] as const;

export type CoarseWindow = (typeof coarseWindows)[number];

/** Whether the pane has been thinned before. */
export function isThinned({ window }: Pick<Pane, 'window'>): boolean {
  return window.id.includes('~');
}

/** Of several revisions of one pane the last, where it stands. */
export function coalesce(panes: readonly Pane[]): Pane[] {
  const condenser = new Condenser(undefined);
  for (const [index, pane] of panes.entries()) condenser.add(pane, index);
  return [...condenser.results()].map(({ pane }) => pane);
}

/** The same, and panes of finer windows merged where the last of them stands. */
export function thin(panes: readonly Pane[], coarse: CoarseWindow): Pane[] {
  const condenser = new Condenser(coarse);
  for (const [index, pane] of panes.entries()) condenser.add(pane, index);
  return [...condenser.results()].map(({ pane }) => pane);
}

/** What is left, and the place of the last pane it stands for. */
export interface Condensed {
  readonly pane: Pane;
  readonly at: number;
}

interface Item {
  pane: Pane;
  at: number;
  /** Index among the slots: the item moves to that of its last pane. */
  slot: number;
  /** The first revision is among those it stands for. */
  isWhole: boolean;
  /** Other panes of its key could not be joined with it. */
  isSplit: boolean;
  readonly group: Group | undefined;
}

interface Group {
  readonly name: string;
  readonly start: number;
  readonly items: Item[];
  /** What becomes one pane; undefined until somebody wants to know. */
  merging: Merging | undefined;
}

interface Merging {
  readonly items: ReadonlySet<Item>;
  /** Where the last of them stands. */
  readonly slot: number;
}

/** Coalesces and thins pane by pane; it holds what is left of them. */
export class Condenser {
  /** Panes of which a later revision has taken the place. */
  coalesced = 0;
  /** Panes that were merged, what they were merged into, and the readings of those merged for the first time. */
  readonly merged = { from: 0, into: 0, readings: 0 };
  /** By series and window, where the last coarse window made of its panes ends. Complete when the results are. */
  readonly thinned = new Map<string, number>();
  readonly #coarse: CoarseWindow | undefined;
  readonly #mayThin: (name: string, start: number) => boolean;
  readonly #slots: (Item | undefined)[] = [];
  readonly #latest = new Map<string, Item>();
  readonly #groups = new Map<string, Group>();
  /** Equal windows are the same object: what encodes panes goes by that. */
  readonly #windows = new Map<string, Pane['window']>();
  readonly #interned = new WeakMap<Pane['window'], Pane['window']>();

  /** @param mayThin of a series and window by `name`, whether the coarse window that starts there was not made before */
  constructor(coarse: CoarseWindow | undefined, mayThin: (name: string, start: number) => boolean = () => true) {
    this.#coarse = coarse;
    this.#mayThin = mayThin;
  }

  /** @param at where the pane stands; never decreases */
  add(given: Pane, at: number): void {
    const window = this.#intern(given.window);
    const pane = window === given.window ? given : { ...given, window };
    const { series, start } = pane;
    const key = `${series.device}/${series.signal}/${window.id} ${start}`;
    const before = this.#latest.get(key);
    const slot = this.#slots.length;
    if (before !== undefined && canTakeOver(before.pane, pane)) {
      this.#slots[before.slot] = undefined;
      before.pane = { ...pane, fresh: before.pane.fresh + pane.fresh };
      before.at = at;
      before.slot = slot;
      this.#slots.push(before);
      this.coalesced += 1;
      return;
    }
    if (before !== undefined) before.isSplit = true;
    const group = this.#groupOf(pane);
    const item = { pane, at, slot, isWhole: pane.revision === 0, isSplit: before !== undefined, group };
    group?.items.push(item);
    this.#slots.push(item);
    this.#latest.set(key, item);
  }

  /** What is left, in order. */
  *results(): Generator<Condensed> {
    for (const item of this.#slots) {
      if (item === undefined) continue;
      const { group, pane, at } = item;
      if (group !== undefined) group.merging ??= mergingOf(group.items);
      if (group?.merging?.items.has(item) !== true) yield { pane, at };
      else if (item.slot === group.merging.slot) yield { pane: this.#merge(group, group.merging), at };
    }
  }

  #intern(window: Pane['window']): Pane['window'] {
    let known = this.#interned.get(window);
    if (known !== undefined) return known;
    const { id, shape, compute } = window;
    const key = JSON.stringify([id, shape, compute]);
    known = this.#windows.get(key) ?? window;
    this.#windows.set(key, known);
    this.#interned.set(window, known);
    return known;
  }

  #groupOf({ series, window, start }: Pane): Group | undefined {
    const coarse = this.#coarse;
    if (coarse === undefined || !fits(window.shape, start, coarse.sizeMs)) return undefined;
    const name = `${series.device}/${series.signal}/${baseOf(window.id)}`;
    const coarseStart = Math.floor(start / coarse.sizeMs) * coarse.sizeMs;
    const key = `${name} ${coarseStart}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      if (!this.#mayThin(name, coarseStart)) return undefined;
      this.#groups.set(key, (group = { name, start: coarseStart, items: [], merging: undefined }));
    }
    return group;
  }

  #merge({ name, start }: Group, { items }: Merging): Pane {
    const panes = [...items].map(({ pane }) => pane).toSorted((a, b) => a.start - b.start || a.end - b.end);
    const [first] = panes;
    const { sizeMs, mark } = this.#coarse ?? { sizeMs: NaN, mark: '' };
    if (first === undefined) throw new RangeError('nothing to merge');
    const isDisjoint = panes.every((pane, index) => pane.start >= (panes[index - 1]?.end ?? -Infinity));
    this.merged.from += panes.length;
    this.merged.into += 1;
    this.merged.readings += sumOf(panes, (pane) => (isThinned(pane) ? 0 : pane.fresh));
    this.thinned.set(name, Math.max(this.thinned.get(name) ?? -Infinity, start + sizeMs));
    return {
      series: first.series,
      window: this.#intern({
        id: baseOf(first.window.id) + mark,
        shape: { kind: 'tumbling', sizeMs, zone: undefined },
        compute: first.window.compute,
      }),
      start,
      end: start + sizeMs,
      timing: panes.some(({ timing }) => timing === 'late') ? 'late' : 'on_time',
      revision: 0,
      retracted: false,
      count: sumOf(panes, ({ count }) => count),
      accounted: sumOf(panes, ({ accounted }) => accounted),
      fresh: sumOf(panes, ({ fresh }) => fresh),
      values: mergeValues(panes, sizeMs, isDisjoint),
    };
  }
}

function canTakeOver(before: Pane, pane: Pane): boolean {
  return !before.retracted && pane.revision > before.revision && before.fresh + pane.fresh <= pane.accounted;
}

function fits(shape: WindowShape, start: number, toMs: number): boolean {
  if (shape.kind !== 'tumbling' || shape.zone !== undefined) return false;
  const { sizeMs } = shape;
  return sizeMs < toMs && toMs % sizeMs === 0 && start % sizeMs === 0;
}

/** What the window was called before it was thinned. */
function baseOf(id: string): string {
  const mark = id.lastIndexOf('~');
  return mark < 0 ? id : id.slice(0, mark);
}

/** None when fewer than two can be, or when they do not all compute the same. */
function mergingOf(items: readonly Item[]): Merging {
  const able = items.filter(canMerge);
  const compute = able[0]?.pane.window.compute.join() ?? '';
  const isAlike = able.every(({ pane: { window } }) => window.compute.join() === compute);
  const merging = able.length > 1 && isAlike ? able : [];
  return { items: new Set(merging), slot: merging.reduce((last, { slot }) => Math.max(last, slot), -1) };
}

function canMerge({ pane, isWhole, isSplit }: Item): boolean {
  const { timing, retracted, count, accounted, fresh } = pane;
  if (timing === 'early' || retracted || isSplit || fresh !== accounted) return false;
  return isWhole || (count > 0 && accounted >= count);
}

function sumOf(panes: readonly Pane[], of: (pane: Pane) => number): number {
  return panes.reduce((sum, pane) => sum + of(pane), 0);
}
