import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, PowerCut } from '../testing/memory-disk.ts';
import { randomFrom } from '../testing/random.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { watched } from '../testing/watched-disk.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts';
import { joinPath, realDisk } from './disk.ts';

const path = '/data/checkpoint';
const older: Checkpoint = {
  journalIncarnation: 'aa',
  seq: 1,
  unacted: '[]',
  plan: '{}',
  snapshot: new Uint8Array([1, 2, 3]),
};
const newer: Checkpoint = {
  journalIncarnation: 'aa',
  seq: 2,
  unacted: '[1]',
  plan: '{}',
  snapshot: new Uint8Array(50).fill(7),
};

describe('a checkpoint', () => {
  it('reads back as it was written', async () => {
    const checkpoint = fc.record({
      journalIncarnation: fc.string(),
      seq: fc.maxSafeNat(),
      unacted: fc.string(),
      plan: fc.string(),
      snapshot: fc.uint8Array({ maxLength: 3000 }),
    });
    await fc.assert(
      fc.asyncProperty(checkpoint, async (written) => {
        const disk = new MemoryDisk();
        await writeCheckpoint(disk, path, older);
        await writeCheckpoint(disk, path, written);
        expect(await readCheckpoint(disk, path)).toEqual(written);
      }),
    );
  });

  it('survives on a real disk', async () => {
    const file = joinPath(await tempFolder(), 'checkpoint');
    await writeCheckpoint(realDisk, file, older);
    await writeCheckpoint(realDisk, file, newer);
    expect(await readCheckpoint(realDisk, file)).toMatchObject({ seq: 2, unacted: '[1]' });
  });

  it('that is not there is undefined', async () => {
    expect(await readCheckpoint(new MemoryDisk(), path)).toBeUndefined();
    expect(await readCheckpoint(realDisk, joinPath(await tempFolder(), 'checkpoint'))).toBeUndefined();
  });

  it('with any bit changed, or cut anywhere, is a sentence', async () => {
    const disk = new MemoryDisk();
    await writeCheckpoint(disk, path, older);
    const intact = disk.contentOf(path).slice();
    for (let bit = 0; bit < intact.length * 8; bit++) {
      const damaged = intact.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      disk.overwrite(path, damaged);
      expect(await readCheckpoint(disk, path), `bit ${bit}`).toMatch(/^the checkpoint is damaged; replaying/);
    }
    for (let length = 0; length < intact.length; length++) {
      disk.overwrite(path, intact.subarray(0, length));
      expect(await readCheckpoint(disk, path), `length ${length}`).toMatch(/^the checkpoint is damaged/);
    }
  });

  it('is the old one or the new one after a power cut at any call, and can be written again', async () => {
    for (let seed = 0; seed < 30; seed++) {
      let reached = true;
      for (let cutAt = 1; reached; cutAt++) {
        const random = randomFrom(seed);
        const disk = new MemoryDisk();
        await writeCheckpoint(disk, path, older);
        let after: MemoryDisk | undefined;
        let asked = 0;
        const unplugged = watched(disk, () => {
          asked += 1;
          if (asked === cutAt) after = disk.cutPower(random);
        });
        const done = await writeCheckpoint(unplugged, path, newer).then(
          () => true,
          (error: unknown) => {
            if (!(error instanceof PowerCut)) throw error;
            return false;
          },
        );
        reached = asked >= cutAt;
        const left = after ?? disk.cutPower(random);
        const found = await readCheckpoint(left, path);
        expect(done ? [newer] : [older, newer], `seed ${seed}, cut at ${cutAt}`).toContainEqual(found);
        await writeCheckpoint(left, path, newer);
        expect(await readCheckpoint(left, path)).toEqual(newer);
        expect(reached || cutAt > 6).toBe(true);
      }
    }
  });

  it('stays the old one when the disk fails, and a later one replaces it', async () => {
    let failAt = 1;
    for (; ; failAt++) {
      const disk = new MemoryDisk();
      await writeCheckpoint(disk, path, older);
      const failing = watched(disk, ({ number, name }) => {
        if (number === failAt && name !== 'syncFolder') throw new Error('EIO');
      });
      const failed = await writeCheckpoint(failing, path, newer).then(
        () => false,
        () => true,
      );
      if (!failed) break;
      expect(await readCheckpoint(disk, path)).toEqual(older);
      await writeCheckpoint(disk, path, newer);
      expect(await readCheckpoint(disk, path)).toEqual(newer);
    }
    expect(failAt).toBe(7);
  });
});
