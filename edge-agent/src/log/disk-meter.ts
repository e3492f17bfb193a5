// What the card has to take: bytes written and syncs, in total and per hour. A disk in front of the real one counts.
//
// The rates are over the last hour, in sixty slots of a minute: constant memory, whatever is written. In the first hour they are
// over the time since the start, at least a minute.

import type { Disk, DiskFile } from './disk.ts';
import type { Clock } from '../time/clock.ts';

export interface Wear {
  readonly bytes: number;
  /** Of files and of folders: each makes the card write. */
  readonly syncs: number;
}

const slotMs = 60_000;
const slots = 60;

export class DiskMeter {
  readonly disk: Disk;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #startMs: number;
  readonly #bytes = new Float64Array(slots);
  readonly #syncs = new Float64Array(slots);
  /** Number of the slot that is being filled, since the start. */
  #slot = 0;
  #totalBytes = 0;
  #totalSyncs = 0;

  constructor(disk: Disk, clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
    const watch = (file: DiskFile): DiskFile => ({
      append: async (bytes) => {
        await file.append(bytes);
        this.#count(bytes.length, 0);
      },
      sync: async () => {
        await file.sync();
        this.#count(0, 1);
      },
      close: () => file.close(),
    });
    this.disk = {
      makeFolder: (folder) => disk.makeFolder(folder),
      list: (folder) => disk.list(folder),
      create: async (path) => watch(await disk.create(path)),
      read: (path, offset, length) => disk.read(path, offset, length),
      readAll: (path) => disk.readAll(path),
      size: (path) => disk.size(path),
      remove: (path) => disk.remove(path),
      rename: (from, to) => disk.rename(from, to),
      syncFile: async (path) => {
        await disk.syncFile(path);
        this.#count(0, 1);
      },
      syncFolder: async (folder) => {
        await disk.syncFolder(folder);
        this.#count(0, 1);
      },
      freeBytes: (folder) => disk.freeBytes(folder),
    };
  }

  /** Since the start. */
  get total(): Wear {
    return { bytes: this.#totalBytes, syncs: this.#totalSyncs };
  }

  /** What an hour like the last one costs. */
  get perHour(): Wear {
    this.#moveOn();
    const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0);
    const intoSlotMs = this.#clock.monotonicMs() - this.#startMs - this.#slot * slotMs;
    const coveredMs = Math.max(slotMs, Math.min(this.#slot, slots - 1) * slotMs + intoSlotMs);
    const hours = coveredMs / 3_600_000;
    return { bytes: sum(this.#bytes) / hours, syncs: sum(this.#syncs) / hours };
  }

  #count(bytes: number, syncs: number): void {
    this.#moveOn();
    this.#totalBytes += bytes;
    this.#totalSyncs += syncs;
    const at = this.#slot % slots;
    this.#bytes[at] = (this.#bytes[at] ?? 0) + bytes;
    this.#syncs[at] = (this.#syncs[at] ?? 0) + syncs;
  }

  #moveOn(): void {
    const slot = Math.floor((this.#clock.monotonicMs() - this.#startMs) / slotMs);
    for (let left = Math.min(slot - this.#slot, slots); left > 0; left--) {
      const at = (slot - left + 1) % slots;
      this.#bytes[at] = 0;
      this.#syncs[at] = 0;
    }
    this.#slot = Math.max(slot, this.#slot);
  }
}
