// A disk to look at what another process is writing: nothing is changed, and what was in a folder when it was listed can be
// read to the end, though the other process removes it meanwhile.

import { open, readdir, readFile, type FileHandle } from 'node:fs/promises';
import { isGone, joinPath, type Disk } from './disk.ts';

export class HeldDisk implements Disk {
  readonly #files = new Map<string, FileHandle>();

  /** Opens every file of the folder. */
  async list(folder: string): Promise<string[]> {
    const names: string[] = [];
    for (const name of await namesIn(folder)) {
      const path = joinPath(folder, name);
      try {
        if (!this.#files.has(path)) this.#files.set(path, await open(path, 'r'));
        names.push(name);
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    }
    return names;
  }

  async read(path: string, offset: number, length: number): Promise<Uint8Array> {
    const file = this.#held(path);
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  readAll(path: string): Promise<Uint8Array> {
    return readFile(path);
  }

  async size(path: string): Promise<number> {
    return (await this.#held(path).stat()).size;
  }

  freeBytes(): Promise<number> {
    return Promise.resolve(0);
  }

  makeFolder(): Promise<void> {
    return Promise.resolve();
  }

  create = refuse;
  remove = refuse;
  rename = refuse;
  syncFile = refuse;
  syncFolder = refuse;

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
    this.#files.clear();
  }

  #held(path: string): FileHandle {
    const file = this.#files.get(path);
    if (file === undefined) throw Object.assign(new Error(`${path} was not there`), { code: 'ENOENT' });
    return file;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

function refuse(): Promise<never> {
  return Promise.reject(Object.assign(new Error('this disk is only looked at'), { code: 'EROFS' }));
}
