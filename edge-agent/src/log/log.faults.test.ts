import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, fill, incarnation, openLog, textOf, textsOf } from '../testing/logs.ts';
import { fault, MemoryDisk, PowerCut } from '../testing/memory-disk.ts';
import { randomFrom } from '../testing/random.ts';
import { unreliable } from '../testing/unreliable-disk.ts';
import { DiskGate, DiskSwitch, watched } from '../testing/watched-disk.ts';
import type { Disk } from './disk.ts';
import type { Log } from './log.ts';
import { segmentName } from './segment.ts';

const fileOf = (first: number): string => segmentName({ first, incarnation });

describe('a log on a disk that fails', () => {
  /** What a run of the agent does with a log; failures are met by trying again later. */
  async function run(log: Log): Promise<void> {
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 3; i++) log.append(bytesOf(`record ${log.last + 1}`));
      await syncAtLast(log);
    }
  }

  /** Failures are met by trying again, but not for ever. */
  async function syncAtLast(log: Log): Promise<void> {
    for (let attempt = 1; attempt < 20; attempt++) {
      const failed = await log.sync().then(
        () => false,
        () => true,
      );
      if (!failed) return;
    }
    await log.sync();
  }

  async function retried<T>(act: () => Promise<T>): Promise<T> {
    for (let attempt = 1; attempt < 20; attempt++) {
      try {
        return await act();
      } catch {
        // Once more.
      }
    }
    return act();
  }

  it.each([1, 2, 3, 5])(
    'writes everything, once and in order, when %i calls fail from any call on',
    async (failures) => {
      let reached = true;
      for (let from = 1; reached; from++) {
        let armed = false;
        let asked = 0;
        const memory = new MemoryDisk();
        const disk = watched(memory, () => {
          if (!armed) return;
          asked += 1;
          if (asked >= from && asked < from + failures) throw new Error('EIO');
        });
        const log = await openLog(disk, '/log', 100);
        armed = true;
        await run(log);
        armed = false;
        reached = asked >= from;
        const expected = Array.from({ length: 12 }, (_, index) => `${index + 1}: record ${index + 1}`);
        expect(await textsOf(log)).toEqual(expected);
        expect(await textsOf(await openLog(memory, '/log')), `failing from call ${from}`).toEqual(expected);
        expect(reached || from > 20).toBe(true);
      }
    },
  );

  it.each(['EIO', 'ENOSPC', 'EROFS'])(
    'loses nothing that was acknowledged, keeps no file open, and catches up, whichever call fails with %s and however',
    async (code) => {
      for (const effect of ['none', 'half', 'done'] as const) {
        for (const failures of [1, 3]) {
          let reached = true;
          for (let from = 1; reached; from++) {
            const where = `${failures} from call ${from} on, ${effect}`;
            const memory = new MemoryDisk();
            let asked = 0;
            let armed = true;
            const disk = unreliable(memory, {
              failure: () => {
                if (armed) asked += 1;
                const fails = armed && asked >= from && asked < from + failures;
                return fails ? { error: fault(code, 'x'), effect } : undefined;
              },
            });
            // What an earlier run has left: a segment, and one that never got its header.
            await fill(await openLog(memory, '/log', 100), 2);
            await memory.create(join('/log', fileOf(3)));
            const log = await retried(() => openLog(disk, '/log', 100));
            await run(log);
            for (const through of [4, 9]) await retried(() => log.trim(through));
            const texts = await retried(() => textsOf(log));
            armed = false;
            reached = asked >= from;
            const expected = Array.from({ length: 14 }, (_, index) => `${index + 1}: record ${index + 1}`);
            expect(texts, where).toEqual(expected.slice(log.trimmed));
            expect(log.trimmed, where).toBeGreaterThan(5);
            await retried(() => log.close());
            expect(memory.openFiles - 2, where).toBe(0);
            expect(await textsOf(await openLog(memory, '/log', 100)), where).toEqual(texts);
            expect(reached || from > 30).toBe(true);
          }
        }
      }
    },
  );

  it('goes on when there is room again, and has everything, however little fits at a time', async () => {
    for (const capacityBytes of [0, 1, 19, 20, 30, 44, 45, 100, 150, 180]) {
      const memory = new MemoryDisk({ capacityBytes });
      const log = await openLog(memory, '/log', 100);
      for (let i = 0; i < 12; i++) {
        log.append(bytesOf(`record ${log.last + 1}`));
        await log.sync().catch((error: unknown) => expect(error).toMatchObject({ code: 'ENOSPC' }));
      }
      const { synced } = log;
      expect(synced).toBeLessThan(12);
      expect((await textsOf(log)).length).toBe(synced);
      // Whatever was acknowledged is there, also when this process ends here.
      expect((await textsOf(await openLog(memory, '/log', 100))).length).toBeGreaterThanOrEqual(synced);
      memory.capacityBytes = 10_000;
      await log.sync();
      expect(log.synced).toBe(12);
      const expected = Array.from({ length: 12 }, (_, index) => `${index + 1}: record ${index + 1}`);
      expect(await textsOf(log)).toEqual(expected);
      const reopened = await openLog(memory, '/log', 100);
      expect(await textsOf(reopened)).toEqual(expected);
      expect(reopened.salvage.records).toBe(0);
    }
  });

  it('tells who waits for a sync that it failed', async () => {
    const breaker = new DiskSwitch(new MemoryDisk());
    const log = await openLog(breaker.disk, '/log');
    breaker.broken = true;
    log.append(bytesOf('record 1'));
    await expect(log.sync()).rejects.toThrow('the disk fails');
    expect(log.synced).toBe(0);
    breaker.broken = false;
    await log.sync();
    expect(await textsOf(log)).toEqual(['1: record 1']);
  });

  it('takes appends while a sync hangs, and writes them with the next', async () => {
    const gate = new DiskGate(new MemoryDisk(), ({ name }) => name === 'sync');
    const log = await openLog(gate.disk, '/log');
    log.append(bytesOf('one'));
    gate.hold();
    const first = log.sync();
    await expect.poll(() => gate.waiting).toBe(1);
    log.append(bytesOf('two'));
    expect(await textsOf(log)).toEqual([]);
    const second = log.sync();
    gate.release();
    await first;
    await second;
    expect(await textsOf(log)).toEqual(['1: one', '2: two']);
  });

  it('keeps for the next sync what is appended while one fails', async () => {
    const memory = new MemoryDisk();
    let failing = true;
    const disk = watched(memory, ({ name }) => {
      if (!failing || name !== 'sync') return;
      log.append(bytesOf('meanwhile'));
      throw new Error('EIO');
    });
    const log = await openLog(disk, '/log');
    log.append(bytesOf('first'));
    await expect(log.sync()).rejects.toThrow('EIO');
    failing = false;
    await log.sync();
    expect(await textsOf(log)).toEqual(['1: first', '2: meanwhile']);
  });

  it('keeps the segment with the last record while the next one holds none', async () => {
    const memory = new MemoryDisk();
    let failing = false;
    const disk = watched(memory, ({ name }) => {
      if (failing && name === 'sync') throw new Error('EIO');
    });
    const log = await openLog(disk, '/log', 72);
    await fill(log, 2);
    failing = true;
    log.append(bytesOf('record 3'));
    await expect(log.sync()).rejects.toThrow('EIO');
    await log.trim(2);
    expect(log.trimmed).toBe(0);
    expect(
      (
        await openLog(
          memory.cutPower(() => 0),
          '/log',
          72,
        )
      ).last,
    ).toBe(2);
  });

  it('trims the rest later when a segment cannot be removed', async () => {
    const breaker = new DiskSwitch(new MemoryDisk());
    const log = await openLog(breaker.disk, '/log', 60);
    await fill(log, 9);
    breaker.broken = true;
    await expect(log.trim(8)).rejects.toThrow('the disk fails');
    expect(log.trimmed).toBe(0);
    breaker.broken = false;
    await log.trim(8);
    expect(log.trimmed).toBe(8);
  });
});

describe('a log and a power cut', () => {
  /** Remembers what was appended, and what a resolved sync has promised of it. */
  class Witness {
    readonly #texts = new Map<number, string>();
    readonly #promised = new Set<number>();
    #trimmed = 0;
    #appended = 0;

    append(log: Log): void {
      this.#appended += 1;
      const text = `text ${this.#appended}`;
      this.#texts.set(log.append(bytesOf(text)), text);
    }

    async sync(log: Log): Promise<void> {
      const upTo = log.last;
      await log.sync();
      for (const seq of this.#texts.keys()) if (seq <= upTo) this.#promised.add(seq);
    }

    async trim(log: Log): Promise<void> {
      this.#trimmed = Math.max(this.#trimmed, log.synced - (this.#appended % 4));
      await log.trim(this.#trimmed);
    }

    /** The log holds what was promised, and nothing that was never said. What it holds now is promised from now on. */
    async check(log: Log, where: string): Promise<void> {
      const found = (await textsOf(log)).map((text) => [Number(text.split(': ')[0]), text.split(': ')[1]] as const);
      const numbers = found.map(([seq]) => seq);
      expect(numbers, where).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
      for (const [seq, text] of found) expect(text, where).toBe(this.#texts.get(seq));
      const kept = [...this.#promised].filter((seq) => seq > this.#trimmed);
      expect(numbers, where).toEqual(expect.arrayContaining(kept));
      expect(log.last, where).toBeGreaterThanOrEqual(Math.max(0, ...this.#promised));
      for (const seq of this.#texts.keys()) if (!numbers.includes(seq)) this.#texts.delete(seq);
      for (const seq of numbers) this.#promised.add(seq);
    }
  }

  /** What a run of the agent does with its log, until the power goes. */
  async function runUntilPowerCut(disk: Disk, witness: Witness, where: string): Promise<void> {
    try {
      const log = await openLog(disk, '/log', 80);
      await witness.check(log, where);
      for (let round = 0; round < 4; round++) {
        for (let i = 0; i < 2 + round; i++) witness.append(log);
        await witness.sync(log);
        if (round % 2 === 1) await witness.trim(log);
      }
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
    }
  }

  it('has what a resolved sync promised, whichever call the power goes at, and again after the next cut', async () => {
    for (let seed = 0; seed < 12; seed++) {
      let reached = true;
      for (let cutAt = 1; reached; cutAt++) {
        const random = randomFrom(seed * 1000 + cutAt);
        let disk = new MemoryDisk();
        const witness = new Witness();
        for (let life = 0; life < 3; life++) {
          let after: MemoryDisk | undefined;
          let asked = 0;
          const unplugged = watched(disk, () => {
            asked += 1;
            if (asked === cutAt) after = disk.cutPower(random);
          });
          await runUntilPowerCut(unplugged, witness, `seed ${seed}, power cut at call ${cutAt}, life ${life}`);
          if (life === 0) reached = asked >= cutAt;
          disk = after ?? disk.cutPower(random);
        }
        await witness.check(await openLog(disk, '/log', 80), `seed ${seed}, power cut at call ${cutAt}, at last`);
        expect(reached || cutAt > 20).toBe(true);
      }
    }
  });

  it('keeps every promise through any mix of failing calls and power cuts', async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.constant('append' as const) },
      { weight: 4, arbitrary: fc.constant('sync' as const) },
      { weight: 1, arbitrary: fc.constant('trim' as const) },
      { weight: 1, arbitrary: fc.record({ cutIn: fc.integer({ min: 1, max: 8 }) }) },
      { weight: 2, arbitrary: fc.record({ failIn: fc.integer({ min: 1, max: 8 }) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.nat(), async (steps, seed) => {
        const random = randomFrom(seed);
        const witness = new Witness();
        const faults = { failIn: 0, cutIn: 0 };
        let memory = new MemoryDisk();
        let after: MemoryDisk | undefined;
        const open = (): Promise<Log> => {
          const disk = watched(memory, () => {
            faults.cutIn -= 1;
            faults.failIn -= 1;
            if (faults.cutIn === 0) after = memory.cutPower(random);
            if (faults.failIn === 0) throw new Error('EIO');
          });
          return openLog(disk, '/log', 80);
        };
        let log = await open();
        for (const todo of steps) {
          if (todo === 'append') witness.append(log);
          else if (todo === 'sync') await witness.sync(log).catch(() => undefined);
          else if (todo === 'trim') await witness.trim(log).catch(() => undefined);
          else Object.assign(faults, todo);
          if (after === undefined) continue;
          memory = after;
          after = undefined;
          faults.failIn = 0;
          log = await open();
          await witness.check(log, 'after the power cut');
        }
        Object.assign(faults, { failIn: 0, cutIn: 0 });
        await witness.sync(log);
        await witness.check(log, 'at last');
        await witness.check(await openLog(memory, '/log', 80), 'reopened at last');
      }),
      { numRuns: 500 },
    );
  });

  it('reads the newer of two records that claim one number', async () => {
    // A sync fails after the bytes got there; the next one begins a segment, and the power goes before that holds anything.
    const memory = new MemoryDisk();
    let failing = false;
    const disk = watched(memory, ({ name }) => {
      if (failing && name === 'sync') throw new Error('EIO');
    });
    const log = await openLog(disk, '/log', 1000);
    await fill(log, 3);
    failing = true;
    log.append(bytesOf('forgotten'));
    await expect(log.sync()).rejects.toThrow('EIO');
    memory.overwrite(join('/log', fileOf(1)), memory.contentOf(join('/log', fileOf(1))));
    await memory.create(join('/log', fileOf(4)));
    await memory.syncFolder('/log');
    const reopened = await openLog(
      memory.cutPower(() => 0),
      '/log',
      1000,
    );
    const seq = reopened.append(bytesOf('acknowledged'));
    await reopened.sync();
    expect(await textsOf(reopened)).toEqual([
      '1: record 1',
      '2: record 2',
      '3: record 3',
      textOf({ seq, payload: bytesOf('acknowledged') }),
    ]);
  });
});
