// The few file calls the log needs. The real disk is here; tests hand in others that fail, tear and forget.

import { mkdir, open, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface DiskFile {
  /** Writes all bytes at the end of what was written so far. */
  append(bytes: Uint8Array): Promise<void>;
  /** Resolves when what was appended survives a power cut. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface Disk {
  /** Makes the folder and those above it; they survive a power cut when it resolves. */
  makeFolder(folder: string): Promise<void>;
  /** Names in the folder; empty when it does not exist. */
  list(folder: string): Promise<string[]>;
  /** A new file; rejects when it exists. Survives a power cut once `syncFolder` has resolved. */
  create(path: string): Promise<DiskFile>;
  /** Reads `length` bytes from `offset`; fewer at the end. */
  read(path: string, offset: number, length: number): Promise<Uint8Array>;
  readAll(path: string): Promise<Uint8Array>;
  /** Bytes in the file. */
  size(path: string): Promise<number>;
  /** Does nothing when there is no such file. */
  remove(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Resolves when what any process has written to the file survives a power cut. */
  syncFile(path: string): Promise<void>;
  /** Resolves when names made, renamed or removed in the folder survive a power cut. */
  syncFolder(folder: string): Promise<void>;
  /** Bytes that may still be written to the file system of an existing folder. */
  freeBytes(folder: string): Promise<number>;
}

export const realDisk: Disk = {
  // Step by step, and not by mkdir's own recursion, which never ends where a folder cannot be made (below /proc).
  async makeFolder(folder) {
    try {
      await mkdir(folder);
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return;
      const above = dirname(folder);
      if (codeOf(error) !== 'ENOENT' || above === folder) throw error;
      await this.makeFolder(above);
      await mkdir(folder);
    }
    await this.syncFolder(dirname(folder));
  },

  async list(folder) {
    try {
      return await readdir(folder);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }
  },

  async create(path) {
    const handle = await open(path, 'ax', 0o640);
    return {
      async append(bytes) {
        for (let at = 0; at < bytes.length;) at += (await handle.write(bytes, at)).bytesWritten;
      },
      sync: () => handle.datasync(),
      close: () => handle.close(),
    };
  },

  async read(path, offset, length) {
    const handle = await open(path, 'r');
    try {
      const bytes = new Uint8Array(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await handle.close();
    }
  },

  readAll: (path) => readFile(path),
  size: async (path) => (await stat(path)).size,
  remove: (path) => rm(path, { force: true }),
  rename: (from, to) => rename(from, to),

  syncFile: (path) => sync(path),
  syncFolder: (folder) => sync(folder),

  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
};

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

export function isGone(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** The medium cannot read what is there, or the file system finds its own structures damaged. */
export function isMediumError(error: unknown): boolean {
  return ['EIO', 'EBADMSG', 'EUCLEAN'].some((code) => codeOf(error) === code);
}

/** One sector of a medium, or the page the system reads it in. */
const unreadableBytes = 4096;

/** Reads what can be read, with zeros in the place of what the medium refuses. Rejects when it refuses everything. */
export async function readAround(disk: Disk, path: string, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let refused: unknown;
  let answers = 0;
  for (let at = 0; at < length;) {
    // Aligned in the file: one bad sector spoils one block.
    const size = Math.min(length - at, unreadableBytes - ((offset + at) % unreadableBytes));
    try {
      bytes.set(await disk.read(path, offset + at, size), at);
      answers += 1;
    } catch (error) {
      if (!isMediumError(error)) throw error;
      refused = error;
    }
    at += size;
  }
  if (answers === 0 && refused !== undefined) {
    // Is it this place, or the disk? Anything else it can read tells.
    await disk.list(dirname(path));
    await disk.read(path, 0, 1);
  }
  return bytes;
}

/**
 * Replaces a small file so that a power cut leaves the old one or the new one, never a part.
 * @param keepAs where the old one, which must be there, goes; a power cut may then also leave nothing but that
 */
export async function replaceFile(disk: Disk, path: string, bytes: Uint8Array, keepAs?: string): Promise<void> {
  const fresh = `${path}.new`;
  await disk.remove(fresh);
  const file = await disk.create(fresh);
  try {
    await file.append(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  if (keepAs !== undefined) await disk.rename(path, keepAs);
  await disk.rename(fresh, path);
  await disk.syncFolder(dirname(path));
}

export { join as joinPath };
