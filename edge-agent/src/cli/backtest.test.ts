import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { weirAgent } from '../testing/command.ts';
import { tempFolder } from '../testing/temp-folder.ts';

const begin = Date.UTC(2026, 0, 5);

const gateway = (alerts: string): string => `
gateway: oven-1
sources:
  board: { serial: ./board.tty, format: json }
signals:
  temperature: { from: board.temperature, unit: °C }
windows:
  - { every: 1m, of: all, compute: [mean] }
alerts:
${alerts}
`;

const present = gateway('  hot: { when: temperature > 50 }');
const changed = gateway('  hot: { when: temperature > 40, for: 30s }\n  odd: { anomaly: temperature, learn: 1h }');

/** A reading a second for two hours at 20 to 21 °C; ten seconds at 60, a minute at 45, and one that jumps to 90. */
function recording(): string {
  const rows = ['time,device,temperature'];
  for (let second = 0; second < 7200; second++) {
    const usual = 20 + (second % 7) / 7;
    const value =
      second === 7000 ? 90 : second >= 4000 && second < 4060 ? 45 : second >= 2000 && second < 2010 ? 60 : usual;
    rows.push(`${begin + second * 1000},oven,${value}`);
  }
  return rows.join('\n');
}

async function given(): Promise<string> {
  const folder = await tempFolder();
  await writeFile(join(folder, 'present.yaml'), present);
  await writeFile(join(folder, 'changed.yaml'), changed);
  await writeFile(join(folder, 'recording.csv'), recording());
  return folder;
}

describe('changed rules over a recording', () => {
  it('are told beside the present ones, alarm by alarm, and drawn on one page', async () => {
    const folder = await given();
    const files = ['--against', 'present.yaml', '--report', 'report.html', '--out', 'out.jsonl'];
    const { code, out, err } = await weirAgent(folder, 'replay', 'changed.yaml', 'recording.csv', ...files);
    expect({ code, err: err.slice(1) }).toEqual({ code: 0, err: ['report.html can be opened in any browser'] });
    expect(out.slice(0, 6)).toEqual([
      'changed.yaml over recording.csv',
      '7200 readings of 1 series; alarms from 2026-01-05T00:00:00.000Z to 2026-01-05T01:59:59.000Z',
      'present: present.yaml; changed: changed.yaml',
      'alarms   present   changed',
      'hot          2         1',
      expect.stringMatching(/^odd {10}- {9}\d+$/),
    ]);
    const alarms = out.slice(6).filter((line) => line.includes(' hot '));
    expect(alarms).toEqual([
      '- 2026-01-05T00:33:20.000Z 1m 10s hot oven/temperature: temperature is 60, above 50',
      '+ 2026-01-05T01:07:10.000Z 1m 30s hot oven/temperature: temperature is 45, above 40',
      '- 2026-01-05T01:56:40.000Z 1m 1s hot oven/temperature: temperature is 90, above 50',
    ]);
    expect(out.some((line) => line.startsWith('+ 2026-01-05T01:56:40.000Z') && line.includes(' odd '))).toBe(true);

    const lines = (await readFile(join(folder, 'out.jsonl'), 'utf8')).trim().split('\n');
    const transitions = lines.map((line): unknown => JSON.parse(line));
    expect(transitions).toContainEqual(
      expect.objectContaining({ rules: 'present', alert: 'hot', state: 'cleared', time: '2026-01-05T00:34:30.000Z' }),
    );
    expect(transitions).toContainEqual(expect.objectContaining({ rules: 'changed', alert: 'hot', state: 'firing' }));

    const page = await readFile(join(folder, 'report.html'), 'utf8');
    const [, json = ''] = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(page) ?? [];
    const data: unknown = JSON.parse(json);
    const low = expect.arrayContaining([20]);
    expect(data).toMatchObject({
      sets: ['present', 'changed'],
      rules: [
        { rule: 'hot', told: [2, 1] },
        { rule: 'odd', told: [null, expect.any(Number)] },
      ],
      charts: [
        {
          device: 'oven',
          signal: 'temperature',
          unit: '°C',
          readings: { low, high: expect.arrayContaining([45, 60, 90]) },
          panes: [{ name: 'mean 1m' }],
          scores: [{ rule: 'odd', limit: 0.5 }],
        },
      ],
    });
  });

  it('stand alone where there is nothing to compare with', async () => {
    const folder = await given();
    const { code, out } = await weirAgent(folder, 'replay', 'present.yaml', 'recording.csv', '--report', 'report.html');
    expect(code).toBe(0);
    expect(out.slice(2)).toEqual([
      'alarms',
      'hot          2',
      '2026-01-05T00:33:20.000Z 1m 10s hot oven/temperature: temperature is 60, above 50',
      '2026-01-05T01:56:40.000Z 1m 1s hot oven/temperature: temperature is 90, above 50',
    ]);
  });

  it('say which of them have only learnt', async () => {
    const folder = await given();
    await writeFile(
      join(folder, 'short.yaml'),
      gateway('  odd: { anomaly: temperature }\n  hot: { when: temperature > 50 }'),
    );
    const sentence = 'still learning, so nothing was strange to it: odd (learn: says for how long, by default 1d)';
    const { out } = await weirAgent(folder, 'replay', 'short.yaml', 'recording.csv', '--report', 'report.html');
    expect(out).toContain(sentence);
    const { err } = await weirAgent(folder, 'replay', 'short.yaml', 'recording.csv', '--out', 'out.jsonl');
    expect(err).toContain(sentence);
    const { out: enough } = await weirAgent(
      folder,
      'replay',
      'changed.yaml',
      'recording.csv',
      '--report',
      'report.html',
    );
    expect(enough.join()).not.toContain('learning');
  });

  it.each<[string[], string]>([
    [['changed.yaml'], 'name a recording, or say --since 7d for what the gateway remembers'],
    [
      ['changed.yaml', 'recording.csv', '--since', '7d'],
      'a recording, or --since for what the gateway remembers; not both',
    ],
    [['changed.yaml', 'recording.csv', '--until', '7d'], '--until, --warm-up and --data belong to --since'],
    [['changed.yaml', '--since', 'monday'], 'write it like 7d, or 2026-11-01T06:00:00Z'],
    [['changed.yaml', '--since', '7d', '--warm-up', 'long'], 'write it like 7d, 12h or 30m'],
    [['changed.yaml', '--since', '7d'], '; --data names the folder the agent keeps its data in'],
    [['changed.yaml', '--since', '7d', '--data', '.'], 'there are no readings'],
    [['changed.yaml', 'recording.csv', '--report', 'no/where.html'], 'no/where.html: cannot be used'],
    [['changed.yaml', 'recording.csv', '--against', 'gone.yaml'], 'gone.yaml: cannot be read'],
  ])('say what is wrong with %j', async (args, message) => {
    const folder = await given();
    const { code, err } = await weirAgent(folder, 'replay', ...args);
    expect(err.join('\n')).toContain(message);
    expect(code).toBe(2);
  });
});
