import { readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, fill, incarnation, openLog, textsOf } from '../testing/logs.ts';
import { scratchFolder, tempFolder } from '../testing/temp-folder.ts';
import { realDisk } from './disk.ts';
import { Log } from './log.ts';
import { encodeSegmentHeader, segmentName } from './segment.ts';

const fileOf = (first: number, owner = incarnation): string => segmentName({ first, incarnation: owner });

describe('a log on a real disk', () => {
  it('does to any sequence of append, sync, trim and reopen what a list would', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ append: fc.string({ maxLength: 60 }) }) },
      { weight: 2, arbitrary: fc.constant('sync' as const) },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
      { weight: 1, arbitrary: fc.record({ trim: fc.nat(40) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const folder = await scratchFolder();
        let log = await openLog(realDisk, folder);
        const written: string[] = [];
        let synced = 0;
        for (const todo of steps) {
          if (todo === 'sync') {
            await log.sync();
            synced = written.length;
          } else if (todo === 'reopen') {
            await log.close();
            log = await openLog(realDisk, folder);
            written.length = synced;
          } else if ('trim' in todo) await log.trim(Math.min(todo.trim, synced));
          else written.push(`${log.append(bytesOf(todo.append))}: ${todo.append}`);
          expect(log.last).toBe(written.length);
          expect(log.synced).toBe(synced);
          expect(log.salvage).toEqual({ segments: 0, bytes: 0, records: 0 });
          expect(await textsOf(log)).toEqual(written.slice(log.trimmed, synced));
        }
        await log.close();
        await rm(folder, { recursive: true });
      }),
      { numRuns: 60 },
    );
  });

  it('gives what was appended only once it is synced', async () => {
    const log = await openLog(realDisk, await tempFolder());
    expect(log.append(bytesOf('early'))).toBe(1);
    expect(await textsOf(log)).toEqual([]);
    await log.sync();
    log.append(bytesOf('later'));
    expect(await textsOf(log)).toEqual(['1: early']);
    await log.close();
  });

  it('reads from any place, at most so many bytes and at least one record', async () => {
    const log = await openLog(realDisk, await tempFolder(), 1000);
    await fill(log, 30);
    for (let after = 0; after < 30; after++) {
      const [first] = await log.read(after, 1);
      expect(first?.seq).toBe(after + 1);
      const some = await log.read(after, 100);
      expect(some.map(({ seq }) => seq)).toEqual(some.map((_, index) => after + 1 + index));
      expect(some.length).toBeLessThanOrEqual(5);
    }
    expect(await log.read(30, 1000)).toEqual([]);
    await log.close();
  });

  it('begins a new segment instead of growing one beyond its limit', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder, 100);
    await fill(log, 10);
    log.append(new Uint8Array(500));
    await log.sync();
    await fill(log, 1);
    await log.close();
    const names = (await readdir(folder)).toSorted();
    expect(names.map((name) => Number(name.slice(0, 16)))).toEqual([1, 4, 7, 10, 11, 12]);
    expect((await textsOf(await openLog(realDisk, folder, 100))).length).toBe(12);
  });

  it('deletes whole segments, and never the one with the last record', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder, 100);
    await fill(log, 9);
    await log.trim(5);
    expect(log.trimmed).toBe(3);
    await log.trim(9);
    expect(log.trimmed).toBe(6);
    expect((await readdir(folder)).length).toBe(1);
    await log.close();
    const reopened = await openLog(realDisk, folder, 100);
    expect(reopened.append(bytesOf('next'))).toBe(10);
  });

  it('may be trimmed by several at once', async () => {
    const log = await openLog(realDisk, await tempFolder(), 60);
    await fill(log, 9);
    await Promise.all([log.trim(4), log.trim(6), log.trim(6)]);
    expect(log.trimmed).toBe(6);
    expect((await textsOf(log))[0]).toBe('7: record 7');
    await log.close();
  });

  it('reads on behind a segment file that is gone', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder, 100);
    await fill(log, 9);
    await log.close();
    await unlink(join(folder, fileOf(4)));
    const reopened = await openLog(realDisk, folder, 100);
    expect((await textsOf(reopened)).map((text) => text.split(':')[0])).toEqual(['1', '2', '3', '7', '8', '9']);
    expect(reopened.append(bytesOf('next'))).toBe(10);
  });

  it('goes on when a segment file disappears while it runs', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder, 100);
    await fill(log, 9);
    await unlink(join(folder, fileOf(1)));
    await log.trim(6);
    expect(await textsOf(log)).toEqual(['7: record 7', '8: record 8', '9: record 9']);
    await log.close();
  });

  it.each([0, 3, 19, 20])('opens with a last segment of %i bytes and writes over it', async (length) => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder, 100);
    await fill(log, 3);
    await log.close();
    await writeFile(join(folder, fileOf(4)), encodeSegmentHeader({ first: 4, incarnation }, 3).subarray(0, length));
    const reopened = await openLog(realDisk, folder, 100);
    expect(reopened.last).toBe(3);
    await fill(reopened, 2);
    await reopened.close();
    expect((await textsOf(await openLog(realDisk, folder, 100))).length).toBe(5);
  });

  it('leaves alone what is not its own: other files, and segments of another incarnation', async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'README'), 'not a segment');
    const log = await Log.open(realDisk, { folder, segmentBytes: 1000, newIncarnation: () => 'ffffffffffffffff' });
    expect(log.incarnation).toBe('ffffffffffffffff');
    await fill(log, 3);
    await log.close();
    await writeFile(join(folder, fileOf(50)), '');
    const other = await openLog(realDisk, folder, 100);
    expect(other.incarnation).toBe(incarnation);
    expect(other.last).toBe(49);
    expect(await textsOf(other)).toEqual([]);
    await fill(other, 1);
    expect(await textsOf(other)).toEqual(['50: record 50']);
    await other.close();
    expect(await readdir(folder)).toEqual(expect.arrayContaining(['README', fileOf(1, 'ffffffffffffffff')]));
  });

  it('keeps its numbers when it continues a folder, and takes new ones in an empty folder', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder);
    await fill(log, 1);
    await log.close();
    const log2 = await openLog(realDisk, folder);
    expect(log2.incarnation).toBe(incarnation);
    expect(log2.last).toBe(1);
  });

  it('gives out no number that was skipped', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder);
    await fill(log, 2);
    log.skipTo(10);
    log.skipTo(4);
    await fill(log, 1);
    await log.close();
    const reopened = await openLog(realDisk, folder);
    expect(await textsOf(reopened)).toEqual(['1: record 1', '2: record 2', '11: record 11']);
    expect(reopened.last).toBe(11);
  });

  it('passes numbers over while records wait, and knows them for no damage', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder, 100);
    log.append(bytesOf('one'));
    log.skipTo(10);
    expect(log.synced).toBe(0);
    expect(await textsOf(log)).toEqual([]);
    await log.sync();
    expect(log.synced).toBe(10);
    await fill(log, 1);
    await log.close();
    const again = await openLog(realDisk, folder, 100);
    again.skipTo(20);
    await fill(again, 4);
    await again.close();
    const reopened = await openLog(realDisk, folder, 100);
    expect((await textsOf(reopened)).map((text) => Number.parseInt(text, 10))).toEqual([1, 11, 21, 22, 23, 24]);
    expect(reopened.salvage).toEqual({ segments: 0, bytes: 0, records: 0 });
    await reopened.close();
  });
});
