import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { detectorKinds } from '@weir/shared/detect/registry.ts';
import { describe, expect, it } from 'vitest';
import { weirAgent } from '../testing/command.ts';
import { tempFolder } from '../testing/temp-folder.ts';

const gateway = (alerts: string): string => `
gateway: g
sources: { board: { serial: /dev/board, format: json } }
signals: { temperature: { from: board.temperature } }
windows: [{ every: 1m, of: all, compute: [mean] }]
alerts: ${alerts}
`;

const values = Array.from({ length: 900 }, (_, row) => (row === 800 ? 60 : 20 + Math.sin(row / 20) + (row % 7) / 10));

async function score(alerts: string, csv: string, ...args: string[]) {
  const folder = await tempFolder();
  await writeFile(join(folder, 'gateway.yaml'), gateway(alerts));
  await writeFile(join(folder, 'series.csv'), csv);
  const ran = await weirAgent(folder, 'score', 'gateway.yaml', 'series.csv', '--out', 'scores.csv', ...args);
  const written = await readFile(join(folder, 'scores.csv'), 'utf8').catch(() => '');
  const rows = written
    .trim()
    .split('\n')
    .map((line) => line.split(','));
  return { ...ran, rows };
}

describe('weir-agent score', () => {
  it('writes what the detector of the alert says of every row, as the rows were written', async () => {
    const stamp = (row: number): string =>
      new Date(Date.UTC(2026, 0, 1) + row * 60_000).toISOString().slice(0, 19).replace('T', ' ');
    const csv = ['timestamp,value', ...values.map((value, row) => `${stamp(row)},${value}`)].join('\n');
    for (const [alerts, key, args] of [
      ['{ odd: { anomaly: temperature } }', 'auto', []],
      ['{ odd: { anomaly: temperature, detector: residual } }', 'residual', []],
      ['{ hot: { when: temperature > 5 }, odd: { anomaly: temperature, detector: rate } }', 'rate', ['--alert', 'odd']],
      ['{ hot: { when: temperature > 5 } }', 'auto', []],
    ] as const) {
      const { code, out, rows } = await score(alerts, csv, ...args);
      expect({ code, out }).toEqual({ code: 0, out: ['scores.csv: 900 rows'] });
      expect(rows[0]).toEqual(['timestamp', 'value', 'anomaly_score']);
      const detector = detectorKinds.find((kind) => kind.key === key)?.make();
      expect(rows.slice(1)).toEqual(
        values.map((value, row) => {
          const found = detector?.update(Date.UTC(2026, 0, 1) + row * 60_000, value) ?? NaN;
          return [stamp(row), String(value), String(found)];
        }),
      );
      expect(Number(rows[801]?.[2])).toBeGreaterThan(0.4);
    }
  });

  it('reads seconds and milliseconds, gives 0 to what is no reading, and says which lines those are', async () => {
    const csv = 'time,value\n1700000000,1\n1700000001,oops\n\n1700000002000,3\nnever,4\n';
    const { code, err, rows } = await score('{ odd: { anomaly: temperature } }', csv);
    expect(code).toBe(0);
    expect(err).toEqual([
      expect.stringContaining('series.csv:3: "1700000001,oops" is no time and number; it scores 0'),
      expect.stringContaining('series.csv:6: "never,4" is no time and number; it scores 0'),
    ]);
    expect(rows.slice(1).map(([time, value, found]) => [time, value, Number(found) >= 0])).toEqual([
      ['1700000000', '1', true],
      ['1700000001', 'oops', true],
      ['1700000002000', '3', true],
      ['never', '4', true],
    ]);
  });

  it.each([
    ['an empty file', '', [], 'series.csv: is empty'],
    ['a file without a time', 'a,b\n1,2\n', [], 'series.csv:1: the first line names the columns'],
    [
      'an alert that is not there',
      'timestamp,value\n',
      ['--alert', 'cold'],
      'no alert "cold" in the gateway file; there are: odd',
    ],
  ])('says what is wrong with %s', async (_, csv, args, message) => {
    const { code, err } = await score('{ odd: { anomaly: temperature } }', csv, ...args);
    expect(err.join('\n')).toContain(message);
    expect(code).toBe(2);
  });
});
