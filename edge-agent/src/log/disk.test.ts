import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { isGone, realDisk, replaceFile, type Disk } from './disk.ts';

/** What the log relies on, of the real disk and of the one the other tests simulate. */
describe.each([
  ['the real disk', async () => ({ disk: realDisk, folder: await tempFolder() })],
  ['the simulated disk', async () => ({ disk: new MemoryDisk() as Disk, folder: '/data' })],
])('%s', (_, make) => {
  it('appends, and reads what was appended from any place', async () => {
    const { disk, folder } = await make();
    const path = join(folder, 'file');
    const file = await disk.create(path);
    await file.append(new Uint8Array([1, 2, 3]));
    await file.append(new Uint8Array(0));
    await file.append(new Uint8Array([4, 5]));
    await file.sync();
    await file.close();
    expect([...(await disk.readAll(path))]).toEqual([1, 2, 3, 4, 5]);
    expect([...(await disk.read(path, 1, 3))]).toEqual([2, 3, 4]);
    expect([...(await disk.read(path, 3, 100))]).toEqual([4, 5]);
    expect([...(await disk.read(path, 100, 1))]).toEqual([]);
  });

  it('makes a new file only', async () => {
    const { disk, folder } = await make();
    await (await disk.create(join(folder, 'file'))).close();
    await expect(disk.create(join(folder, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it('lists names, and none of a folder that is not there', async () => {
    const { disk, folder } = await make();
    await disk.makeFolder(join(folder, 'a', 'b'));
    await disk.makeFolder(join(folder, 'a', 'b'));
    await (await disk.create(join(folder, 'a', 'b', 'file'))).close();
    expect(await disk.list(join(folder, 'a', 'b'))).toEqual(['file']);
    expect(await disk.list(join(folder, 'nowhere'))).toEqual([]);
  });

  it('removes a file, and one that is not there without complaint', async () => {
    const { disk, folder } = await make();
    await (await disk.create(join(folder, 'file'))).close();
    await disk.remove(join(folder, 'file'));
    await disk.remove(join(folder, 'file'));
    expect(await disk.list(folder)).toEqual([]);
    await expect(disk.readAll(join(folder, 'file'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('renames over a file that is there', async () => {
    const { disk, folder } = await make();
    for (const [name, byte] of [
      ['old', 1],
      ['new', 2],
    ] as const) {
      const file = await disk.create(join(folder, name));
      await file.append(new Uint8Array([byte]));
      await file.close();
    }
    await disk.rename(join(folder, 'new'), join(folder, 'old'));
    await disk.syncFolder(folder);
    expect(await disk.list(folder)).toEqual(['old']);
    expect([...(await disk.readAll(join(folder, 'old')))]).toEqual([2]);
  });

  it('says how large a file is, and how much is free', async () => {
    const { disk, folder } = await make();
    const file = await disk.create(join(folder, 'file'));
    expect(await disk.size(join(folder, 'file'))).toBe(0);
    await file.append(new Uint8Array(1234));
    expect(await disk.size(join(folder, 'file'))).toBe(1234);
    await file.close();
    expect(Number.isSafeInteger(await disk.freeBytes(folder))).toBe(true);
    expect(await disk.freeBytes(folder)).toBeGreaterThan(0);
  });

  it('says ENOENT of what is not there', async () => {
    const { disk, folder } = await make();
    const path = join(folder, 'nothing');
    for (const act of [
      () => disk.read(path, 0, 1),
      () => disk.readAll(path),
      () => disk.size(path),
      () => disk.rename(path, join(folder, 'other')),
    ])
      expect(await act().then(() => undefined, isGone)).toBe(true);
  });

  it('lists a folder in a folder, and moves a file between them', async () => {
    const { disk, folder } = await make();
    await disk.makeFolder(join(folder, 'aside'));
    await (await disk.create(join(folder, 'file'))).close();
    await disk.rename(join(folder, 'file'), join(folder, 'aside', 'file'));
    expect(await disk.list(folder)).toEqual(['aside']);
    expect(await disk.list(join(folder, 'aside'))).toEqual(['file']);
  });

  it('keeps the old file when it replaces one, if asked to', async () => {
    const { disk, folder } = await make();
    await replaceFile(disk, join(folder, 'state'), new Uint8Array([1]));
    for (const byte of [2, 3]) {
      await replaceFile(disk, join(folder, 'state'), new Uint8Array([byte]), join(folder, 'state.old'));
      expect([...(await disk.readAll(join(folder, 'state')))]).toEqual([byte]);
      expect([...(await disk.readAll(join(folder, 'state.old')))]).toEqual([byte - 1]);
    }
    expect((await disk.list(folder)).toSorted()).toEqual(['state', 'state.old']);
  });

  it('replaces a small file, also when a former attempt was interrupted', async () => {
    const { disk, folder } = await make();
    await (await disk.create(join(folder, 'state.new'))).close();
    await replaceFile(disk, join(folder, 'state'), new Uint8Array([1]));
    await replaceFile(disk, join(folder, 'state'), new Uint8Array([2]));
    expect([...(await disk.readAll(join(folder, 'state')))]).toEqual([2]);
    expect(await disk.list(folder)).toEqual(['state']);
  });
});

describe('the real disk', () => {
  it('says what is wrong when a folder cannot be made', async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'file'), 'x');
    await expect(realDisk.makeFolder(join(folder, 'file', 'log'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await mkdir(join(folder, 'there'));
    await realDisk.makeFolder(join(folder, 'there'));
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('x');
    await realDisk.makeFolder(join(folder, 'a', 'b', 'c'));
    expect(await realDisk.list(join(folder, 'a', 'b'))).toEqual(['c']);
  });

  it.skipIf(!existsSync('/proc/self'))('gives up where no folder can be made', async () => {
    await expect(realDisk.makeFolder('/proc/weir/log')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
