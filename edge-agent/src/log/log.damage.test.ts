import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, fill, incarnation, openLog, textsOf } from '../testing/logs.ts';
import { fault, MemoryDisk } from '../testing/memory-disk.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { watched } from '../testing/watched-disk.ts';
import { realDisk } from './disk.ts';
import { Log, type Damage } from './log.ts';
import { parseSegmentName, scanSegment, segmentHeaderBytes, segmentName, type SegmentName } from './segment.ts';

interface File {
  readonly path: string;
  readonly name: SegmentName;
  readonly bytes: Uint8Array;
  readonly records: readonly { readonly seq: number; readonly offset: number; readonly length: number }[];
}

/** Five segments, the second compacted; numbers are passed over between the third and the fourth and inside the fourth. */
async function written(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await openLog(disk, '/log', 100);
  await fill(log, 12);
  await log.replace(
    4,
    9,
    [5, 6, 9].map((seq) => ({ seq, payload: bytesOf(`record ${seq}`) })),
  );
  await log.close();
  const again = await openLog(disk, '/log', 100);
  again.skipTo(14);
  await fill(again, 2);
  again.skipTo(20);
  await fill(again, 4);
  await again.close();
  return disk;
}

const numbers = [1, 2, 3, 5, 6, 9, 10, 11, 12, 15, 16, 21, 22, 23, 24];
/** Numbers that no record has: damage beside them may count them as missing. */
const passedOver = 24 - numbers.length;

async function filesOf(disk: MemoryDisk): Promise<File[]> {
  const files: File[] = [];
  for (const file of (await disk.list('/log')).toSorted()) {
    const name = parseSegmentName(file);
    if (name === undefined) continue;
    const bytes = disk.contentOf(join('/log', file)).slice();
    files.push({ path: join('/log', file), name, bytes, records: scanSegment(bytes, name).entries });
  }
  return files;
}

interface Expected {
  /** Numbers of the records hit. */
  readonly hit: readonly number[];
  /** The lowest number that may be given out. */
  readonly above: number;
  /** Records that are counted as missing, at least, and at most, numbers passed over beside them left aside. */
  readonly counted: readonly [atLeast: number, atMost: number];
  readonly bytes?: number;
}

/** Opens what is there: the records not hit are read, and no others, the damage is counted, and the log goes on. */
async function expectSalvaged(
  disk: MemoryDisk,
  { hit, above, counted, bytes }: Expected,
  where: string,
): Promise<void> {
  const told: Damage[] = [];
  const log = await openLog(disk, '/log', 100, (damage) => told.push(damage));
  const texts = await textsOf(log);
  const expected = numbers.filter((seq) => !hit.includes(seq)).map((seq) => `${seq}: record ${seq}`);
  expect(texts, where).toEqual(expected);
  const { salvage } = log;
  expect(salvage.records, where).toBeGreaterThanOrEqual(counted[0]);
  expect(salvage.records, where).toBeLessThanOrEqual(counted[1] + passedOver);
  if (bytes !== undefined) expect(salvage.bytes, where).toBe(bytes);
  expect(
    told.reduce((sum, damage) => sum + damage.records, 0),
    where,
  ).toBe(salvage.records);
  expect(
    told.reduce((sum, damage) => sum + damage.bytes, 0),
    where,
  ).toBe(salvage.bytes);
  expect(new Set(told.map(({ file }) => file)).size, where).toBe(salvage.segments);
  // Each place once, however often it is read.
  expect(await textsOf(log), where).toEqual(expected);
  expect(log.salvage, where).toEqual(salvage);

  const next = log.append(bytesOf('new'));
  expect(next, where).toBeGreaterThan(above);
  await log.sync();
  const reopened = await openLog(disk, '/log', 100);
  expect(await textsOf(reopened), where).toEqual([...expected, `${next}: new`]);
  await reopened.trim(next - 1);
  expect(reopened.trimmed, where).toBe(next - 1);
  expect(disk.openFiles, where).toBe(1);
}

describe('a damaged log', () => {
  it('is what the tests take it for', async () => {
    const disk = await written();
    expect((await filesOf(disk)).map(({ records }) => records.map(({ seq }) => seq))).toEqual([
      [1, 2, 3],
      [5, 6, 9],
      [10, 11, 12],
      [15, 16, 21],
      [22, 23, 24],
    ]);
    await expectSalvaged(disk, { hit: [], above: 24, counted: [0, -passedOver], bytes: 0 }, 'intact');
  });

  it('loses the record that a changed byte hits and no other, whichever byte it is, and however it is changed', async () => {
    const files = await filesOf(await written());
    for (const [index, file] of files.entries()) {
      for (let at = 0; at < file.bytes.length; at++) {
        for (const flip of [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff]) {
          const disk = await written();
          const bytes = disk.contentOf(file.path);
          bytes[at] = (bytes[at] ?? 0) ^ flip;
          const record = file.records.find(({ offset, length }) => at >= offset && at < offset + length);
          const hit = record === undefined ? [] : [record.seq];
          // Nobody knows whether a torn end was ever acknowledged.
          const isTail = index === files.length - 1 && record === file.records.at(-1) && record !== undefined;
          const size = at < segmentHeaderBytes ? segmentHeaderBytes : (record?.length ?? 16);
          const counted = isTail ? 0 : hit.length;
          await expectSalvaged(
            disk,
            { hit, above: 24, counted: [counted, counted], bytes: size },
            `${file.path} byte ${at} ^ ${flip}`,
          );
        }
      }
    }
  });

  it('loses the records behind the cut and no others, wherever a file is cut', async () => {
    const files = await filesOf(await written());
    for (const [index, file] of files.entries()) {
      for (let length = 0; length < file.bytes.length; length++) {
        const disk = await written();
        disk.overwrite(file.path, file.bytes.subarray(0, length));
        const hit = file.records.filter(({ offset, length: size }) => offset + size > length).map(({ seq }) => seq);
        const isNewest = index === files.length - 1;
        const above = isNewest ? Math.max(file.name.first - 1, ...numbers.filter((seq) => !hit.includes(seq))) : 24;
        const counted = isNewest ? 0 : hit.length;
        await expectSalvaged(disk, { hit, above, counted: [counted, counted] }, `${file.path} cut at ${length}`);
      }
    }
  });

  it('loses what is in a file that is gone, empty or zeros, and counts it where something tells', async () => {
    const files = await filesOf(await written());
    for (const [index, file] of files.entries()) {
      for (const harm of ['gone', 'empty', 'zeros', 'ones'] as const) {
        const disk = await written();
        if (harm === 'gone') await disk.remove(file.path);
        else if (harm === 'empty') disk.overwrite(file.path, new Uint8Array(0));
        else disk.contentOf(file.path).fill(harm === 'zeros' ? 0 : 0xff);
        const hit = file.records.map(({ seq }) => seq);
        const isNewest = index === files.length - 1;
        const isUnknown = isNewest || (harm === 'gone' && index === 0);
        const above = !isNewest || harm === 'zeros' || harm === 'ones' ? 24 : file.name.first - 1;
        const counted = isUnknown ? 0 : hit.length;
        await expectSalvaged(
          disk,
          // A newest file that is gone leaves no trace but the numbers behind which it began.
          { hit, above: harm === 'gone' && isNewest ? 21 : above, counted: [counted, counted] },
          `${file.path} ${harm}`,
        );
      }
    }
  });

  it('reads nothing wrong when files have changed places, nor what belongs to another log', async () => {
    const files = await filesOf(await written());
    for (const one of files) {
      for (const other of files) {
        if (one === other) continue;
        const disk = await written();
        disk.overwrite(one.path, other.bytes);
        disk.overwrite(other.path, one.bytes);
        const hit = [...one.records, ...other.records].map(({ seq }) => seq);
        const newest = [one, other].includes(files.at(-1) ?? one) ? 3 : 0;
        await expectSalvaged(
          disk,
          { hit, above: 24, counted: [hit.length - newest, hit.length + 3] },
          `${one.path} and ${other.path}`,
        );
      }
      const foreign = new MemoryDisk();
      const log = await Log.open(foreign, {
        folder: '/log',
        segmentBytes: 1000,
        newIncarnation: () => 'ffffffffffffffff',
      });
      await fill(log, 24, 'foreign');
      const disk = await written();
      disk.overwrite(
        one.path,
        foreign.contentOf(join('/log', segmentName({ first: 1, incarnation: log.incarnation }))),
      );
      const hit = one.records.map(({ seq }) => seq);
      const counted = one === files.at(-1) ? 0 : 3;
      await expectSalvaged(disk, { hit, above: 24, counted: [counted, counted] }, `${one.path} of another log`);
    }
  });

  it('loses nothing when a file has grown a tail of garbage or of its own records', async () => {
    const files = await filesOf(await written());
    for (const file of files) {
      for (const tail of [file.bytes, new Uint8Array(50), new Uint8Array(50).fill(0xee), file.bytes.subarray(0, 33)]) {
        const disk = await written();
        disk.overwrite(file.path, Buffer.concat([file.bytes, tail]));
        await expectSalvaged(disk, { hit: [], above: 24, counted: [0, -passedOver] }, file.path);
      }
    }
  });

  it('opens after any garbage anywhere, and reads all that is not hit and nothing that is wrong', async () => {
    const write = fc.tuple(fc.nat(4), fc.nat(100), fc.uint8Array({ minLength: 1, maxLength: 30 }));
    await fc.assert(
      fc.asyncProperty(fc.array(write, { maxLength: 6 }), async (writes) => {
        const disk = await written();
        const files = await filesOf(disk);
        const hit = new Set<number>();
        for (const [index, at, bytes] of writes) {
          const file = files[index];
          if (file === undefined) continue;
          const content = disk.contentOf(file.path);
          const from = Math.min(at, content.length);
          const piece = bytes.subarray(0, content.length - from);
          content.set(piece, from);
          for (const { seq, offset, length } of file.records) {
            if (offset < from + piece.length && offset + length > from) hit.add(seq);
          }
        }
        const log = await openLog(disk, '/log', 100);
        const texts = await textsOf(log);
        for (const text of texts) expect(text).toMatch(/^(\d+): record \1$/);
        const wanted = numbers.filter((seq) => !hit.has(seq));
        expect(texts.map((text) => Number.parseInt(text, 10))).toEqual(expect.arrayContaining(wanted));
        expect(log.append(bytesOf('new'))).toBeGreaterThan(24);
      }),
      { numRuns: 400 },
    );
  });

  it('reads from any place as a list would, in pieces of any size, damaged or not', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(4),
        fc.nat(99),
        fc.nat(26),
        fc.integer({ min: 1, max: 120 }),
        async (index, at, after, max) => {
          const disk = await written();
          const file = (await filesOf(disk))[index];
          const content = disk.contentOf(file?.path ?? '');
          content[at % content.length] = (content[at % content.length] ?? 0) ^ 0x55;
          const all = await textsOf(await openLog(disk, '/log', 100));
          const log = await openLog(disk, '/log', 100);
          const found: string[] = [];
          for (let position = after; ;) {
            const entries = await log.read(position, max);
            if (entries.length === 0) break;
            for (const { seq, payload } of entries) found.push(`${seq}: ${Buffer.from(payload).toString()}`);
            position = entries.at(-1)?.seq ?? NaN;
          }
          expect(found).toEqual(all.filter((text) => Number.parseInt(text, 10) > after));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('looks into older segments only when they are read', async () => {
    const disk = await written();
    const [oldest] = await filesOf(disk);
    disk.contentOf(oldest?.path ?? '')[30] = 0xff;
    const log = await openLog(disk, '/log', 100);
    expect(log.salvage).toEqual({ segments: 0, bytes: 0, records: 0 });
    await log.read(9, 1000);
    expect(log.salvage).toEqual({ segments: 0, bytes: 0, records: 0 });
    await log.read(0, 1);
    expect(log.salvage).toEqual({ segments: 1, bytes: 24, records: 1 });
  });

  it('reads past what goes bad while it runs, and counts it', async () => {
    const disk = new MemoryDisk();
    const log = await openLog(disk, '/log', 100);
    await fill(log, 8);
    expect((await textsOf(log)).length).toBe(8);
    disk.contentOf(join('/log', segmentName({ first: 4, incarnation }))).fill(0xee, segmentHeaderBytes);
    expect((await textsOf(log)).map((text) => Number(text.split(':')[0]))).toEqual([1, 2, 3, 7, 8]);
    expect(log.salvage).toEqual({ segments: 1, bytes: 72, records: 3 });
    expect((await textsOf(log)).length).toBe(5);
    expect(log.salvage).toEqual({ segments: 1, bytes: 72, records: 3 });
  });

  it('does not take for damage what a failed sync has left behind', async () => {
    for (let half = 0; half < 24; half++) {
      const disk = new MemoryDisk();
      const log = await openLog(disk, '/log', 1000);
      await fill(log, 3);
      await log.close();
      const again = await openLog(disk, '/log', 1000);
      await fill(again, 2);
      await again.close();
      const path = join('/log', segmentName({ first: 1, incarnation }));
      const [, second] = await filesOf(disk);
      const left = second?.bytes.subarray(segmentHeaderBytes, segmentHeaderBytes + 24 + half) ?? new Uint8Array(0);
      disk.overwrite(path, Buffer.concat([disk.contentOf(path), left]));
      const reopened = await openLog(disk, '/log', 1000);
      expect(await textsOf(reopened)).toEqual([1, 2, 3, 4, 5].map((seq) => `${seq}: record ${seq}`));
      expect(reopened.salvage).toEqual({ segments: 0, bytes: 0, records: 0 });
    }
  });

  it('is cut on a real disk as in memory', async () => {
    const folder = await tempFolder();
    const log = await openLog(realDisk, folder, 1000);
    await fill(log, 3);
    await log.close();
    await truncate(join(folder, segmentName({ first: 1, incarnation })), segmentHeaderBytes + 24 + 5);
    const reopened = await openLog(realDisk, folder, 1000);
    expect(await textsOf(reopened)).toEqual(['1: record 1']);
    expect(reopened.salvage).toEqual({ segments: 1, bytes: 5, records: 0 });
  });
});

describe('damaged segments', () => {
  const aside = '/log/damaged';

  /** Damages the oldest segment, reads it, and trims it. */
  async function trimDamaged(disk: MemoryDisk, log: Log, byte = 30): Promise<void> {
    const [first] = log.segments();
    disk.contentOf(join('/log', segmentName({ first: first?.first ?? 0, incarnation })))[byte] = 0xff;
    await textsOf(log);
    await log.trim(log.endOfOldest() ?? 0);
  }

  it('are kept aside when they are trimmed, the last four of them', async () => {
    const disk = new MemoryDisk();
    const log = await openLog(disk, '/log', 100);
    await fill(log, 30);
    await log.trim(3);
    expect(await disk.list(aside)).toEqual([]);
    for (let i = 0; i < 6; i++) await trimDamaged(disk, log);
    expect(log.trimmed).toBe(21);
    expect(await disk.list(aside)).toEqual([10, 13, 16, 19].map((first) => segmentName({ first, incarnation })));
    expect((await openLog(disk, '/log', 100)).trimmed).toBe(21);
  });

  it('are kept aside when they are replaced', async () => {
    const disk = await written();
    const log = await openLog(disk, '/log', 100);
    disk.contentOf(join('/log', segmentName({ first: 10, incarnation })))[30] = 0xff;
    await textsOf(log);
    expect(await log.replace(4, 14, [{ seq: 14, payload: bytesOf('all') }])).toBe(true);
    expect(await disk.list(aside)).toEqual([segmentName({ first: 10, incarnation })]);
    expect((await textsOf(log, 3))[0]).toBe('14: all');
  });

  it('are at most 32 MB', async () => {
    const disk = new MemoryDisk();
    const log = await openLog(disk, '/log', 20e6);
    for (let i = 0; i < 5; i++) {
      for (let part = 0; part < 2; part++) log.append(new Uint8Array(7e6));
      await log.sync();
    }
    for (let i = 0; i < 3; i++) await trimDamaged(disk, log, 40);
    expect(await disk.list(aside)).toEqual([3, 5].map((first) => segmentName({ first, incarnation })));
  });

  it('are not the torn end that a power cut leaves', async () => {
    const disk = new MemoryDisk();
    await fill(await openLog(disk, '/log', 100), 5);
    const path = join('/log', segmentName({ first: 4, incarnation }));
    disk.overwrite(path, disk.contentOf(path).subarray(0, 60));
    const told: Damage[] = [];
    const log = await openLog(disk, '/log', 100, (damage) => told.push(damage));
    expect(told).toEqual([{ file: segmentName({ first: 4, incarnation }), bytes: 16, records: 0, torn: true }]);
    await fill(log, 3);
    await log.trim(log.last);
    expect(await disk.list('/log')).toHaveLength(1);
  });

  it('are deleted when they cannot be moved: their room is needed', async () => {
    const memory = new MemoryDisk();
    const full = watched(memory, ({ name, path }) => {
      if (name === 'rename' && path.startsWith(aside)) throw fault('ENOSPC', path);
    });
    const log = await openLog(full, '/log', 100);
    await fill(log, 9);
    await trimDamaged(memory, log);
    expect(log.trimmed).toBe(3);
    expect(await memory.list('/log')).toEqual([4, 7].map((first) => segmentName({ first, incarnation })));
  });
});
