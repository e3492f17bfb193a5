import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { incarnation, openLog } from '../testing/logs.ts';
import { fault, MemoryDisk } from '../testing/memory-disk.ts';
import { randomFrom } from '../testing/random.ts';
import { watched } from '../testing/watched-disk.ts';
import type { Disk } from './disk.ts';
import type { Log } from './log.ts';
import { maxPayloadBytes, segmentName } from './segment.ts';

const megabyte = 1024 * 1024;

/** What the record of that number holds. */
function payloadOf(seq: number, length: number): Uint8Array {
  return new Uint8Array(length).fill(seq % 251);
}

/** Reads everything behind `after`, in pieces of any size. */
async function readAll(log: Log, after: number, sizes: () => number): Promise<number[]> {
  const seqs: number[] = [];
  for (let position = after; ;) {
    const entries = await log.read(position, sizes());
    if (entries.length === 0) return seqs;
    for (const { seq, payload } of entries) {
      expect(payload.every((byte) => byte === seq % 251)).toBe(true);
      seqs.push(seq);
    }
    position = entries.at(-1)?.seq ?? NaN;
  }
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a large log', () => {
  it('is read from any place in pieces of any size, also records larger than what is read at once', async () => {
    const random = randomFrom(7);
    const disk = new MemoryDisk();
    const log = await openLog(disk, '/log', 4 * megabyte);
    const count = 3000;
    for (let seq = 1; seq <= count; seq++) {
      const size = random() < 0.002 ? 2.5 * megabyte * random() : 8000 * random() ** 4;
      log.append(payloadOf(seq, Math.floor(size)));
      if (seq % 100 === 0) await log.sync();
    }
    expect(log.segments().length).toBeGreaterThan(4);
    for (const opened of [log, await openLog(disk, '/log', 4 * megabyte)]) {
      for (const after of [0, 1, 999, 1500, 2999, 3000, 10]) {
        const largest = 10 ** (2 + 5 * random());
        const found = await readAll(opened, after, () => Math.max(largest / 10, largest * random()));
        expect(found).toEqual(range(after + 1, count));
      }
      for (let i = 0; i < 300; i++) {
        const after = Math.floor(random() * count);
        expect((await opened.read(after, 1)).map(({ seq }) => seq)).toEqual([after + 1]);
      }
      expect(opened.salvage.bytes).toBe(0);
    }
  });

  it('takes a record of the largest size, and refuses a larger one', async () => {
    const disk = new MemoryDisk();
    const log = await openLog(disk, '/log', megabyte);
    log.append(payloadOf(1, maxPayloadBytes));
    expect(() => log.append(new Uint8Array(maxPayloadBytes + 1))).toThrow(/8388609 bytes; the log takes up to 8388608/);
    log.append(payloadOf(2, 10));
    await log.sync();
    expect(await readAll(await openLog(disk, '/log', megabyte), 0, () => 1)).toEqual([1, 2]);
  });

  it('is opened by reading its newest segment only, and read by reading each byte about once', async () => {
    const memory = new MemoryDisk();
    const log = await openLog(memory, '/log', megabyte);
    for (let seq = 1; seq <= 8000; seq++) log.append(payloadOf(seq, 1000));
    await log.sync();
    let bytes = 0;
    const paths = new Set<string>();
    const disk: Disk = {
      ...watched(memory, () => undefined),
      read: async (path, offset, length) => {
        const read = await memory.read(path, offset, length);
        bytes += read.length;
        paths.add(path);
        return read;
      },
    };
    const opened = await openLog(disk, '/log', megabyte);
    const newest = opened.segments().at(-1);
    expect([...paths]).toEqual([join('/log', segmentName({ first: newest?.first ?? 0, incarnation }))]);
    bytes = 0;
    expect((await readAll(opened, 0, () => 200_000)).length).toBe(8000);
    expect(bytes).toBeLessThan(opened.bytes * 1.5);
    bytes = 0;
    await opened.read(4500, 1);
    expect(bytes).toBeLessThan(200_000);
  });
});

describe('a log on a medium with an unreadable place', () => {
  const place = { from: 100_000, until: 100_001 };

  /** Two segments of 300 records; reading across the place in the first one fails while it is bad. */
  async function withBadPlace(path = segmentName({ first: 1, incarnation })) {
    const memory = new MemoryDisk();
    const log = await openLog(memory, '/log', 300_000);
    for (let seq = 1; seq <= 580; seq++) log.append(payloadOf(seq, 1000));
    await log.sync();
    await log.close();
    const state = { bad: true, dead: false, refused: 0 };
    const disk: Disk = {
      ...watched(memory, () => undefined),
      read: async (from, offset, length) => {
        const hit = from.endsWith(path) && offset < place.until && offset + length > place.from;
        if (state.dead || (state.bad && hit)) {
          state.refused += 1;
          throw fault('EIO', from);
        }
        return memory.read(from, offset, length);
      },
    };
    return { disk, state };
  }

  it('says so first, and then reads around it: it costs the records it hits', async () => {
    const { disk } = await withBadPlace();
    const log = await openLog(disk, '/log', 300_000);
    for (let attempt = 0; attempt < 2; attempt++)
      await expect(readAll(log, 0, () => 1e6)).rejects.toMatchObject({ code: 'EIO' });
    const found = await readAll(log, 0, () => 1e6);
    const missing = range(1, 580).filter((seq) => !found.includes(seq));
    expect(missing.length).toBeGreaterThan(3);
    expect(missing.length).toBeLessThan(8);
    expect(log.salvage.records).toBe(missing.length);
  });

  it('has everything when the medium answers again', async () => {
    const { disk, state } = await withBadPlace();
    const log = await openLog(disk, '/log', 300_000);
    await expect(readAll(log, 0, () => 1e6)).rejects.toMatchObject({ code: 'EIO' });
    state.bad = false;
    expect(await readAll(log, 0, () => 1e6)).toEqual(range(1, 580));
  });

  it('does not take a dead disk for damage', async () => {
    const { disk, state } = await withBadPlace();
    state.bad = false;
    const log = await openLog(disk, '/log', 300_000);
    state.dead = true;
    for (let attempt = 0; attempt < 10; attempt++)
      await expect(readAll(log, 0, () => 1e6)).rejects.toMatchObject({ code: 'EIO' });
    state.dead = false;
    expect(await readAll(log, 0, () => 1e6)).toEqual(range(1, 580));
    expect(log.salvage.bytes).toBe(0);
  });

  it('opens when the place is in the newest segment, and gives out no number again', async () => {
    const newest = segmentName({ first: 296, incarnation });
    const { disk, state } = await withBadPlace(newest);
    const log = await openLog(disk, '/log', 300_000);
    expect(state.refused).toBeGreaterThan(0);
    expect(log.segments().at(-1)?.first).toBe(296);
    expect(log.last).toBe(580);
    expect(log.salvage).toMatchObject({ segments: 1 });
  });

  it.each(['read', 'size'] as const)('opens when %s is refused for all of its newest segment', async (refused) => {
    const memory = new MemoryDisk();
    const log = await openLog(memory, '/log', 300_000);
    for (let seq = 1; seq <= 580; seq++) log.append(payloadOf(seq, 1000));
    await log.sync();
    const newest = join('/log', segmentName({ first: 296, incarnation }));
    let refusing = true;
    const disk = watched(memory, ({ name, path }) => {
      if (refusing && name === refused && path === newest) throw fault('EIO', path);
    });
    const reopened = await openLog(disk, '/log', 300_000);
    expect(reopened.last).toBeGreaterThanOrEqual(refused === 'read' ? 580 : 295);
    expect(await readAll(reopened, 0, () => 1e6).catch(() => 'refused')).toEqual(
      refused === 'read' ? 'refused' : range(1, 295),
    );
    refusing = false;
    expect(await readAll(await openLog(disk, '/log', 300_000), 0, () => 1e6)).toEqual(range(1, 580));
  });
});
