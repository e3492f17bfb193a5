import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Puller } from '../testing/puller.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { TestThing } from '../testing/things.ts';
import { wotKind } from './wot.ts';

const boiler = {
  title: 'Boiler of Hall 3',
  properties: {
    temperature: { type: 'number' as const, unit: 'celsius', minimum: -20, maximum: 120, readOnly: true },
    burning: { type: 'boolean' as const, readOnly: true },
    flow: {
      type: 'object' as const,
      readOnly: true,
      properties: { in: { type: 'number' as const }, out: { type: 'number' as const } },
    },
  },
  events: { overheated: { data: { type: 'object' as const, properties: { by: { type: 'number' as const } } } } },
};
const values = { temperature: 61.5, burning: true, flow: { in: 3.5, out: 3 } };

async function fileOf(description: unknown, name = 'boiler.td.json'): Promise<string> {
  const path = join(await tempFolder(), name);
  await writeFile(path, typeof description === 'string' ? description : JSON.stringify(description));
  return path;
}

describe('a Thing behind HTTP', () => {
  it('is polled by its Thing Description in a file: numbers, booleans, and fields of objects', async () => {
    const thing = await TestThing.start(boiler, values);
    const source = new Puller(
      wotKind(),
      { wot: await fileOf(thing.description), poll: '100ms' },
      { channels: ['temperature', 'burning', 'flow.in'] },
    );
    await expect
      .poll(() => source.readings.slice(0, 3).toSorted(), { timeout: 15_000 })
      .toEqual([
        'boiler-of-hall-3/burning = 1',
        'boiler-of-hall-3/flow.in = 3.5',
        'boiler-of-hall-3/temperature = 61.5',
      ]);
    expect(source.opened).toBe(1);
    thing.set('temperature', 62);
    await expect.poll(() => source.readings).toContain('boiler-of-hall-3/temperature = 62');
    expect([source.error, source.deadLetters]).toEqual([undefined, []]);
  });
});
