// A disk that asks before every call: a test counts the calls, notes their order, makes one fail, or holds one up.

import type { Disk, DiskFile } from '../log/disk.ts';

export interface DiskCall {
  readonly name: keyof Disk | 'append' | 'sync' | 'close';
  readonly path: string;
  /** Counts from 1 over all calls of the disk. */
  readonly number: number;
}

/** @param before awaited in front of every call; when it throws, the call fails without effect */
export function watched(disk: Disk, before: (call: DiskCall) => Promise<void> | void): Disk {
  let calls = 0;
  const ask = async <T>(name: DiskCall['name'], path: string, act: () => Promise<T>): Promise<T> => {
    calls += 1;
    await before({ name, path, number: calls });
    return act();
  };
  const watchFile = (path: string, file: DiskFile): DiskFile => ({
    append: (bytes) => ask('append', path, () => file.append(bytes)),
    sync: () => ask('sync', path, () => file.sync()),
    close: () => ask('close', path, () => file.close()),
  });
  return {
    makeFolder: (folder) => ask('makeFolder', folder, () => disk.makeFolder(folder)),
    list: (folder) => ask('list', folder, () => disk.list(folder)),
    create: (path) => ask('create', path, async () => watchFile(path, await disk.create(path))),
    read: (path, offset, length) => ask('read', path, () => disk.read(path, offset, length)),
    readAll: (path) => ask('readAll', path, () => disk.readAll(path)),
    size: (path) => ask('size', path, () => disk.size(path)),
    remove: (path) => ask('remove', path, () => disk.remove(path)),
    rename: (from, to) => ask('rename', to, () => disk.rename(from, to)),
    syncFile: (path) => ask('syncFile', path, () => disk.syncFile(path)),
    syncFolder: (folder) => ask('syncFolder', folder, () => disk.syncFolder(folder)),
    freeBytes: (folder) => ask('freeBytes', folder, () => disk.freeBytes(folder)),
  };
}

/** A switch in front of a disk: while it is broken, every call fails. */
export class DiskSwitch {
  broken = false;
  readonly disk: Disk;

  constructor(disk: Disk) {
    this.disk = watched(disk, () => {
      if (this.broken) throw new Error('the disk fails');
    });
  }
}

/** A gate in front of the calls of one name: while it is held, they wait. */
export class DiskGate {
  readonly disk: Disk;
  #held: (() => void)[] | undefined;

  constructor(disk: Disk, gated: (call: DiskCall) => boolean) {
    this.disk = watched(disk, (call) => {
      if (this.#held === undefined || !gated(call)) return undefined;
      return new Promise<void>((resolve) => this.#held?.push(resolve));
    });
  }

  /** Calls that wait at the gate. */
  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const resolve of held) resolve();
  }
}
