import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SeriesTable } from '@weir/shared/model/series.ts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { randomFrom } from '../testing/random.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { BlackBox } from './black-box.ts';
import { realDisk } from './disk.ts';
import { HeldDisk } from './held-disk.ts';
import { History, type Stretch } from './history.ts';
import { BlockBuilder } from './journal-block.ts';
import { Log } from './log.ts';

const begin = Date.UTC(2026, 0, 1);
const devices = ['press', 'oven', 'saw'];

/** Journal and black box as an agent writes them: small segments and records, so that few readings fill many. */
class Writer {
  readonly folder: string;
  readonly journal: Log;
  readonly box: BlackBox;
  /** What was committed, as `device value`. */
  readonly all: string[] = [];
  readonly #series = new SeriesTable(100);
  readonly #random = randomFrom(3);

  private constructor(folder: string, journal: Log, box: BlackBox) {
    this.folder = folder;
    this.journal = journal;
    this.box = box;
  }

  static async open(): Promise<Writer> {
    const folder = await tempFolder();
    const newIncarnation = (): string => 'abcdef0123456789';
    const journal = await Log.open(realDisk, { folder: join(folder, 'journal'), segmentBytes: 300, newIncarnation });
    const box = await BlackBox.open(realDisk, {
      folder: join(folder, 'blackbox'),
      maxBytes: 64e6,
      newIncarnation: () => '0123456789abcdef',
      journal,
      readingsPerRecord: 20,
    });
    onTestFinished(async () => {
      await box.close();
      await journal.close();
    });
    return new Writer(folder, journal, box);
  }

  get now(): number {
    return begin + this.all.length * 1000;
  }

  /** @param awake whether the agent has just started */
  async commit(count: number, { awake = false, line }: { awake?: boolean; line?: string } = {}): Promise<void> {
    const builder = new BlockBuilder(this.#series);
    if (awake) builder.awake(this.now);
    for (let left = count; left > 0; left--) {
      const device = devices[Math.floor(this.#random() * devices.length)] ?? '';
      const known = this.#series.intern(device, 'temperature');
      if (known === undefined) throw new Error('the table is full');
      const value = this.all.length;
      builder.add({ series: known.id, time: this.now, value, quality: 'good' }, this.now);
      this.all.push(`${device} ${value}`);
    }
    this.journal.append(builder.finish(this.now, line));
    await this.journal.sync();
  }

  async history(): Promise<{ history: History; unreadable: string[] }> {
    const disk = new HeldDisk();
    const unreadable: string[] = [];
    onTestFinished(() => disk.close());
    const options = {
      folder: this.folder,
      onDamage: () => undefined,
      onUnreadable: (why: string) => unreadable.push(why),
    };
    return { history: await History.open(disk, options), unreadable };
  }
}

async function everything(stretches: AsyncIterable<Stretch>): Promise<{ readings: string[]; starts: number[] }> {
  const found = { readings: [] as string[], starts: [] as number[] };
  for await (const { starts, readings } of stretches) {
    found.starts.push(...starts);
    for (const { device, value, arrival } of readings) {
      expect(arrival).toBe(begin + value * 1000);
      found.readings.push(`${device} ${value}`);
    }
  }
  return found;
}

describe('what a gateway remembers', () => {
  it('is every reading once and in order, whatever the agent writes, packs and removes meanwhile', async () => {
    const writer = await Writer.open();
    for (let block = 0; block < 60; block++) {
      await writer.commit(7, { awake: block === 0 || block === 30 });
      if (block % 13 === 12) await writer.box.pack(writer.journal.last);
    }
    const { history } = await writer.history();
    const known = [...writer.all];
    const found: string[] = [];
    const starts: number[] = [];
    for await (const stretch of history.between(-Infinity, Infinity)) {
      starts.push(...stretch.starts);
      for (const { device, value } of stretch.readings) found.push(`${device} ${value}`);
      await writer.commit(5);
      await writer.box.pack(writer.journal.last);
    }
    expect(writer.all.length).toBeGreaterThan(known.length);
    // What came since may be there, too.
    expect(found.slice(0, known.length)).toEqual(known);
    expect(found).toEqual(writer.all.slice(0, found.length));
    expect(starts).toEqual([begin, begin + 30 * 7000]);
  });

  it('is found again by when it arrived', async () => {
    const writer = await Writer.open();
    for (let block = 0; block < 40; block++) {
      await writer.commit(10);
      if (block === 25) await writer.box.pack(writer.journal.last);
    }
    const { history } = await writer.history();
    expect(await history.end()).toBe(begin + 400_000);
    const { readings } = await everything(history.between(begin + 150_000, begin + 160_000));
    // Whole records and blocks come: more than was asked for, and far from everything.
    for (let value = 150; value <= 160; value++)
      expect(readings.filter((one) => one.endsWith(` ${value}`))).toHaveLength(1);
    expect(readings.length).toBeLessThan(200);
  });

  it('changes nothing on the disk', async () => {
    const writer = await Writer.open();
    await writer.commit(100);
    await writer.box.pack(writer.journal.last);
    // What a crash has left of a replacement would be cleared away by an agent that starts.
    const left = join(writer.folder, 'journal', 'left.new');
    await writeFile(left, 'x');
    const before = await readdir(writer.folder, { recursive: true });
    const { history } = await writer.history();
    await everything(history.between(-Infinity, Infinity));
    expect(await readdir(writer.folder, { recursive: true })).toEqual(before);
  });

  it('is nothing where there is no journal, and in what was never one', async () => {
    const writer = await Writer.open();
    await rm(join(writer.folder, 'journal'), { recursive: true });
    await rm(join(writer.folder, 'blackbox'), { recursive: true });
    const { history } = await writer.history();
    expect(await history.end()).toBe(-Infinity);
    expect(await everything(history.between(-Infinity, Infinity))).toEqual({ readings: [], starts: [] });
    await mkdir(join(writer.folder, 'journal'));
    await writeFile(join(writer.folder, 'journal', 'notes.txt'), 'hello');
    expect(await (await writer.history()).history.end()).toBe(-Infinity);
  });

  it('stands where it belongs when it was stamped before the time was known', async () => {
    const writer = await Writer.open();
    await writer.commit(3, { awake: true, line: 'early' });
    const clock = { machine: 'm', line: 'late', origin: { originMs: 0, begin: 0, floor: null }, time: null };
    await writeFile(join(writer.folder, 'clock'), JSON.stringify({ ...clock, moves: { early: 5_000_000 } }));
    const { history } = await writer.history();
    expect(await history.end()).toBe(begin + 5_003_000);
    for await (const { starts, readings } of history.between(-Infinity, Infinity)) {
      expect(starts).toEqual([begin + 5_000_000]);
      expect(readings.map(({ time, arrival }) => [time, arrival])).toEqual(
        [0, 1, 2].map((second) => [begin + 5_000_000 + second * 1000, begin + 5_000_000 + second * 1000]),
      );
    }
  });

  it('goes past what an agent of another version has written, and says so', async () => {
    const writer = await Writer.open();
    await writer.commit(3);
    writer.journal.append(Uint8Array.of(99));
    await writer.journal.sync();
    await writer.commit(3);
    const { history, unreadable } = await writer.history();
    expect((await everything(history.between(-Infinity, Infinity))).readings).toEqual(writer.all);
    expect(unreadable).toEqual(['journal block version 99, this agent reads 4']);
  });
});
