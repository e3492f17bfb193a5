import { execFileSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { fill, openLog, textsOf } from '../testing/logs.ts';
import { fault, MemoryDisk } from '../testing/memory-disk.ts';
import { scratchFolder } from '../testing/temp-folder.ts';
import { watched } from '../testing/watched-disk.ts';
import { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { realDisk, replaceFile } from './disk.ts';
import { FreeSpaceGuard } from './free-space.ts';

function setUp({ capacityBytes = 10_000, minFreeBytes = 4000, askEveryBytes = 1000 } = {}) {
  const memory = new MemoryDisk({ capacityBytes });
  const clock = new FakeClock();
  let asked = 0;
  const counted = watched(memory, ({ name }) => {
    if (name === 'freeBytes') asked += 1;
  });
  const guard = new FreeSpaceGuard(counted, { folder: '/data', minFreeBytes, clock, askEveryMs: 5000, askEveryBytes });
  return { memory, clock, guard, disk: guard.disk, asked: () => asked };
}

describe('the free-space guard', () => {
  it('lets everything through while there is room, and refuses what would leave too little', async () => {
    const { disk, memory, guard } = setUp();
    const file = await disk.create('/data/file');
    for (let i = 0; i < 6; i++) await file.append(new Uint8Array(1000));
    expect(guard.isShort).toBe(false);
    await expect(file.append(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(guard.isShort).toBe(true);
    expect(memory.usedBytes).toBe(6000);
    expect(guard.freeBytes).toBe(4000);
  });

  it('says in its error how much is free, how much has to be, and what to do', async () => {
    const { disk } = setUp({ capacityBytes: 3 * 1024 * 1024, minFreeBytes: 64 * 1024 * 1024 });
    await expect(disk.create('/data/file')).rejects.toThrow(
      'ENOSPC: 3.0 MiB are free on the disk of /data/file and 64.0 MiB have to stay free; make room',
    );
  });

  it('lets files that replace others use half of what has to stay free', async () => {
    const { disk, memory, guard } = setUp();
    const file = await disk.create('/data/file');
    await file.append(new Uint8Array(6000));
    await expect(file.append(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENOSPC' });
    await replaceFile(disk, '/data/state', new Uint8Array(1500));
    expect(guard.isShort).toBe(true);
    await expect(replaceFile(disk, '/data/other', new Uint8Array(501))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(memory.usedBytes).toBe(7500);
  });

  it('never refuses to remove, to rename or to read, and lets writing go on when there is room again', async () => {
    const { disk, memory, guard } = setUp();
    const file = await disk.create('/data/file');
    await file.append(new Uint8Array(6000));
    const other = await disk.create('/data/other');
    await expect(other.append(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect((await disk.readAll('/data/file')).length).toBe(6000);
    await disk.rename('/data/file', '/data/renamed');
    await disk.remove('/data/renamed');
    await other.append(new Uint8Array(100));
    expect(guard.isShort).toBe(false);
    expect(memory.usedBytes).toBe(100);
  });

  it('notices what others write and set free, after a while', async () => {
    const { disk, memory, clock } = setUp();
    const file = await disk.create('/data/file');
    await file.append(new Uint8Array(10));
    memory.capacityBytes = 1000;
    await file.append(new Uint8Array(10));
    clock.advance(5000);
    await expect(file.append(new Uint8Array(10))).rejects.toMatchObject({ code: 'ENOSPC' });
    memory.capacityBytes = 10_000;
    await expect(file.append(new Uint8Array(10))).rejects.toMatchObject({ code: 'ENOSPC' });
    clock.advance(5000);
    await file.append(new Uint8Array(10));
  });

  it('asks the system every so often and every so many bytes, not more, also when it refuses', async () => {
    const { disk, clock, asked } = setUp({ capacityBytes: 1e6 });
    const file = await disk.create('/data/file');
    for (let i = 0; i < 100; i++) await file.append(new Uint8Array(10));
    expect(asked()).toBe(1);
    for (let i = 0; i < 100; i++) await file.append(new Uint8Array(10));
    expect(asked()).toBe(2);
    clock.advance(5000);
    await Promise.all([file.append(new Uint8Array(10)), file.append(new Uint8Array(10))]);
    expect(asked()).toBe(3);
    const full = setUp({ capacityBytes: 100 });
    for (let i = 0; i < 50; i++) await full.disk.create('/data/file').catch(() => undefined);
    expect(full.asked()).toBe(1);
  });

  it('lets everything through when the system cannot say how much is free', async () => {
    const memory = new MemoryDisk();
    const silent = watched(memory, ({ name }) => {
      if (name === 'freeBytes') throw fault('EIO', 'statfs');
    });
    const guard = new FreeSpaceGuard(silent, { folder: '/data', minFreeBytes: 1e9, clock: new FakeClock() });
    await (await guard.disk.create('/data/file')).append(new Uint8Array(10));
    expect(guard.freeBytes).toBeUndefined();
    expect(memory.usedBytes).toBe(10);
  });

  it('keeps a log and its checkpoint alive: what was refused is written when there is room', async () => {
    const { disk, memory } = setUp();
    const log = await openLog(disk, '/data/log', 1000);
    let written = 0;
    const refused = async (): Promise<boolean> => {
      try {
        await fill(log, 10);
        written = log.last;
        return false;
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
        return true;
      }
    };
    while (!(await refused()));
    expect(written).toBeGreaterThan(150);
    const checkpoint = { journalIncarnation: 'a', seq: 1, unacted: '', plan: '', snapshot: new Uint8Array(100) };
    await writeCheckpoint(disk, '/data/checkpoint', checkpoint);
    expect(await readCheckpoint(disk, '/data/checkpoint')).toEqual(checkpoint);
    expect(memory.usedBytes).toBeLessThanOrEqual(8000);
    await log.trim(written - 50);
    await log.sync();
    expect(log.synced).toBe(log.last);
    expect((await textsOf(log)).at(-1)).toBe(`${log.last}: record ${log.last}`);
  });
});

/** A file system of a few megabytes, when this machine lets us mount one. */
async function smallFileSystem(bytes: number): Promise<string | undefined> {
  const folder = await scratchFolder();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    await rm(folder, { recursive: true });
    return undefined;
  }
  onTestFinished(async () => {
    execFileSync('umount', ['-l', folder], { stdio: 'ignore' });
    await rm(folder, { recursive: true });
  });
  return folder;
}

describe('the free-space guard on a real file system', () => {
  it('stops before it is full, and the log goes on when there is room again', async (context) => {
    const folder = await smallFileSystem(4 * 1024 * 1024);
    if (folder === undefined) return context.skip('this machine lets nobody mount a file system');
    const minFreeBytes = 1024 * 1024;
    const guard = new FreeSpaceGuard(realDisk, {
      folder,
      minFreeBytes,
      clock: { monotonicMs: () => performance.now() },
      askEveryBytes: 100_000,
      askEveryMs: 0,
    });
    const log = await openLog(guard.disk, join(folder, 'log'), 256 * 1024);
    const payload = new Uint8Array(10_000).fill(7);
    const put = async (): Promise<boolean> => {
      log.append(payload);
      return log.sync().then(
        () => true,
        () => false,
      );
    };
    while (await put());
    expect(await realDisk.freeBytes(folder)).toBeGreaterThanOrEqual(minFreeBytes);
    expect(await realDisk.freeBytes(folder)).toBeLessThan(minFreeBytes + 300_000);
    // Somebody else fills the disk to the last byte; reading, trimming and going on must work from there, too.
    await writeFile(join(folder, 'other'), new Uint8Array(1024 * 1024 * 4)).catch(() => undefined);
    expect(await realDisk.freeBytes(folder)).toBe(0);
    expect(await put()).toBe(false);
    expect((await log.read(0, 1)).length).toBe(1);
    await log.trim(log.synced);
    await rm(join(folder, 'other'));
    expect(await put()).toBe(true);
    expect((await log.read(log.last - 1, 1)).map(({ seq }) => seq)).toEqual([log.last]);
    await log.close();
  });

  it('is needed: without it the log meets the full disk, and goes on when there is room, too', async (context) => {
    const folder = await smallFileSystem(1024 * 1024);
    if (folder === undefined) return context.skip('this machine lets nobody mount a file system');
    const log = await openLog(realDisk, join(folder, 'log'), 128 * 1024);
    const payload = new Uint8Array(10_000).fill(7);
    let failed = false;
    while (!failed) {
      log.append(payload);
      failed = await log.sync().then(
        () => false,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'ENOSPC' });
          return true;
        },
      );
    }
    const { synced, last } = log;
    expect(synced).toBe(last - 1);
    await expect(log.sync()).rejects.toMatchObject({ code: 'ENOSPC' });
    await log.trim(synced / 2);
    await log.sync();
    expect(log.synced).toBe(last);
    await log.close();
    const reopened = await openLog(realDisk, join(folder, 'log'), 128 * 1024);
    expect((await reopened.read(last - 1, 1)).map(({ seq }) => seq)).toEqual([last]);
    expect(reopened.salvage.records).toBe(0);
    await reopened.close();
  });
});
