import { readdir } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, fill, incarnation, openLog, textsOf } from '../testing/logs.ts';
import { fault, MemoryDisk, PowerCut } from '../testing/memory-disk.ts';
import { randomFrom } from '../testing/random.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { unreliable } from '../testing/unreliable-disk.ts';
import { DiskGate, watched } from '../testing/watched-disk.ts';
import { realDisk, type Disk } from './disk.ts';
import type { Entry, Log } from './log.ts';
import { segmentName } from './segment.ts';

const compactedName = (first: number, last: number, version = 1): string =>
  segmentName({ first, incarnation, compacted: { last, version } });

const entryOf = (seq: number, text: string): Entry => ({ seq, payload: bytesOf(text) });

/** Segments of three records: 1 to 3, 4 to 6, 7 to 9, 10 and 11. */
async function written(disk: Disk = new MemoryDisk(), folder = '/log'): Promise<Log> {
  const log = await openLog(disk, folder, 100);
  await fill(log, 11);
  return log;
}

describe('replacing segments', () => {
  it('puts the entries given in the place of those that were there', async () => {
    const folder = await tempFolder();
    const log = await written(realDisk, folder);
    expect(log.segments().map(({ first, last }) => [first, last])).toEqual([
      [1, 3],
      [4, 6],
      [7, 9],
      [10, 11],
    ]);
    expect(await log.replace(4, 9, [entryOf(6, 'up to 6'), entryOf(9, 'up to 9')])).toBe(true);
    expect(log.segments().map(({ first, last }) => [first, last])).toEqual([
      [1, 3],
      [4, 9],
      [10, 11],
    ]);
    const texts = [
      '1: record 1',
      '2: record 2',
      '3: record 3',
      '6: up to 6',
      '9: up to 9',
      '10: record 10',
      '11: record 11',
    ];
    expect(await textsOf(log)).toEqual(texts);
    expect((await log.read(4, 1)).map(({ seq }) => seq)).toEqual([6]);
    expect((await log.read(7, 1)).map(({ seq }) => seq)).toEqual([9]);
    await fill(log, 1);
    await log.close();
    const reopened = await openLog(realDisk, folder, 100);
    expect(await textsOf(reopened)).toEqual([...texts, '12: record 12']);
    expect(reopened.salvage).toEqual({ segments: 0, bytes: 0, records: 0 });
    expect(reopened.bytes).toBe(log.bytes);
    expect(await readdir(folder)).toHaveLength(3);
    await reopened.close();
  });

  it('takes the entries from the log itself, segment by segment and again', async () => {
    const disk = new MemoryDisk();
    const log = await written(disk);
    const halved = async function* (first: number, last: number): AsyncGenerator<Entry> {
      for await (const entry of log.entries(first - 1)) {
        if (entry.seq > last) return;
        if (entry.seq % 2 === 0) yield entry;
      }
    };
    expect(await log.replace(1, 3, halved(1, 3))).toBe(true);
    expect(await log.replace(4, 6, halved(4, 6))).toBe(true);
    expect(await log.replace(4, 6, [entryOf(6, 'again')])).toBe(true);
    expect(await disk.list('/log')).toContain(compactedName(4, 6, 2));
    expect(await log.replace(1, 9, halved(1, 9))).toBe(true);
    expect((await disk.list('/log')).toSorted()).toEqual([
      compactedName(1, 9, 3),
      segmentName({ first: 10, incarnation }),
    ]);
    const texts = ['2: record 2', '6: again', '8: record 8', '10: record 10', '11: record 11'];
    expect(await textsOf(log)).toEqual(texts);
    const reopened = await openLog(disk, '/log', 100);
    expect(await textsOf(reopened)).toEqual(texts);
    expect(reopened.salvage.bytes).toBe(0);
  });

  it('may leave nothing at all', async () => {
    const disk = new MemoryDisk();
    const log = await written(disk);
    await log.replace(1, 9, []);
    expect(await textsOf(log)).toEqual(['10: record 10', '11: record 11']);
    expect(log.trimmed).toBe(0);
    expect(await textsOf(await openLog(disk, '/log', 100))).toEqual(['10: record 10', '11: record 11']);
  });

  it.each([
    [1, 2],
    [2, 3],
    [4, 11],
    [10, 11],
    [7, 3],
    [0, 3],
    [4, 7],
  ])(
    'refuses the numbers from %i to %i, which are not those of whole segments before the newest',
    async (first, last) => {
      const disk = new MemoryDisk();
      const log = await written(disk);
      await expect(log.replace(first, last, [])).rejects.toThrow(RangeError);
      expect((await textsOf(log)).length).toBe(11);
      expect(await disk.list('/log')).toHaveLength(4);
    },
  );

  it.each([
    ['before the first', [3]],
    ['behind the last', [7]],
    ['backwards', [5, 4]],
    ['twice', [5, 5]],
  ])('refuses entries with numbers %s, and leaves everything as it was', async (_, seqs) => {
    const disk = new MemoryDisk();
    const log = await written(disk);
    await expect(
      log.replace(
        4,
        6,
        seqs.map((seq) => entryOf(seq, 'x')),
      ),
    ).rejects.toThrow(RangeError);
    expect((await textsOf(log)).length).toBe(11);
    expect(await disk.list('/log')).toHaveLength(4);
    expect(disk.openFiles).toBe(1);
    expect(await log.replace(4, 6, [entryOf(6, 'x')])).toBe(true);
  });

  it('leaves everything as it was when the entries cannot be told', async () => {
    const disk = new MemoryDisk();
    const log = await written(disk);
    const broken = function* (): Generator<Entry> {
      yield entryOf(4, 'x');
      throw new Error('no more');
    };
    await expect(log.replace(4, 6, broken())).rejects.toThrow('no more');
    expect((await textsOf(log)).length).toBe(11);
    expect(await disk.list('/log')).toHaveLength(4);
    expect(disk.openFiles).toBe(1);
  });

  it('holds up neither appends nor syncs nor reads while the entries come slowly', async () => {
    const log = await written();
    let go: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (go = resolve));
    const slow = async function* (): AsyncGenerator<Entry> {
      yield entryOf(4, 'slow');
      await waiting;
    };
    const replaced = log.replace(4, 6, slow());
    await fill(log, 2);
    expect(await textsOf(log)).toHaveLength(13);
    go();
    await replaced;
    expect(await textsOf(log)).toHaveLength(11);
  });

  it('gives way to a trim', async () => {
    const disk = new MemoryDisk();
    const log = await written(disk);
    const trimming = async function* (): AsyncGenerator<Entry> {
      yield entryOf(4, 'x');
      await log.trim(3);
      yield entryOf(5, 'y');
      await log.trim(6);
    };
    expect(await log.replace(4, 9, trimming())).toBe(false);
    expect(await textsOf(log)).toHaveLength(5);
    expect(await disk.list('/log')).toHaveLength(2);
    expect(await textsOf(await openLog(disk, '/log', 100))).toHaveLength(5);
  });

  it('ends when the log is closed', async () => {
    const disk = new MemoryDisk();
    const log = await written(disk);
    const endless = async function* (): AsyncGenerator<Entry> {
      yield entryOf(4, 'x');
      closing = log.close();
      yield entryOf(5, 'y');
    };
    let closing: Promise<void> | undefined;
    await expect(log.replace(4, 9, endless())).rejects.toThrow('the log was closed');
    await closing;
    expect(disk.openFiles).toBe(0);
    expect(await disk.list('/log')).toHaveLength(4);
  });

  it('shows a reader what was there or what is there now, wherever it is while the segments change', async () => {
    const before = [4, 5, 6].map((seq) => `${seq}: record ${seq}`);
    const now = ['6: up to 6'];
    for (let held = 1; held <= 2; held++) {
      for (const call of ['read', 'rename', 'remove', 'syncFolder'] as const) {
        const gate = new DiskGate(new MemoryDisk(), ({ name }) => name === call);
        const log = await written(gate.disk);
        const reopened = await openLog(gate.disk, '/log', 100);
        await log.close();
        gate.hold();
        const reading = reopened.read(3, 1000);
        const replacing = reopened.replace(4, 6, [entryOf(6, 'up to 6')]);
        for (let i = 0; i < 50; i++) await Promise.resolve();
        const meanwhile = reopened.read(3, 1000);
        gate.release();
        await replacing;
        for (const entries of [await reading, await meanwhile, await reopened.read(3, 1000)]) {
          const texts = entries.map(({ seq, payload }) => `${seq}: ${Buffer.from(payload).toString()}`);
          expect([before, now], call).toContainEqual(texts);
        }
        expect((await reopened.read(3, 1000)).length).toBe(1);
      }
    }
  });

  it('reads on when the file it reads from is replaced under its hands', async () => {
    const memory = new MemoryDisk();
    await (await written(memory)).close();
    let replaced = false;
    const disk = watched(memory, async ({ name, path }) => {
      if (replaced || name !== 'read' || !path.includes('0004-')) return;
      replaced = true;
      await log.replace(4, 6, [entryOf(6, 'up to 6')]);
    });
    const log = await openLog(disk, '/log', 100);
    expect((await log.read(3, 1000)).map(({ seq }) => seq)).toEqual([6]);
    expect(replaced).toBe(true);
    expect(log.salvage.bytes).toBe(0);
  });

  it('takes nothing for damaged that is trimmed while it is read', async () => {
    const memory = new MemoryDisk();
    await (await written(memory)).close();
    let trimming: Promise<void> | undefined;
    const disk = watched(memory, async ({ name, path }) => {
      if (trimming === undefined && name === 'read' && path.includes('0004-')) await (trimming = log.trim(6));
    });
    const log = await openLog(disk, '/log', 100);
    expect((await log.read(3, 1000)).map(({ seq }) => seq)).toEqual([7, 8, 9]);
    expect(trimming).toBeDefined();
    expect(log.salvage.bytes).toBe(0);
  });

  it('shows a reader every record that stays, in order, while others write, replace and trim', async () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = randomFrom(seed);
      const turns = async (): Promise<void> => {
        for (let left = Math.floor(12 * random() ** 3); left > 0; left--) await Promise.resolve();
      };
      const memory = new MemoryDisk();
      const disk = watched(memory, turns);
      const log = await openLog(disk, '/log', 100);
      const count = 120;
      let position = 0;
      const seen: number[] = [];
      const write = async (): Promise<void> => {
        while (log.last < count) {
          await fill(log, 1 + Math.floor(4 * random()));
          await turns();
        }
      };
      const read = async (): Promise<void> => {
        while (position < count) {
          for (const { seq, payload } of await log.read(position, 1 + Math.floor(100 * random()))) {
            expect(Buffer.from(payload).toString(), `seed ${seed}`).toBe(`record ${seq}`);
            expect(seq).toBeGreaterThan(position);
            seen.push(seq);
            position = seq;
          }
          await turns();
        }
      };
      const compact = async (): Promise<void> => {
        while (position < count) {
          const whole = log.segments().slice(0, -1);
          const from = whole[Math.floor(random() * whole.length)];
          const until = whole[Math.floor(random() * whole.length)];
          await turns();
          if (from === undefined || until === undefined || from.first > until.first) continue;
          const entries = async function* (): AsyncGenerator<Entry> {
            for await (const entry of log.entries(from.first - 1)) {
              if (entry.seq > until.last) return;
              if (entry.seq % 3 !== 0) yield entry;
            }
          };
          await log.replace(from.first, until.last, entries()).catch((error: unknown) => {
            if (!(error instanceof RangeError)) throw error;
          });
        }
      };
      const trim = async (): Promise<void> => {
        while (position < count) {
          for (let left = 20; left > 0; left--) await turns();
          await log.trim(position);
        }
      };
      await Promise.all([write(), read(), compact(), trim()]);
      const stays = Array.from({ length: count }, (_, index) => index + 1).filter((seq) => seq % 3 !== 0);
      expect(
        seen.filter((seq) => seq % 3 !== 0),
        `seed ${seed}`,
      ).toEqual(stays);
      expect(log.salvage, `seed ${seed}`).toEqual({ segments: 0, bytes: 0, records: 0 });
      await log.close();
      expect(memory.openFiles).toBe(0);
      expect((await memory.list('/log')).length).toBe(log.segments().length);
    }
  });
});

describe('replacing segments on a disk that fails', () => {
  it.each(['none', 'half', 'done'] as const)(
    'leaves what was there or what replaces it, whichever call fails and is %s, and can be done again',
    async (effect) => {
      for (const code of ['EIO', 'ENOSPC', 'EROFS']) {
        let reached = true;
        for (let failAt = 1; reached; failAt++) {
          const where = `${code} at call ${failAt}`;
          const memory = new MemoryDisk();
          let armed = false;
          let asked = 0;
          const disk = unreliable(memory, {
            failure: () => {
              if (armed) asked += 1;
              return armed && asked === failAt ? { error: fault(code, 'x'), effect } : undefined;
            },
          });
          const log = await written(disk);
          armed = true;
          const done = await log.replace(4, 9, [entryOf(6, 'up to 6'), entryOf(9, 'up to 9')]).catch(() => false);
          armed = false;
          reached = asked >= failAt;
          const expected = (isNew: boolean): string[] => [
            ...[1, 2, 3].map((seq) => `${seq}: record ${seq}`),
            ...(isNew ? ['6: up to 6', '9: up to 9'] : [4, 5, 6, 7, 8, 9].map((seq) => `${seq}: record ${seq}`)),
            ...[10, 11].map((seq) => `${seq}: record ${seq}`),
          ];
          expect(await textsOf(log), where).toEqual(expected(done));
          const copy = await openLog(memory.crash(), '/log', 100);
          expect([expected(true), expected(false)], where).toContainEqual(await textsOf(copy));
          expect(copy.salvage.bytes, where).toBe(0);
          expect(reached || failAt > 9).toBe(true);
        }
      }
    },
  );

  it('removes what is replaced only when the name of what replaces it is safe', async () => {
    const calls: string[] = [];
    const disk = watched(new MemoryDisk(), ({ name }) => void calls.push(name));
    const log = await written(disk);
    calls.length = 0;
    await log.replace(4, 9, [entryOf(9, 'up to 9')]);
    const expected = 'append sync close rename syncFolder remove remove syncFolder';
    expect(calls.slice(calls.indexOf('append'))).toEqual(expected.split(' '));
  });

  it('goes on after a failure, and brings nothing back that was trimmed', async () => {
    for (const effect of ['none', 'half', 'done'] as const) {
      for (let failAt = 1; failAt < 16; failAt++) {
        const memory = new MemoryDisk();
        let armed = false;
        let asked = 0;
        const disk = unreliable(memory, {
          failure: () => {
            if (armed) asked += 1;
            return armed && asked === failAt ? { error: fault('EIO', 'x'), effect } : undefined;
          },
        });
        const log = await written(disk);
        armed = true;
        await log.replace(4, 9, [entryOf(9, 'up to 9')]).catch(() => false);
        armed = false;
        await log.trim(9);
        expect(await textsOf(log)).toEqual(['10: record 10', '11: record 11']);
        await log.close();
        expect(memory.openFiles).toBe(0);
        expect(await textsOf(await openLog(memory, '/log', 100)), `${effect} at ${failAt}`).toEqual([
          '10: record 10',
          '11: record 11',
        ]);
      }
    }
  });

  it('leaves what was there or what replaces it, whichever call the power goes at', async () => {
    for (let seed = 0; seed < 20; seed++) {
      let reached = true;
      for (let cutAt = 1; reached; cutAt++) {
        const random = randomFrom(seed * 1000 + cutAt);
        const memory = new MemoryDisk();
        let after: MemoryDisk | undefined;
        let asked = 0;
        let armed = false;
        const disk = watched(memory, () => {
          if (armed) asked += 1;
          if (armed && asked === cutAt) after = memory.cutPower(random);
        });
        const log = await written(disk);
        armed = true;
        try {
          await log.replace(1, 3, [entryOf(2, 'up to 2')]);
          await log.replace(4, 9, [entryOf(9, 'up to 9')]);
          await log.replace(1, 9, [entryOf(9, 'all')]);
          await log.replace(1, 9, [entryOf(9, 'all again')]);
          await log.trim(9);
        } catch (error) {
          if (!(error instanceof PowerCut)) throw error;
        }
        reached = asked >= cutAt;
        const left = after ?? memory.cutPower(random);
        const reopened = await openLog(left, '/log', 100);
        const texts = await textsOf(reopened);
        const where = `seed ${seed}, cut at ${cutAt}`;
        const start = texts.slice(0, -2).join(' ');
        const records = (seqs: number[]): string => seqs.map((seq) => `${seq}: record ${seq}`).join(' ');
        expect(
          [
            records([1, 2, 3, 4, 5, 6, 7, 8, 9]),
            `2: up to 2 ${records([4, 5, 6, 7, 8, 9])}`,
            '2: up to 2 9: up to 9',
            '9: all',
            '9: all again',
            '',
          ],
          where,
        ).toContain(start);
        expect(texts.slice(-2), where).toEqual(['10: record 10', '11: record 11']);
        const firsts = reopened.segments().map(({ first }) => first);
        expect(firsts, where).toEqual([...new Set(firsts)]);
        expect((await left.list('/log')).length, where).toBe(firsts.length);
        expect(reopened.salvage, where).toEqual({ segments: 0, bytes: 0, records: 0 });
        expect(
          (await left.list('/log')).filter((name) => name.endsWith('.new')),
          where,
        ).toEqual([]);
      }
    }
  });

  it('keeps to what a list would do, through any mix of appends, trims, replacements, crashes and power cuts', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ append: fc.integer({ min: 1, max: 4 }) }) },
      { weight: 3, arbitrary: fc.record({ replace: fc.tuple(fc.nat(5), fc.nat(3), fc.nat()) }) },
      { weight: 1, arbitrary: fc.record({ trim: fc.nat(30) }) },
      { weight: 1, arbitrary: fc.constant('crash' as const) },
      { weight: 1, arbitrary: fc.constant('power' as const) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(), async (steps, seed) => {
        const random = randomFrom(seed);
        let disk = new MemoryDisk();
        let log = await openLog(disk, '/log', 100);
        let model: string[] = [];
        for (const todo of steps) {
          if (todo === 'crash' || todo === 'power') {
            disk = todo === 'crash' ? disk.crash() : disk.cutPower(random);
            log = await openLog(disk, '/log', 100);
          } else if ('append' in todo) {
            for (let i = 0; i < todo.append; i++) {
              const seq = log.append(bytesOf(`record ${log.last + 1}`));
              model.push(`${seq}: record ${seq}`);
            }
            await log.sync();
          } else if ('trim' in todo) {
            await log.trim(Math.min(todo.trim, log.synced));
          } else {
            const [at, more, pick] = todo.replace;
            const chosen = log
              .segments()
              .slice(0, -1)
              .slice(at, at + 1 + more);
            const [first, last] = [chosen[0]?.first, chosen.at(-1)?.last];
            if (first === undefined || last === undefined) continue;
            const kept = randomFrom(pick);
            const inside = (text: string): boolean =>
              Number.parseInt(text, 10) >= first && Number.parseInt(text, 10) <= last;
            const dropped = new Set(model.filter((text) => inside(text) && kept() < 0.4));
            const entries = model
              .filter((text) => inside(text) && !dropped.has(text))
              .map((text) => entryOf(Number.parseInt(text, 10), text.slice(text.indexOf(' ') + 1)));
            expect(await log.replace(first, last, entries)).toBe(true);
            model = model.filter((text) => !dropped.has(text));
          }
          // What a trim has removed may come back after a power cut, as it was.
          expect(await textsOf(log)).toEqual(model.filter((text) => Number.parseInt(text, 10) > log.trimmed));
          expect(log.salvage.records).toBe(0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
