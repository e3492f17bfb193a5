// A disk that is slow, stalls and fails, as a test or a seed decides call by call.

import type { Disk, DiskFile } from '../log/disk.ts';
import type { Clock } from '../time/clock.ts';
import type { DiskCall } from './watched-disk.ts';

/**
 * How a call fails: without effect, or done although it says it failed. An append may also stop half-way.
 */
export interface Failure {
  readonly error: Error;
  readonly effect: 'none' | 'half' | 'done';
}

export interface Unreliability {
  readonly clock?: Clock;
  /** How long the call takes; the disk does its work at the end of it. */
  readonly latencyMs?: (call: DiskCall) => number;
  readonly failure?: (call: DiskCall) => Failure | undefined;
}

const never = new AbortController().signal;

export function unreliable(disk: Disk, { clock, latencyMs, failure }: Unreliability): Disk {
  let calls = 0;
  const ask = async <T>(
    name: DiskCall['name'],
    path: string,
    act: () => Promise<T>,
    half: () => Promise<unknown> = async () => undefined,
  ): Promise<T> => {
    calls += 1;
    const call = { name, path, number: calls };
    const failed = failure?.(call);
    const ms = latencyMs?.(call) ?? 0;
    if (clock !== undefined && ms > 0) await clock.sleep(ms, never);
    if (failed === undefined) return act();
    if (failed.effect === 'done') await act();
    if (failed.effect === 'half') await half();
    throw failed.error;
  };
  const fileOf = (path: string, file: DiskFile): DiskFile => ({
    append: (bytes) =>
      ask(
        'append',
        path,
        () => file.append(bytes),
        () => file.append(bytes.subarray(0, bytes.length >> 1)),
      ),
    sync: () => ask('sync', path, () => file.sync()),
    // However it ends, the system has let go of the file: there is no second try.
    close: () =>
      ask(
        'close',
        path,
        () => file.close(),
        () => file.close(),
      ).catch(async (error: unknown) => {
        await file.close();
        throw error;
      }),
  });
  return {
    makeFolder: (folder) => ask('makeFolder', folder, () => disk.makeFolder(folder)),
    list: (folder) => ask('list', folder, () => disk.list(folder)),
    create: (path) => {
      let made: DiskFile | undefined;
      return ask('create', path, async () => (made = await disk.create(path))).then(
        (file) => fileOf(path, file),
        async (error: unknown) => {
          await made?.close();
          throw error;
        },
      );
    },
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
