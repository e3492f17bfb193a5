// A disk in memory that can lose its power, and can be full.
//
// What a file holds survives up to its last sync; what a folder lists survives up to its last syncFolder. Of everything later, a
// power cut keeps what chance wants:
// - names: the changes up to some moment, in their order, as file systems with a journal do;
// - bytes: up to some length, and of those any subset of the sectors (512 bytes) written since the last sync; a sector that did
//   not get there holds zeros or garbage.
// A process that is killed (`crash`) loses nothing that was written, synced or not, and what was never synced can still be lost later.
//
// Folders are there as soon as they are named. Slowness and failing calls: unreliable-disk.ts.

import { dirname } from 'node:path';
import type { Disk, DiskFile } from '../log/disk.ts';

const sectorBytes = 512;

class Content {
  length = 0;
  synced = 0;
  #buffer: Uint8Array = new Uint8Array(64);

  static of(bytes: Uint8Array): Content {
    const content = new Content();
    content.append(bytes);
    content.synced = content.length;
    return content;
  }

  /** Not a copy. */
  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  append(bytes: Uint8Array): void {
    const length = this.length + bytes.length;
    if (length > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      grown.set(this.bytes);
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.length);
    this.length = length;
  }

  /** What is there after a power cut. */
  survivors(random: () => number): Content {
    const reach = random();
    const unsynced = this.length - this.synced;
    const length = this.synced + (reach > 0.75 ? unsynced : Math.floor((reach / 0.75) * (unsynced + 1)));
    const left = this.bytes.slice(0, Math.min(length, this.length));
    const lost = random() < 0.5 ? 0 : random();
    for (let at = this.synced; at < left.length;) {
      const end = Math.min(left.length, at - (at % sectorBytes) + sectorBytes);
      if (random() < lost) left.fill(random() < 0.5 ? 0 : Math.floor(random() * 256), at, end);
      at = end;
    }
    // A length that ends inside what was written at once: the last bytes may be those of before, too.
    for (let at = left.length - 1; at >= this.synced && lost > 0 && random() < 0.5; at--) left[at] = 0;
    return Content.of(left);
  }
}

type Names = Map<string, Content>;

interface NameChange {
  readonly folder: string;
  readonly apply: (names: Names) => void;
}

export interface MemoryDiskOptions {
  /** All files together; what does not fit is refused with ENOSPC. No limit when left out. */
  readonly capacityBytes?: number;
}

export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

export class MemoryDisk implements Disk {
  /** May be changed at any time. */
  capacityBytes: number;
  /** Files that were made or opened and not closed. */
  openFiles = 0;
  #names: Names = new Map();
  #durable: Names = new Map();
  #changes: NameChange[] = [];
  #hasPower = true;

  constructor({ capacityBytes = Number.MAX_SAFE_INTEGER }: MemoryDiskOptions = {}) {
    this.capacityBytes = capacityBytes;
  }

  /** Bytes in all files. */
  get usedBytes(): number {
    let used = 0;
    for (const content of this.#names.values()) used += content.length;
    return used;
  }

  /** @param random uniform in [0, 1): how much of what was never synced is there afterwards @returns the disk afterwards */
  cutPower(random: () => number): MemoryDisk {
    this.#hasPower = false;
    const kept = Math.floor(random() * (this.#changes.length + 1));
    for (const { apply } of this.#changes.slice(0, kept)) apply(this.#durable);
    const after = new MemoryDisk({ capacityBytes: this.capacityBytes });
    for (const [path, content] of this.#durable) {
      const left = content.survivors(random);
      after.#names.set(path, left);
      after.#durable.set(path, left);
    }
    return after;
  }

  /** The process ends here; @returns the same disk for the next one */
  crash(): MemoryDisk {
    this.#hasPower = false;
    const after = new MemoryDisk({ capacityBytes: this.capacityBytes });
    after.#names = this.#names;
    after.#durable = this.#durable;
    after.#changes = this.#changes;
    return after;
  }

  /** The bytes of a file as they are, to be read or damaged. */
  contentOf(path: string): Uint8Array {
    return this.#content(path).bytes;
  }

  /** Puts other bytes in the place of a file's. */
  overwrite(path: string, bytes: Uint8Array): void {
    const content = this.#content(path);
    content.length = 0;
    content.append(bytes);
    content.synced = content.length;
  }

  async makeFolder(): Promise<void> {
    this.#alive();
  }

  async list(folder: string): Promise<string[]> {
    this.#alive();
    const inside = folder.endsWith('/') ? folder : `${folder}/`;
    const names = new Set<string>();
    for (const path of this.#names.keys()) {
      if (path.startsWith(inside)) names.add(path.slice(inside.length).split('/', 1)[0] ?? '');
    }
    return [...names];
  }

  async create(path: string): Promise<DiskFile> {
    this.#alive();
    if (this.#names.has(path)) throw fault('EEXIST', path);
    const content = new Content();
    this.#change(path, (names) => names.set(path, content));
    this.openFiles += 1;
    let isOpen = true;
    return {
      append: async (bytes) => {
        this.#alive();
        const room = Math.max(0, this.capacityBytes - this.usedBytes);
        // As much as there is room for gets there.
        content.append(bytes.subarray(0, room));
        if (room < bytes.length) throw fault('ENOSPC', path);
      },
      sync: async () => {
        this.#alive();
        content.synced = content.length;
      },
      close: async () => {
        if (isOpen) this.openFiles -= 1;
        isOpen = false;
      },
    };
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    this.#alive();
    return this.#content(path).bytes.slice(offset, offset + length);
  }

  async readAll(path: string): Promise<Uint8Array> {
    this.#alive();
    return this.#content(path).bytes.slice();
  }

  async size(path: string): Promise<number> {
    this.#alive();
    return this.#content(path).length;
  }

  async remove(path: string): Promise<void> {
    this.#alive();
    if (this.#names.has(path)) this.#change(path, (names) => names.delete(path));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#alive();
    const content = this.#content(from);
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, content);
    });
  }

  async syncFile(path: string): Promise<void> {
    this.#alive();
    const content = this.#content(path);
    content.synced = content.length;
  }

  async syncFolder(folder: string): Promise<void> {
    this.#alive();
    for (const change of this.#changes) if (change.folder === folder) change.apply(this.#durable);
    this.#changes = this.#changes.filter((change) => change.folder !== folder);
  }

  async freeBytes(): Promise<number> {
    this.#alive();
    return Math.max(0, this.capacityBytes - this.usedBytes);
  }

  #change(path: string, apply: NameChange['apply']): void {
    apply(this.#names);
    this.#changes.push({ folder: dirname(path), apply });
  }

  #content(path: string): Content {
    const content = this.#names.get(path);
    if (content === undefined) throw fault('ENOENT', path);
    return content;
  }

  #alive(): void {
    if (!this.#hasPower) throw new PowerCut('the power is off');
  }
}

/** An error as the system gives it. */
export function fault(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
