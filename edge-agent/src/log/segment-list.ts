// The segments of a log in order, as they are in its folder, and the files there that count no more.
//
// Left-overs are what a crash or a failing disk has left of a replacement: unfinished files, and segments another one stands
// for. They go before anything else is removed: one that outlived the segment that stands for it would bring numbers back at the
// next start that were trimmed.

import { basename } from 'node:path';
import { unfinished } from './compaction.ts';
import { moveAside } from './damaged.ts';
import { isGone, isMediumError, joinPath, type Disk } from './disk.ts';
import { parseSegmentName, type Seq, type SegmentName } from './segment.ts';
import { StoredSegment } from './stored-segment.ts';

interface Named {
  readonly path: string;
  readonly name: SegmentName;
}

export interface SegmentInfo {
  readonly first: Seq;
  /** The number before the next segment's first; of the newest segment, the last one synced. */
  readonly last: Seq;
  readonly bytes: number;
}

export class SegmentList {
  /** Of the files found; undefined when there were none. */
  readonly incarnation: string | undefined;
  readonly #disk: Disk;
  readonly #folder: string;
  readonly #segments: StoredSegment[];
  #leftOvers: string[];

  private constructor(disk: Disk, folder: string, incarnation: string | undefined) {
    this.#disk = disk;
    this.#folder = folder;
    this.incarnation = incarnation;
    this.#segments = [];
    this.#leftOvers = [];
  }

  /** Looks at names and sizes only. Segments of another incarnation than the newest are left alone. */
  static async find(disk: Disk, folder: string): Promise<SegmentList> {
    const files = (await disk.list(folder)).toSorted();
    const named = files
      .flatMap((file) => {
        const name = parseSegmentName(file);
        return name === undefined ? [] : [{ path: joinPath(folder, file), name }];
      })
      .toSorted((a, b) => a.name.first - b.name.first);
    const list = new SegmentList(disk, folder, named.at(-1)?.name.incarnation);
    const own = named.filter(({ name }) => name.incarnation === list.incarnation);
    list.#leftOvers = files.filter(isUnfinished).map((file) => joinPath(folder, file));
    const compacted = own.filter(({ name }) => name.compacted !== undefined);
    for (const one of own) {
      if (compacted.some((other) => stands(other.name, one.name))) list.#leftOvers.push(one.path);
      else list.#segments.push(new StoredSegment(one.path, one.name, await sizeOf(disk, one)));
    }
    // A disk that cannot be written to can be read.
    await list.removeLeftOvers().catch(() => undefined);
    return list;
  }

  get oldest(): StoredSegment | undefined {
    return this.#segments[0];
  }

  get newest(): StoredSegment | undefined {
    return this.#segments.at(-1);
  }

  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  infos(synced: Seq): SegmentInfo[] {
    return this.#segments.map(({ first, bytes }, index) => {
      const following = this.#segments[index + 1];
      return { first, last: following === undefined ? synced : following.first - 1, bytes };
    });
  }

  /** The segment that holds `seq`, if any does, and the one behind it. */
  holding(seq: Seq): { segment: StoredSegment; following: StoredSegment | undefined } | undefined {
    const index = this.#segments.findLastIndex((candidate) => candidate.first <= seq);
    const segment = this.#segments[index];
    return segment && { segment, following: this.#segments[index + 1] };
  }

  /** The segments in front of the newest that hold exactly the numbers from `first` to `last`; none when there are no such. */
  whole(first: Seq, last: Seq): StoredSegment[] {
    const from = this.#segments.findIndex((segment) => segment.first === first);
    const behind = this.#segments.findIndex((segment) => segment.first === last + 1);
    return from < 0 ? [] : this.#segments.slice(from, Math.max(behind, 0));
  }

  add(segment: StoredSegment): void {
    this.#segments.push(segment);
  }

  /** Forgets the newest segment; its file is gone. */
  dropNewest(): void {
    this.#segments.pop();
  }

  /** Sequence number before the second oldest segment, when a younger one than the oldest holds a record. */
  endOfOldest(): Seq | undefined {
    const [, next, ...younger] = this.#segments;
    if (next === undefined || ![next, ...younger].some((segment) => segment.mayHoldRecords)) return undefined;
    return next.first - 1;
  }

  async trim(through: Seq): Promise<void> {
    await this.removeLeftOvers();
    for (;;) {
      const [oldest] = this.#segments;
      const end = this.endOfOldest();
      if (oldest === undefined || end === undefined || end > through) return;
      // First out of sight: a reader must not take a file that is being removed for damaged.
      this.#segments.shift();
      oldest.retired = true;
      try {
        await this.#discard(oldest);
      } catch (error) {
        oldest.retired = false;
        this.#segments.unshift(oldest);
        throw error;
      }
    }
  }

  /** The compacted segment, whose file is whole, takes the place of the others. @returns false when one of those is gone already */
  async replace(originals: readonly StoredSegment[], compacted: StoredSegment): Promise<boolean> {
    if (originals.some(({ retired }) => retired)) {
      await this.#disk.remove(unfinished(compacted.path));
      return false;
    }
    await this.#disk.rename(unfinished(compacted.path), compacted.path);
    await this.#disk.syncFolder(this.#folder);
    const index = this.#segments.findIndex((segment) => segment === originals[0]);
    this.#segments.splice(index, originals.length, compacted);
    for (const original of originals) original.retired = true;
    this.#leftOvers.push(...originals.map(({ path }) => path));
    // It is done; what is left to do is done later at the latest.
    await this.#discardAll(originals).catch(() => undefined);
    return true;
  }

  /** Rejects when the disk fails; what could not be removed is tried again by the next trim or replacement. */
  async removeLeftOvers(further: readonly string[] = []): Promise<void> {
    this.#leftOvers.push(...further);
    if (this.#leftOvers.length === 0) return;
    for (;;) {
      const [path] = this.#leftOvers;
      if (path === undefined) break;
      await this.#disk.remove(path);
      this.#leftOvers.shift();
    }
    await this.#disk.syncFolder(this.#folder);
  }

  async #discardAll(segments: readonly StoredSegment[]): Promise<void> {
    for (const segment of segments) if (segment.worthKeeping) await this.#discard(segment);
    await this.removeLeftOvers();
  }

  async #discard(segment: StoredSegment): Promise<void> {
    if (segment.worthKeeping) await moveAside(this.#disk, this.#folder, basename(segment.path));
    else await this.#disk.remove(segment.path);
  }
}

function isUnfinished(file: string): boolean {
  const whole = file.slice(0, -unfinished('').length);
  return unfinished(whole) === file && parseSegmentName(whole)?.compacted !== undefined;
}

/** Does the compacted segment `by` stand for everything in `other`? */
function stands(by: SegmentName, other: SegmentName): boolean {
  if (by.compacted === undefined || other.first < by.first) return false;
  const { last, version } = by.compacted;
  if (other.compacted === undefined) return other.first <= last;
  if (other.compacted.last > last) return false;
  return other.compacted.last < last || other.first > by.first || other.compacted.version < version;
}

/** A medium that cannot say it is asked again; then the segment counts as one that has lost everything. */
async function sizeOf(disk: Disk, { path }: Named): Promise<number> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await disk.size(path);
    } catch (error) {
      if (isGone(error) || (isMediumError(error) && attempt >= 3)) return 0;
      if (!isMediumError(error)) throw error;
    }
  }
}
