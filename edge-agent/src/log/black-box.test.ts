import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { qualities, type Quality } from '@weir/shared/model/quality.ts';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, PowerCut } from '../testing/memory-disk.ts';
import { randomFrom } from '../testing/random.ts';
import { DiskGate, watched } from '../testing/watched-disk.ts';
import { BlackBox, type BlackBoxOptions } from './black-box.ts';
import type { Disk } from './disk.ts';
import { BlockBuilder } from './journal-block.ts';
import { Log } from './log.ts';

const begin = Date.UTC(2026, 0, 1);
const devices = ['press', 'oven', 'saw'];
const always = { from: -Infinity, to: Infinity };

interface Given {
  readonly device: string;
  readonly value: number;
  readonly time?: number;
  readonly arrival?: number;
  readonly quality?: Quality;
}

let incarnations = 0;
const newIncarnation = (): string => (incarnations++).toString(16).padStart(16, '0');

interface Boxed {
  readonly journal: Log;
  readonly box: BlackBox;
}

/** Small segments and records, so that few readings fill many. */
async function open(disk: Disk, options: Partial<BlackBoxOptions> = {}): Promise<Boxed> {
  const journal = await Log.open(disk, { folder: '/journal', segmentBytes: 300, newIncarnation });
  const box = await BlackBox.open(disk, {
    folder: '/blackbox',
    maxBytes: 64e6,
    newIncarnation,
    journal,
    readingsPerRecord: 5,
    ...options,
  });
  return { journal, box };
}

function block(readings: readonly Given[], line?: string): Uint8Array {
  const series = new SeriesTable(100);
  const builder = new BlockBuilder(series);
  for (const { device, value, time = begin + value, arrival = time, quality = 'good' } of readings) {
    const known = series.intern(device, 'temperature');
    if (known === undefined) throw new Error('the table is full');
    builder.add({ series: known.id, time, value, quality }, arrival);
  }
  return builder.finish(begin, line);
}

async function commit(journal: Log, readings: readonly Given[], line?: string): Promise<void> {
  journal.append(block(readings, line));
  await journal.sync();
}

async function valuesOf(box: BlackBox, device: string, range = always): Promise<number[]> {
  const values: number[] = [];
  for await (const run of box.read({ device, signal: 'temperature', ...range })) values.push(...run.values);
  return values;
}

const counted = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);
const ofOne = (values: readonly number[], device = 'press'): Given[] => values.map((value) => ({ device, value }));

describe('the black box', () => {
  it('takes whole segments of the journal, and gives every reading once, in order', async () => {
    const { journal, box } = await open(new MemoryDisk());
    for (let i = 0; i < 300; i += 3) await commit(journal, ofOne(counted(i, i + 3)));
    const before = journal.bytes;
    await box.pack(60);
    expect(journal.trimmed).toBeGreaterThan(40);
    expect(journal.trimmed).toBeLessThanOrEqual(60);
    expect(box.packed).toBe(journal.trimmed);
    expect(journal.bytes).toBeLessThan(before / 2);
    expect(await valuesOf(box, 'press')).toEqual(counted(0, 300));
    expect(await valuesOf(box, 'oven')).toEqual([]);
    await box.pack(60);
    await box.pack(journal.synced);
    expect(await valuesOf(box, 'press')).toEqual(counted(0, 300));
    // The segment that is being written stays.
    expect(journal.trimmed).toBeLessThan(journal.synced);
  });

  it('gives event times from `from` on and before `to`, wherever they are', async () => {
    const { journal, box } = await open(new MemoryDisk());
    for (let i = 0; i < 300; i += 3) await commit(journal, ofOne(counted(i, i + 3)));
    await box.pack(50);
    for (const [from, to] of [
      [10, 20],
      [0, 300],
      [148, 152],
      [290, 400],
      [20, 20],
      [-5, 0],
    ] as const) {
      const range = { from: begin + from, to: begin + to };
      expect(await valuesOf(box, 'press', range)).toEqual(counted(Math.max(0, from), Math.max(0, Math.min(300, to))));
    }
  });

  it('reads little of the archive to find a little, once it has looked through it', async () => {
    let bytes = 0;
    const memory = new MemoryDisk();
    const disk: Disk = {
      ...watched(memory, () => undefined),
      read: async (path, offset, length) => {
        const found = await memory.read(path, offset, length);
        if (path.startsWith('/blackbox')) bytes += found.length;
        return found;
      },
    };
    const random = randomFrom(1);
    const { journal, box } = await open(disk, { readingsPerRecord: 1000 });
    const commitSome = async (from: number): Promise<void> => {
      const values = counted(from, from + 1000);
      await commit(
        journal,
        values.map((value) => ({ device: 'press', value: value + random() / 2, time: begin + value })),
      );
    };
    const search = async (from: number, to: number): Promise<number[]> => {
      bytes = 0;
      const values = await valuesOf(box, 'press', { from: begin + from, to: begin + to });
      return values.map(Math.floor);
    };
    for (let i = 0; i < 200; i++) await commitSome(i * 1000);
    await box.pack(journal.synced);
    expect(await search(100_500, 100_510)).toEqual(counted(100_500, 100_510));
    const everything = bytes;
    expect(everything).toBeGreaterThan(box.bytes * 0.9);
    for (let i = 200; i < 210; i++) await commitSome(i * 1000);
    await box.pack(journal.synced);
    for (const from of [0, 99_995, 100_500, 205_995, 209_990]) {
      expect(await search(from, from + 10)).toEqual(counted(from, from + 10));
    }
    expect(await search(150_500, 150_510)).toEqual(counted(150_500, 150_510));
    expect(bytes).toBeLessThan(everything / 3);
  });

  it('gives back times, values and qualities bit by bit, of readings that came late as well', async () => {
    const reading = fc.record({
      device: fc.constantFrom(...devices),
      value: fc.double({ noNaN: true }),
      time: fc.oneof(fc.integer({ min: begin, max: begin + 1e6 }), fc.double({ noNaN: true, min: -1e15, max: 1e15 })),
      arrival: fc.integer({ min: begin, max: begin + 1e6 }),
      quality: fc.constantFrom(...qualities),
    });
    const blocks = fc.array(fc.array(reading, { maxLength: 30 }), { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(blocks, fc.nat({ max: 10 }), async (given, through) => {
        const { journal, box } = await open(new MemoryDisk());
        for (const readings of given) await commit(journal, readings);
        await box.pack(through);
        for (const device of devices) {
          const found: unknown[] = [];
          for await (const run of box.read({ device, signal: 'temperature', ...always })) {
            run.times.forEach((time, i) => found.push([time, run.values[i], run.qualities[i]]));
          }
          const expected = given.flat().filter((one) => one.device === device);
          expect(found).toEqual(expected.map(({ time, value, quality }) => [time, value, quality]));
        }
      }),
    );
  });

  it('says when the oldest reading arrived, in the archive or in the journal', async () => {
    const { journal, box } = await open(new MemoryDisk());
    expect(box.oldest).toBeUndefined();
    await commit(journal, []);
    await commit(journal, [{ device: 'press', value: 1, time: begin, arrival: begin + 7 }]);
    await valuesOf(box, 'press');
    expect(box.oldest).toBe(begin + 7);
    for (let i = 0; i < 50; i++) await commit(journal, ofOne([i + 100]));
    await box.pack(40);
    expect(journal.trimmed).toBeGreaterThan(2);
    expect(box.oldest).toBe(begin + 7);
  });

  it('keeps below its bytes: the oldest readings go', async () => {
    const disk = new MemoryDisk();
    const random = randomFrom(1);
    const maxBytes = 700e3;
    const options = { maxBytes, readingsPerRecord: 8000 };
    const { journal, box } = await open(disk, options);
    const values: number[] = [];
    for (let i = 0; i < 40; i++) {
      const some = Array.from({ length: 6000 }, () => random());
      values.push(...some);
      const before = values.length - some.length;
      await commit(
        journal,
        some.map((value, index) => ({ device: 'press', value, time: begin + before + index })),
      );
      await box.pack(journal.synced);
      expect(box.bytes).toBeLessThanOrEqual(maxBytes);
    }
    const kept = await valuesOf(box, 'press');
    expect(kept).toEqual(values.slice(-kept.length));
    expect(kept.length).toBeLessThan(values.length);
    expect(box.bytes).toBeGreaterThan(maxBytes / 2);
    expect(box.oldest).toBe(begin + values.length - kept.length);
    const again = await open(disk.crash(), options);
    expect(again.box.oldest).toBe(box.oldest);
  });

  it('moves what was stamped provisionally, once it is known by how much; until then it stays in the journal', async () => {
    const moves = new Map<string, number>();
    const { journal, box } = await open(new MemoryDisk(), { moveOf: (line) => moves.get(line) });
    for (let i = 0; i < 30; i++) await commit(journal, ofOne([i]));
    const own = { device: 'press', value: 30, time: begin - 500, arrival: begin + 30 };
    await commit(journal, [own, ...ofOne([31])], 'line');
    for (let i = 32; i < 60; i++) await commit(journal, ofOne([i]));
    const timesOf = async (): Promise<number[]> => {
      const times: number[] = [];
      for await (const run of box.read({ device: 'press', signal: 'temperature', ...always })) times.push(...run.times);
      return times.map((time) => time - begin);
    };
    await box.pack(50);
    expect(box.packed).toBeLessThanOrEqual(30);
    expect(await timesOf()).toEqual([...counted(0, 30), -500, ...counted(31, 60)]);
    moves.set('line', 1000);
    const moved = [...counted(0, 30), -500, 1031, ...counted(32, 60)];
    expect(await timesOf()).toEqual(moved);
    await box.pack(50);
    expect(box.packed).toBeGreaterThan(40);
    expect(await timesOf()).toEqual(moved);
  });

  it('gives what is packed and still in the journal once, also when it knows where to look', async () => {
    const { journal, box } = await open(new MemoryDisk(), { moveOf: () => undefined, readingsPerRecord: 1 });
    for (let i = 0; i < 93; i += 3) await commit(journal, ofOne(counted(i, i + 3)));
    await commit(journal, [], 'line');
    for (let i = 93; i < 180; i += 3) await commit(journal, ofOne(counted(i, i + 3)));
    await box.pack(50);
    expect(box.packed).toBe(31);
    expect(journal.trimmed).toBeLessThan(30);
    expect(await valuesOf(box, 'press')).toEqual(counted(0, 180));
    for (let i = 0; i < 180; i++) {
      expect(await valuesOf(box, 'press', { from: begin + i, to: begin + i + 1 })).toEqual([i]);
    }
  });

  it('goes on behind what is packed when the journal has lost its end, or is gone', async () => {
    const disk = new MemoryDisk();
    const { journal, box } = await open(disk);
    for (let i = 0; i < 60; i++) await commit(journal, ofOne([i]));
    await box.pack(50);
    const last = box.packed;
    const afterwards = disk.crash();
    for (const name of await afterwards.list('/journal')) {
      if (Number(name.slice(0, 16)) > 3) await afterwards.remove(`/journal/${name}`);
    }
    // Its first block again, of the same incarnation: all that is left.
    const left = await afterwards.create(`/journal/0000000000000001-${journal.incarnation}.log`);
    await left.close();
    const again = await open(afterwards);
    expect(again.journal.incarnation).toBe(journal.incarnation);
    for (let i = 100; i < 130; i++) await commit(again.journal, ofOne([i]));
    await again.box.pack(again.journal.synced);
    expect(await valuesOf(again.box, 'press')).toEqual([...counted(0, last), ...counted(100, 130)]);

    const withoutJournal = afterwards.crash();
    for (const name of await withoutJournal.list('/journal')) await withoutJournal.remove(`/journal/${name}`);
    const other = await open(withoutJournal);
    expect(other.journal.incarnation).not.toBe(journal.incarnation);
    const archived = await valuesOf(other.box, 'press');
    expect(archived.slice(0, last)).toEqual(counted(0, last));
    for (let i = 200; i < 260; i++) await commit(other.journal, ofOne([i]));
    await other.box.pack(other.journal.synced);
    expect(await valuesOf(other.box, 'press')).toEqual([...archived, ...counted(200, 260)]);
  });
});

describe('packing', () => {
  it('goes on where it was when the disk fails, at whatever call', async () => {
    for (let from = 1, reached = true; reached; from++) {
      let asked = -Infinity;
      const disk = watched(new MemoryDisk(), () => {
        asked += 1;
        if (asked >= from && asked < from + 3) throw new Error('EIO');
      });
      const { journal, box } = await open(disk);
      for (let i = 0; i < 120; i += 3) await commit(journal, ofOne(counted(i, i + 3)));
      asked = 0;
      let failures = 0;
      while (failures < 10) {
        try {
          await box.pack(journal.synced);
          break;
        } catch {
          failures += 1;
        }
      }
      reached = asked >= from;
      asked = -Infinity;
      expect(failures).toBeLessThan(4);
      expect(journal.segments()).toHaveLength(1);
      expect(await valuesOf(box, 'press')).toEqual(counted(0, 120));
      expect(reached || from > 10).toBe(true);
    }
  });

  it('does not gather more in memory while the disk cannot take what there is', async () => {
    let broken = false;
    const disk = watched(new MemoryDisk(), ({ name, path }) => {
      if (broken && name === 'append' && path.startsWith('/blackbox')) throw new Error('EIO');
    });
    const { journal, box } = await open(disk);
    for (let i = 0; i < 120; i += 3) await commit(journal, ofOne(counted(i, i + 3)));
    broken = true;
    await expect(box.pack(20)).rejects.toThrow('EIO');
    const { packed } = box;
    await expect(box.pack(journal.synced)).rejects.toThrow('EIO');
    expect(box.packed).toBe(packed);
  });

  it('lets others have the thread after some thousand readings', async () => {
    let pauses = 0;
    const pause = async (): Promise<void> => void (pauses += 1);
    const { journal, box } = await open(new MemoryDisk(), { readingsPerRecord: 8000, pause });
    const random = randomFrom(1);
    await commit(journal, ofOne(Array.from({ length: 40_000 }, random)));
    await commit(journal, []);
    await box.pack(1);
    expect(box.packed).toBe(1);
    // They are taken out of the block, and put into records.
    expect(pauses).toBeGreaterThanOrEqual(15);
  });
});

describe('the black box when the power goes', () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('commit'), count: fc.integer({ min: 0, max: 40 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('pack'), count: fc.nat({ max: 30 }) }) },
  );
  const life = fc.record({
    steps: fc.array(step, { maxLength: 25 }),
    /** Calls of the disk until it ends. */
    calls: fc.integer({ min: 1, max: 400 }),
    kill: fc.boolean(),
    seed: fc.nat(),
  });

  it('has every reading whose block was synced, once and in order, whatever call was the last', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 6 }), async (lives) => {
        let memory = new MemoryDisk();
        /** What there has to be, and what was on its way to the disk when the power went. */
        let owed: Given[] = [];
        let next = 0;
        for (const { steps, calls, kill, seed } of lives) {
          const random = randomFrom(seed);
          let left = calls;
          const disk = watched(memory, () => {
            left -= 1;
            if (left < 0) throw new PowerCut('the power is off');
          });
          const unsure: Given[] = [];
          try {
            const { journal, box } = await open(disk);
            for (const { kind, count } of steps) {
              if (kind === 'pack') await box.pack(Math.max(0, journal.synced - count));
              else {
                const readings = counted(next, next + count).map((value) => ({ device: pick(random), value }));
                next += count;
                unsure.push(...readings);
                await commit(journal, readings);
                owed.push(...unsure.splice(0));
              }
            }
          } catch (error) {
            if (!(error instanceof PowerCut)) throw error;
          }
          memory = kill ? memory.crash() : memory.cutPower(random);
          owed = await expectThere(memory, owed, unsure);
        }
      }),
      { numRuns: 150 },
    );
  });

  const pick = (random: () => number): string => devices[Math.floor(random() * devices.length)] ?? '';

  /** @returns what is there: it has to stay */
  async function expectThere(memory: MemoryDisk, owed: readonly Given[], unsure: readonly Given[]): Promise<Given[]> {
    const { box } = await open(memory);
    const found: Given[] = [];
    for (const device of devices) {
      const values = await valuesOf(box, device);
      expect(values).toEqual(values.toSorted((a, b) => a - b));
      expect(new Set(values).size).toBe(values.length);
      const may = new Set([...owed, ...unsure].filter((one) => one.device === device).map(({ value }) => value));
      for (const value of values) expect(may).toContain(value);
      for (const one of owed) if (one.device === device) expect(values).toContain(one.value);
      found.push(...ofOne(values, device));
    }
    return found;
  }
});

describe('reading the black box while it is packed', () => {
  it('looks into the archive again when the journal was packed and trimmed after it had looked there', async () => {
    let held = false;
    const gate = new DiskGate(new MemoryDisk(), ({ name, path }) => {
      // The reader's only; packing reads the journal as well.
      if (held || name !== 'read' || !path.startsWith('/journal')) return false;
      held = true;
      return true;
    });
    const { journal, box } = await open(gate.disk);
    for (let i = 0; i < 120; i += 3) await commit(journal, ofOne(counted(i, i + 3)));
    await valuesOf(box, 'press');
    held = false;
    gate.hold();
    const reading = valuesOf(box, 'press');
    await setImmediate();
    expect(held).toBe(true);
    await box.pack(journal.synced);
    expect(journal.trimmed).toBeGreaterThan(30);
    gate.release();
    expect(await reading).toEqual(counted(0, 120));
  });

  it('gives each reading once, whatever is packed meanwhile', async () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 40 });
    const between = fc.array(
      fc.record({ commits: fc.nat({ max: 3 }), behind: fc.nat({ max: 20 }), packs: fc.boolean() }),
      { maxLength: 60 },
    );
    await fc.assert(
      fc.asyncProperty(sizes, between, between, fc.nat(), async (counts, meanwhile, besides, seed) => {
        const random = randomFrom(seed);
        const { journal, box } = await open(new MemoryDisk());
        const given: Given[] = [];
        const commitSome = async (count: number): Promise<void> => {
          const readings = counted(given.length, given.length + count).map((value) => ({
            device: random() < 0.6 ? 'press' : 'oven',
            value,
          }));
          given.push(...readings);
          await commit(journal, readings);
        };
        for (const count of counts) await commitSome(count);
        await box.pack(Math.floor(random() * 40));
        const doSome = async ({ commits, behind, packs }: { commits: number; behind: number; packs: boolean }) => {
          for (let i = 0; i < commits; i++) await commitSome(10);
          if (packs) await box.pack(journal.synced - behind);
        };
        await valuesOf(box, 'press');
        const from = Math.floor(random() * 1.5 * given.length) - Math.floor(given.length / 2);
        const to = from + Math.floor(random() * 2 * given.length);
        const isWanted = ({ device, value }: Given): boolean => device === 'press' && value >= from && value < to;
        const atLeast = given.filter(isWanted).length;
        // One at a time, but some of it at the same time as the reader does its work.
        let others = (async () => {
          for (const doing of besides) await doSome(doing);
        })();
        const found: number[] = [];
        const range = { device: 'press', signal: 'temperature', from: begin + from, to: begin + to };
        for await (const run of box.read(range)) {
          found.push(...run.values);
          const doing = meanwhile.pop();
          if (doing === undefined) continue;
          others = others.then(() => doSome(doing));
          if (random() < 0.5) await others;
        }
        await others;
        expect(found.length).toBeGreaterThanOrEqual(atLeast);
        const expected = given.filter(isWanted).map(({ value }) => value);
        expect(found).toEqual(expected.slice(0, found.length));
      }),
      { numRuns: 300 },
    );
  });
});
