// A disk in memory that can lose its power.
//
// What a file holds survives up to its last sync; what a folder lists survives up to its last syncFolder. Of everything
// later, a power cut keeps as much as chance wants: the names changed up to some moment, the bytes up to some length, and
// the last of those bytes torn.

import { basename, dirname } from 'node:path';
import type { Disk, DiskFile } from '../log/disk.ts';

class Content {
  bytes: Uint8Array = new Uint8Array(0);
  synced = 0;
}

type Names = Map<string, Content>;

interface NameChange {
  readonly folder: string;
  readonly apply: (names: Names) => void;
}

export class PowerCut extends Error {
  override readonly name = 'PowerCut';
}

export class MemoryDisk implements Disk {
  readonly #names: Names = new Map();
  readonly #durable: Names = new Map();
  #changes: NameChange[] = [];
  #hasPower = true;

  /** @param random uniform in [0, 1): how much of what was never synced is there afterwards @returns the disk afterwards */
  cutPower(random: () => number): MemoryDisk {
    this.#hasPower = false;
    const kept = Math.floor(random() * (this.#changes.length + 1));
    for (const { apply } of this.#changes.slice(0, kept)) apply(this.#durable);
    const after = new MemoryDisk();
    for (const [path, content] of this.#durable) {
      const left = new Content();
      const unsynced = content.bytes.length - content.synced;
      left.bytes = content.bytes.slice(0, content.synced + Math.floor(random() * (unsynced + 1)));
      for (let at = left.bytes.length - 1; at >= content.synced && random() < 0.5; at--) left.bytes[at] = 0;
      left.synced = left.bytes.length;
      after.#names.set(path, left);
      after.#durable.set(path, left);
    }
    return after;
  }

  /** The bytes of a file as they are, to be read or damaged. */
  contentOf(path: string): Uint8Array {
    return this.#content(path).bytes;
  }

  /** Puts other bytes in the place of a file's. */
  overwrite(path: string, bytes: Uint8Array): void {
    const content = this.#content(path);
    content.bytes = bytes.slice();
    content.synced = bytes.length;
  }

  async makeFolder(): Promise<void> {
    this.#alive();
  }

  async list(folder: string): Promise<string[]> {
    this.#alive();
    return [...this.#names.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path));
  }

  async create(path: string): Promise<DiskFile> {
    this.#alive();
    if (this.#names.has(path)) throw fault('EEXIST', path);
    const content = new Content();
    this.#change(path, (names) => names.set(path, content));
    return {
      append: async (bytes) => {
        this.#alive();
        const grown = new Uint8Array(content.bytes.length + bytes.length);
        grown.set(content.bytes);
        grown.set(bytes, content.bytes.length);
        content.bytes = grown;
      },
      sync: async () => {
        this.#alive();
        content.synced = content.bytes.length;
      },
      close: async () => undefined,
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

  async remove(path: string): Promise<void> {
    this.#alive();
    this.#change(path, (names) => names.delete(path));
  }

  async rename(from: string, to: string): Promise<void> {
    this.#alive();
    const content = this.#content(from);
    this.#change(to, (names) => {
      names.delete(from);
      names.set(to, content);
    });
  }

  async syncFolder(folder: string): Promise<void> {
    this.#alive();
    for (const change of this.#changes) if (change.folder === folder) change.apply(this.#durable);
    this.#changes = this.#changes.filter((change) => change.folder !== folder);
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

function fault(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
