import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, PowerCut } from '../testing/memory-disk.ts';
import { randomFrom } from '../testing/random.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { watched } from '../testing/watched-disk.ts';
import { formerCheckpoint, readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts';
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
    expect(failAt).toBe(9);
  });

  describe('with a former one', () => {
    const newest: Checkpoint = { ...newer, seq: 3 };

    async function written(...checkpoints: Checkpoint[]): Promise<MemoryDisk> {
      const disk = new MemoryDisk();
      for (const checkpoint of checkpoints) await writeCheckpoint(disk, path, checkpoint);
      return disk;
    }

    /** Every way to harm a file that the tests know. */
    function* harms(intact: Uint8Array): Generator<[string, Uint8Array | undefined]> {
      for (let bit = 0; bit < intact.length * 8; bit++) {
        const damaged = intact.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        yield [`bit ${bit}`, damaged];
      }
      for (let length = 0; length < intact.length; length++) yield [`cut at ${length}`, intact.subarray(0, length)];
      yield ['zeros', new Uint8Array(intact.length)];
      yield ['gone', undefined];
    }

    it('falls back to it, and says so, whatever happens to the newest', async () => {
      const intact = (await written(older, newer)).contentOf(path).slice();
      for (const [harm, bytes] of harms(intact)) {
        const disk = await written(older, newer);
        if (bytes === undefined) await disk.remove(path);
        else disk.overwrite(path, bytes);
        const told: string[] = [];
        expect(await readCheckpoint(disk, path, (sentence) => told.push(sentence)), harm).toEqual(older);
        expect(told, harm).toEqual([
          expect.stringMatching(/^the newest checkpoint is (damaged|missing); going on from/),
        ]);
        // The next one does not push the only good one out.
        await writeCheckpoint(disk, path, newest);
        expect(await readCheckpoint(disk, path), harm).toEqual(newest);
        await disk.remove(path);
        expect(await readCheckpoint(disk, path), harm).toEqual(older);
      }
    });

    it('does not need it when the newest is whole, whatever happens to it', async () => {
      const intact = (await written(older, newer)).contentOf(formerCheckpoint(path)).slice();
      for (const [harm, bytes] of harms(intact)) {
        const disk = await written(older, newer);
        if (bytes === undefined) await disk.remove(formerCheckpoint(path));
        else disk.overwrite(formerCheckpoint(path), bytes);
        const told: string[] = [];
        expect(await readCheckpoint(disk, path, (sentence) => told.push(sentence)), harm).toEqual(newer);
        expect(told, harm).toEqual([]);
      }
    });

    it('is a sentence when both are damaged', async () => {
      const disk = await written(older, newer);
      disk.contentOf(path).fill(0);
      disk.contentOf(formerCheckpoint(path)).fill(0);
      expect(await readCheckpoint(disk, path)).toMatch(/^the checkpoint is damaged; replaying the whole journal/);
      await disk.remove(path);
      expect(await readCheckpoint(disk, path)).toMatch(/^the checkpoint is damaged; replaying the whole journal/);
    });

    it('says how much of the journal neither of the two needs', async () => {
      const disk = new MemoryDisk();
      expect(await writeCheckpoint(disk, path, older)).toBe(0);
      expect(await writeCheckpoint(disk, path, newer)).toBe(1);
      expect(await writeCheckpoint(disk, path, newest)).toBe(2);
      disk.contentOf(path).fill(0);
      expect(await writeCheckpoint(disk, path, { ...newest, seq: 4 })).toBe(2);
      expect(await writeCheckpoint(disk, path, { ...newest, seq: 5, journalIncarnation: 'bb' })).toBe(0);
      expect(await writeCheckpoint(disk, path, { ...newest, seq: 6, journalIncarnation: 'bb' })).toBe(5);
    });

    it('leaves a whole one that reaches at least as far as was promised, whichever call the power goes at', async () => {
      for (let seed = 0; seed < 30; seed++) {
        let reached = true;
        for (let cutAt = 1; reached; cutAt++) {
          const random = randomFrom(seed * 100 + cutAt);
          const disk = new MemoryDisk();
          await writeCheckpoint(disk, path, older);
          const promised = await writeCheckpoint(disk, path, newer);
          let after: MemoryDisk | undefined;
          let asked = 0;
          const unplugged = watched(disk, () => {
            asked += 1;
            if (asked === cutAt) after = disk.cutPower(random);
          });
          await writeCheckpoint(unplugged, path, newest).catch(() => undefined);
          reached = asked >= cutAt;
          const left = after ?? disk.cutPower(random);
          // Also when the newest is damaged on top of that.
          if ((await left.list('/data')).includes('checkpoint')) left.contentOf(path).fill(0);
          const found = await readCheckpoint(left, path);
          expect(found, `seed ${seed}, cut at ${cutAt}`).toMatchObject({ snapshot: expect.any(Uint8Array) });
          expect(typeof found === 'object' && found.seq >= promised, `seed ${seed}, cut at ${cutAt}`).toBe(true);
        }
      }
    });
  });
});
