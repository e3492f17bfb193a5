import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.ts';
import { readRecording, type RecordingLine, type RecordingOptions } from './recording.ts';

const time = Date.UTC(2024, 0, 1);

/** Everything in a recording of the signals temperature and humidity; problems without the name of the file. */
async function linesOf(lines: readonly string[], options: Partial<RecordingOptions> = {}): Promise<RecordingLine[]> {
  const path = join(await tempFolder(), 'recording');
  await writeFile(path, lines.join('\n'));
  const all: RecordingLine[] = [];
  for await (const line of readRecording(path, {
    time: undefined,
    timeUnit: 'ms',
    device: 'recording',
    map: new Map(),
    signals: new Set(['temperature', 'humidity']),
    ...options,
  }))
    all.push({ ...line, problem: line.problem?.slice(path.length) });
  return all;
}

const qualitiesOf = (lines: readonly RecordingLine[]): string[] =>
  lines.flatMap(({ readings, problem }) => problem ?? readings.map(({ signal, quality }) => `${signal} ${quality}`));

const json = (...rows: readonly object[]): string[] => rows.map((row) => JSON.stringify(row));

describe('the quality in a recording', () => {
  it.each<[string, string[]]>([
    [
      'CSV',
      [
        'time,signal,value,quality',
        `${time},temperature,1,good`,
        `${time},temperature,2,uncertain`,
        `${time},temperature,3,bad`,
        `${time},temperature,4,`,
      ],
    ],
    [
      'JSON lines',
      json(
        { time, signal: 'temperature', value: 1, quality: 'good' },
        { time, signal: 'temperature', value: 2, quality: 'uncertain' },
        { time, signal: 'temperature', value: 3, quality: 'bad' },
        { time, signal: 'temperature', value: 4, quality: null },
      ),
    ],
  ])('is that of the row, and good where the row says none (%s)', async (_, lines) => {
    expect(qualitiesOf(await linesOf(lines))).toEqual([
      'temperature good',
      'temperature uncertain',
      'temperature bad',
      'temperature good',
    ]);
  });

  it('is that of all readings of a row', async () => {
    const lines = ['time,temperature,humidity,quality', `${time},20,40,uncertain`, `${time},21,41,good`];
    expect(qualitiesOf(await linesOf(lines))).toEqual([
      'temperature uncertain',
      'humidity uncertain',
      'temperature good',
      'humidity good',
    ]);
  });

  it('is good where there is no such column', async () => {
    expect(qualitiesOf(await linesOf(['time,temperature', `${time},20`]))).toEqual(['temperature good']);
    expect(qualitiesOf(await linesOf(json({ time, humidity: 40 })))).toEqual(['humidity good']);
  });

  it('is one of three words, and the row is none when it is another', async () => {
    const lines = ['time,temperature,quality', `${time},20,doubtful`, `${time},21,uncertain`];
    expect(qualitiesOf(await linesOf(lines))).toEqual([
      ':2: "doubtful" is no quality; write good, uncertain or bad',
      'temperature uncertain',
    ]);
    expect(qualitiesOf(await linesOf(json({ time, temperature: 1, quality: 192 })))).toEqual([
      ':1: "192" is no quality; write good, uncertain or bad',
    ]);
  });

  it('is no reading, unless a signal is called that or the column is mapped to one', async () => {
    const lines = ['time,temperature,quality', `${time},20,3`];
    const signals = new Set(['temperature', 'quality', 'air']);
    expect(qualitiesOf(await linesOf(lines, { signals }))).toEqual(['temperature good', 'quality good']);
    const map = new Map([['quality', 'air']]);
    expect(qualitiesOf(await linesOf(lines, { signals, map }))).toEqual(['temperature good', 'air good']);
    const long = ['time,signal,value,quality', `${time},quality,3,uncertain`];
    expect(qualitiesOf(await linesOf(long, { signals }))).toEqual(['quality uncertain']);
  });
});

describe('the time of arrival in a recording', () => {
  it('may be missing, row by row', async () => {
    const lines = [
      'time,arrival,temperature',
      `${time},${time + 5},20`,
      `${time},,21`,
      `${time},2024-01-01 00:00:01,22`,
    ];
    const [first, second, third] = (await linesOf(lines)).map(({ readings }) => readings[0]?.arrival);
    expect([first, second, third]).toEqual([time + 5, undefined, time + 1000]);
    const [none] = await linesOf(json({ time, arrival: null, temperature: 20 }));
    expect(none?.readings[0]?.arrival).toBeUndefined();
  });

  it('is a time, and the row is none when it is something else', async () => {
    const lines = ['time,arrival,temperature', `${time},soon,20`, `${time},Infinity,20`];
    expect((await linesOf(lines)).map(({ readings, problem }) => problem ?? readings)).toEqual([
      ':2: "soon" is no time of arrival',
      ':3: "Infinity" is no time of arrival',
    ]);
  });
});
