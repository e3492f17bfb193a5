// The free-space guard: nothing is written any more before the disk is full.
//
// A full disk breaks everything on the machine, and it takes away the room in which the agent would make room. So appends and new
// files are refused, with ENOSPC like that of the system, while fewer than `minFreeBytes` would be left. Removing is always
// allowed, and files that take the place of others (`.new`: checkpoints, compacted segments) may go down to half of that.
//
// How much is free is asked of the system now and then only; in between, what is written here is counted off. Others write to
// the disk, too: hence the interval. What they or we set free is seen at the next question, and writing goes on by itself.

import { dirname } from 'node:path';
import type { Clock } from '../time/clock.ts';
import type { Disk, DiskFile } from './disk.ts';

const mebibyte = 1024 * 1024;

export interface FreeSpaceOptions {
  /** A folder on the disk to be watched; it exists, or the folder above it. */
  readonly folder: string;
  readonly minFreeBytes: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** The system is asked again after so long, */
  readonly askEveryMs?: number;
  /** or after so much was written. */
  readonly askEveryBytes?: number;
}

export class DiskFull extends Error {
  override readonly name = 'DiskFull';
  readonly code = 'ENOSPC';

  constructor(path: string, freeBytes: number, neededBytes: number) {
    const rounded = (bytes: number): string => (bytes / mebibyte).toFixed(1);
    super(
      `ENOSPC: ${rounded(freeBytes)} MiB are free on the disk of ${path} and ${rounded(neededBytes)} MiB have to stay free; ` +
        'make room, or lower what has to stay free',
    );
  }
}

export class FreeSpaceGuard {
  readonly disk: Disk;
  readonly #disk: Disk;
  readonly #options: Required<FreeSpaceOptions>;
  /** What the system said, less what was written since; undefined when it could not say. */
  #free: number | undefined;
  #writtenSince = 0;
  #askedMs = -Infinity;
  #asking: Promise<void> | undefined;
  #isShort = false;

  constructor(disk: Disk, options: FreeSpaceOptions) {
    this.#disk = disk;
    this.#options = { askEveryMs: 5000, askEveryBytes: 4 * mebibyte, ...options };
    this.disk = {
      makeFolder: (folder) => disk.makeFolder(folder),
      list: (folder) => disk.list(folder),
      create: async (path) => {
        await this.#expectRoom(path, 0);
        return this.#guard(path, await disk.create(path));
      },
      read: (path, offset, length) => disk.read(path, offset, length),
      readAll: (path) => disk.readAll(path),
      size: (path) => disk.size(path),
      remove: async (path) => {
        await disk.remove(path);
        // There may be room now: worth asking, if room was short.
        if (this.#isShort) this.#askedMs = -Infinity;
      },
      rename: (from, to) => disk.rename(from, to),
      syncFile: (path) => disk.syncFile(path),
      syncFolder: (folder) => disk.syncFolder(folder),
      freeBytes: (folder) => disk.freeBytes(folder),
    };
  }

  /** As far as known; undefined before the first write, or when the system cannot say. */
  get freeBytes(): number | undefined {
    return this.#free;
  }

  /** The last write was refused. */
  get isShort(): boolean {
    return this.#isShort;
  }

  #guard(path: string, file: DiskFile): DiskFile {
    return {
      append: async (bytes) => {
        await this.#expectRoom(path, bytes.length);
        await file.append(bytes);
        this.#writtenSince += bytes.length;
        if (this.#free !== undefined) this.#free -= bytes.length;
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  }

  async #expectRoom(path: string, bytes: number): Promise<void> {
    const { clock, askEveryMs, askEveryBytes, minFreeBytes } = this.#options;
    const isStale = clock.monotonicMs() - this.#askedMs >= askEveryMs || this.#writtenSince + bytes > askEveryBytes;
    if (isStale) await this.#ask();
    // Nobody knows: the disk itself will say when it is full.
    if (this.#free === undefined) return;
    const needed = path.endsWith('.new') ? minFreeBytes / 2 : minFreeBytes;
    const isRefused = this.#free - bytes < needed;
    if (!path.endsWith('.new') || isRefused) this.#isShort = isRefused;
    if (isRefused) throw new DiskFull(path, Math.max(0, this.#free), needed);
  }

  /** Several writers ask together. */
  #ask(): Promise<void> {
    this.#asking ??= this.#askSystem().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askSystem(): Promise<void> {
    this.#askedMs = this.#options.clock.monotonicMs();
    this.#writtenSince = 0;
    const { folder } = this.#options;
    this.#free = await this.#disk
      .freeBytes(folder)
      .catch(() => this.#disk.freeBytes(dirname(folder)))
      .catch(() => undefined);
  }
}
