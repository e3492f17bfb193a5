import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Puller } from '../testing/puller.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { file } from './file.ts';

const start = Date.UTC(2024, 0, 1);

async function recording(lines: readonly string[], name = 'day.csv'): Promise<string> {
  const path = join(await tempFolder(), name);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

const times = (puller: Puller): number[] =>
  puller.deliveries.flatMap(({ readings }) => readings.map(({ time }) => time));

describe('a recording', () => {
  it('is played as fast as possible, with its own times, and then has nothing more to say', async () => {
    const rows = Array.from({ length: 2500 }, (_, n) => `${start + n * 1000},${n},${n / 2}`);
    const puller = new Puller(file, { file: await recording(['time,temp,rh', ...rows]), speed: 'max' });
    await expect.poll(() => puller.readings.length).toBe(5000);
    expect(times(puller)[4999]).toBe(start + 2_499_000);
    expect(Math.max(...puller.deliveries.map(({ readings }) => readings.length))).toBe(2000);
    expect(puller.ended).toBe(false);
    await puller.end();
    expect(puller.error).toBeUndefined();
  });

  it('is played at its pace, moved to the present', async () => {
    const path = await recording([
      'time,device,temp',
      `${start},a,1`,
      `${start + 100_000},b,2`,
      `${start + 200_000},a,3`,
    ]);
    const before = Date.now();
    const puller = new Puller(file, { file: path, speed: 1000 });
    await expect.poll(() => puller.readings).toEqual(['a/temp = 1', 'b/temp = 2', 'a/temp = 3']);
    const [first = 0, second = 0, third = 0] = times(puller);
    expect(first).toBeGreaterThanOrEqual(before);
    expect([second - first, third - first]).toEqual([100_000, 200_000]);
    const arrivals = puller.deliveries.map(({ received }) => received);
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThanOrEqual(190);
  });

  it('goes round, if it is to', async () => {
    const path = await recording(['time,temp', `${start},1`, `${start + 10},2`]);
    const puller = new Puller(file, { file: path, repeat: true, pause: '1ms' });
    await expect.poll(() => puller.readings.length).toBeGreaterThan(6);
    const all = times(puller);
    expect(all).toEqual(all.toSorted((a, b) => a - b));
  });

  it('in JSON lines and Parquet is read too', async () => {
    const json = await recording([`{"t": ${start}, "temp": 5, "rh": 6}`], 'day.jsonl');
    const one = new Puller(file, { file: json, speed: 'max' });
    await expect.poll(() => one.readings).toEqual(['board/temp = 5', 'board/rh = 6']);
    const parquet = join(import.meta.dirname, '../recordings/fixtures/zstd.parquet');
    expect((await readFile(parquet)).length).toBeGreaterThan(100);
    const other = new Puller(file, { file: parquet, speed: 'max' }, { channels: ['temp', 'count'] });
    await expect.poll(() => other.readings.length).toBe(11);
    expect(other.readings.slice(0, 3)).toEqual(['a/temp = 20.5', 'a/count = 0', 'b/temp = 21']);
    expect(other.deadLetters).toMatchObject([{ reason: 'not_a_number', detail: '"temp" is NaN, not a number' }]);
  });

  it('says what is wrong with a line, and which file is not there', async () => {
    const path = await recording(['time,temp', `${start},1`, 'noon,2', `${start},3,4`, `${start + 1},5`]);
    const puller = new Puller(file, { file: path, speed: 'max' });
    await expect.poll(() => puller.readings).toEqual(['board/temp = 1', 'board/temp = 5']);
    expect(puller.deadLetters.map(({ where, detail }) => `${where}: ${detail.slice(path.length)}`)).toEqual([
      'board: :3: "noon" is no time',
      'board: :4: 3 fields instead of 2',
    ]);
    const none = new Puller(file, { file: `${path}.gone`, speed: 'max' });
    await expect.poll(() => none.error).toMatchObject({ code: 'ENOENT' });
  });

  it('stops being read while nobody pulls', async () => {
    const rows = Array.from({ length: 50_000 }, (_, n) => `${start + n},${n}`);
    const puller = new Puller(file, { file: await recording(['time,temp', ...rows]), speed: 'max' }, { paused: true });
    await expect.poll(() => puller.deliveries.length).toBe(1);
    expect(puller.readings.length).toBeLessThanOrEqual(1000);
    puller.resume();
    await expect.poll(() => puller.readings.length, { timeout: 10_000 }).toBe(50_000);
  });

  it('that is to go round with its recorded times is refused', () => {
    const problems = (raw: object): unknown => file.schema.safeParse(raw).error?.issues[0]?.message;
    expect(problems({ file: 'x', repeat: true, speed: 'max' })).toMatch(/say times: now/);
    expect(problems({ file: 'x', repeat: true })).toBeUndefined();
  });
});
