import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { fault, MemoryDisk, PowerCut } from './memory-disk.ts';
import { randomFrom } from './random.ts';
import { unreliable } from './unreliable-disk.ts';

const path = '/data/file';

/** A file with `synced` bytes of 1 that are safe, and `unsynced` bytes of 2 that are not. */
async function diskWith(synced: number, unsynced: number): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const file = await disk.create(path);
  await disk.syncFolder('/data');
  await file.append(new Uint8Array(synced).fill(1));
  await file.sync();
  await file.append(new Uint8Array(unsynced).fill(2));
  return disk;
}

describe('a power cut of the simulated disk', () => {
  it('never touches what was synced', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(3000), fc.nat(3000), fc.nat(), async (synced, unsynced, seed) => {
        const after = (await diskWith(synced, unsynced)).cutPower(randomFrom(seed));
        const left = after.contentOf(path);
        expect(left.length).toBeGreaterThanOrEqual(synced);
        expect(left.length).toBeLessThanOrEqual(synced + unsynced);
        expect(left.subarray(0, synced).every((byte) => byte === 1)).toBe(true);
      }),
    );
  });

  it('keeps of the rest all, nothing, a part, or any subset of its sectors', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 3000; seed++) {
      const left = (await diskWith(512, 4 * 512)).cutPower(randomFrom(seed)).contentOf(path);
      const sectors = [1, 2, 3, 4].map((index) => {
        const sector = left.subarray(index * 512, (index + 1) * 512);
        return sector.length === 0
          ? ''
          : sector.length < 512
            ? 'cut'
            : sector.every((byte) => byte === 2)
              ? 'kept'
              : 'lost';
      });
      seen.add(sectors.join(' ').trim());
    }
    // Nothing, everything, an early sector lost and a later one kept, and the other way round.
    for (const kind of ['', 'kept kept kept kept', 'lost kept kept kept', 'kept lost kept kept', 'kept cut'])
      expect([...seen], kind).toContain(kind);
  });

  it('loses and brings back names that were not synced, in their order', async () => {
    const seen = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const disk = new MemoryDisk();
      await disk.create('/data/a');
      await disk.syncFolder('/data');
      await disk.create('/data/b');
      await disk.rename('/data/b', '/data/c');
      await disk.remove('/data/a');
      seen.add((await disk.cutPower(randomFrom(seed)).list('/data')).toSorted().join(' '));
    }
    expect([...seen].toSorted()).toEqual(['a', 'a b', 'a c', 'c']);
  });

  it('ends every call of the former process; a killed process ends them, too, and loses nothing', async () => {
    const disk = new MemoryDisk();
    const file = await disk.create(path);
    await file.append(new Uint8Array(10));
    const killed = disk.crash();
    await expect(file.append(new Uint8Array(1))).rejects.toThrow(PowerCut);
    await expect(disk.list('/data')).rejects.toThrow(PowerCut);
    expect(await killed.size(path)).toBe(10);
    expect(await killed.cutPower(() => 0).list('/data')).toEqual([]);
    await expect(killed.list('/data')).rejects.toThrow(PowerCut);
  });
});

describe('a simulated disk that is full', () => {
  it('takes what fits, says ENOSPC, and takes more when there is room', async () => {
    const disk = new MemoryDisk({ capacityBytes: 100 });
    const file = await disk.create(path);
    await file.append(new Uint8Array(60));
    await expect(file.append(new Uint8Array(60))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await disk.size(path)).toBe(100);
    expect(await disk.freeBytes()).toBe(0);
    const other = await disk.create('/data/other');
    await disk.remove(path);
    await other.append(new Uint8Array(60));
    expect(await disk.freeBytes()).toBe(40);
    expect((await disk.cutPower(() => 0.9).freeBytes()) <= 100).toBe(true);
  });
});

describe('an unreliable disk', () => {
  it('is as slow as it is told to be, and does its work at the end', async () => {
    const clock = new FakeClock();
    const memory = new MemoryDisk();
    const disk = unreliable(memory, { clock, latencyMs: ({ name }) => (name === 'append' ? 5000 : 0) });
    const file = await disk.create(path);
    const appended = file.append(new Uint8Array(10));
    await expect.poll(() => clock.sleepers).toBe(1);
    expect(await memory.size(path)).toBe(0);
    clock.advance(5000);
    await appended;
    expect(await memory.size(path)).toBe(10);
  });

  it('fails without effect, half-way, or although it was done', async () => {
    for (const [effect, size] of [
      ['none', 0],
      ['half', 5],
      ['done', 10],
    ] as const) {
      const memory = new MemoryDisk();
      const disk = unreliable(memory, {
        failure: ({ number }) => (number === 2 ? { error: fault('EIO', path), effect } : undefined),
      });
      const file = await disk.create(path);
      await expect(file.append(new Uint8Array(10))).rejects.toMatchObject({ code: 'EIO' });
      expect(await memory.size(path)).toBe(size);
      await file.append(new Uint8Array(1));
      expect(await memory.size(path)).toBe(size + 1);
    }
  });

  it('lets go of a file whose close or creation fails', async () => {
    for (const name of ['close', 'create']) {
      for (const effect of ['none', 'half', 'done'] as const) {
        const memory = new MemoryDisk();
        const disk = unreliable(memory, {
          failure: (call) => (call.name === name ? { error: fault('EIO', path), effect } : undefined),
        });
        await expect(disk.create(path).then((file) => file.close())).rejects.toMatchObject({ code: 'EIO' });
        expect(memory.openFiles).toBe(0);
      }
    }
  });
});
