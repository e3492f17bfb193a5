import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Running, weirAgent } from './testing/command.ts';
import { tempFolder } from './testing/temp-folder.ts';

const good = `
gateway: line-3
sources:
  tempering: { serial: /dev/not-there, format: json }
signals:
  temperature: { from: tempering.temp, unit: °C }
windows:
  - { every: 10s, of: all, compute: [mean, max] }
alerts:
  too_hot: { when: temperature > 34, clear: temperature < 33 }
`;

const wrong = `gateway: line-3
hub: hub.factory.lan
sources:
  tempering: { serial: /dev/ttyUSB0, bawd: 9600, format: json }
signals:
  temperature: { from: tempering.temp, unit: celsius }
windows:
  - { every: 1 minute, of: all, compute: [mean] }
alerts:
  too_hot: { when: temprature > 34 }
`;

const mistakes = [
  'wrong.yaml:2:6: error: the hub is an address like mqtts://hub.factory.lan or mqtt://10.0.0.5:1883',
  'wrong.yaml:4:38: error: unknown key "bawd", did you mean "baud"?',
  'wrong.yaml:6:46: error: "celsius" is not a unit Weir knows; did you mean °C?',
  expect.stringMatching(/^wrong\.yaml:8:14: error: "1 minute" is not a duration/),
  'wrong.yaml:10:20: error: no signal "temprature", did you mean "temperature"?',
  'wrong.yaml: 5 mistakes; nothing was started',
];

async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await tempFolder();
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

describe('weir-agent check', () => {
  it('says every mistake with its position, all at once, and exits with 2', async () => {
    const folder = await folderWith({ 'wrong.yaml': wrong });
    expect(await weirAgent(folder, 'check', 'wrong.yaml')).toEqual({ code: 2, out: [], err: mistakes });
  });

  it('says what is in a good file, and exits with 0', async () => {
    const folder = await folderWith({ 'good.yaml': good });
    const { code, out, err } = await weirAgent(folder, 'check', 'good.yaml');
    expect({ code, err }).toEqual({ code: 0, err: [] });
    expect(out).toEqual(['good.yaml: good. 1 sources, 1 signals, 1 windows, 1 alerts, 0 actions.']);
  });

  it('warns without failing', async () => {
    const folder = await folderWith({
      'lonely.yaml': good
        .replace('  temperature:', '  pressure: { from: tempering.p }\n  temperature:')
        .replace('of: all', 'of: [temperature]'),
    });
    const { code, err } = await weirAgent(folder, 'check', 'lonely.yaml');
    expect(code).toBe(0);
    expect(err).toEqual([
      'lonely.yaml:6:3: warning: no window covers "pressure": it feeds alerts only, nothing of it reaches the hub',
    ]);
  });

  it.each(['check nowhere.yaml', 'check', 'chek good.yaml', 'replay good.yaml nowhere.csv', 'run good.yaml --dtaa x'])(
    'tells in a sentence, not in a stack, that "%s" cannot be done, and exits with 2',
    async (command) => {
      const { code, out, err } = await weirAgent(await folderWith({ 'good.yaml': good }), ...command.split(' '));
      expect({ code, out }).toEqual({ code: 2, out: [] });
      expect(err.length).toBeGreaterThan(0);
      expect(err.join('\n')).not.toMatch(/^\s+at /m);
    },
  );
});

describe('weir-agent run', () => {
  it('starts nothing with a wrong file, says the same, and exits with 2', async () => {
    const folder = await folderWith({ 'wrong.yaml': wrong });
    expect(await weirAgent(folder, 'run', 'wrong.yaml', '--data', 'data')).toEqual({ code: 2, out: [], err: mistakes });
    expect(await readdir(folder)).toEqual(['wrong.yaml']);
  });

  it('says that the data folder cannot be used, and exits with 2', async () => {
    const folder = await folderWith({ 'good.yaml': good, file: 'x' });
    const { code, err } = await weirAgent(folder, 'run', 'good.yaml', '--data', 'file/data');
    expect(code).toBe(2);
    expect(err.at(-1)).toMatch(/^the data folder cannot be used: ENOTDIR.*; --data names another$/);
  });

  it('runs without its device, refuses a second agent on the same data, and stops cleanly when told', async () => {
    const folder = await folderWith({ 'good.yaml': good });
    const first = new Running(folder, ['run', 'good.yaml', '--data', 'data']);
    await expect.poll(() => first.stderr, { timeout: 20_000 }).toMatch(/ running gateway=line-3/);
    await expect.poll(() => first.stderr).toMatch(/source tempering is down detail=".*not-there/);
    const second = await weirAgent(folder, 'run', 'good.yaml', '--data', 'data');
    expect(second.code).toBe(2);
    expect(second.err.at(-1)).toContain(`process ${first.child.pid} is using this data folder; stop it`);
    expect(first.child.exitCode).toBeNull();
    first.child.kill('SIGTERM');
    expect(await first.exit()).toBe(0);
    expect(first.stderr).toMatch(/stopped; what waits for the hub is on disk/);
    expect(await readdir(join(folder, 'data'))).not.toContain('lock');
  });
});

describe('weir-agent replay', () => {
  const csv = `time,temperature
2024-01-01 00:00:00,30
2024-01-01 00:00:05,32
2024-01-01 00:00:12,40
2024-01-01 00:00:15,20
`;
  const panes = [
    {
      pane: 'recording/temperature',
      window: '10s',
      start: '2024-01-01T00:00:00.000Z',
      end: '2024-01-01T00:00:10.000Z',
      revision: 0,
      count: 2,
      mean: 31,
      max: 32,
    },
    {
      pane: 'recording/temperature',
      window: '10s',
      start: '2024-01-01T00:00:10.000Z',
      end: '2024-01-01T00:00:20.000Z',
      revision: 0,
      count: 2,
      mean: 30,
      max: 40,
    },
  ];
  const common = {
    alert: 'too_hot',
    severity: 'warning',
    series: 'recording/temperature',
    since: '2024-01-01T00:00:12.000Z',
  };
  const transitions = [
    { ...common, state: 'firing', time: '2024-01-01T00:00:12.000Z', value: 40, reason: 'temperature is 40, above 34' },
    {
      ...common,
      state: 'cleared',
      time: '2024-01-01T00:00:15.000Z',
      value: 20,
      reason: 'temperature is 20, not above 34',
    },
  ];

  function sorted(lines: readonly string[]) {
    const parsed = lines.map((line): Record<string, unknown> => JSON.parse(line));
    return { panes: parsed.filter((line) => 'pane' in line), transitions: parsed.filter((line) => 'alert' in line) };
  }

  it('prints the panes and transitions of a CSV in wide form', async () => {
    const folder = await folderWith({ 'good.yaml': good, 'r.csv': csv });
    const { code, out, err } = await weirAgent(folder, 'replay', 'good.yaml', 'r.csv');
    expect(code).toBe(0);
    expect(sorted(out)).toEqual({ panes, transitions });
    expect(err).toEqual([expect.stringMatching(/^4 readings; 2 panes, 2 transitions in /)]);
  });

  it('writes them to a file, and prints the transitions for a person', async () => {
    const folder = await folderWith({ 'good.yaml': good, 'r.csv': csv.replace('time,temperature', 'when,temp') });
    const args = ['--time', 'when', '--map', 'temp=temperature', '--out', 'o.jsonl', '--device', 'oven'];
    const { code, out } = await weirAgent(folder, 'replay', 'good.yaml', 'r.csv', ...args);
    expect(code).toBe(0);
    expect(out).toEqual([
      '2024-01-01T00:00:12.000Z too_hot firing (warning) oven/temperature = 40: temperature is 40, above 34',
      '2024-01-01T00:00:15.000Z too_hot cleared (warning) oven/temperature = 20: temperature is 20, not above 34',
    ]);
    const written = sorted((await readFile(join(folder, 'o.jsonl'), 'utf8')).trim().split('\n'));
    expect(written.panes.map(({ pane, start }) => [pane, start])).toEqual(
      panes.map(({ start }) => ['oven/temperature', start]),
    );
    expect(written.transitions).toHaveLength(2);
  });

  it('reads JSON lines in long form, in seconds, with arrival times and devices', async () => {
    const lines = [
      { time: 1_704_067_200, signal: 'temperature', value: 30, device: 'recording', arrival: 1_704_067_201 },
      { time: 1_704_067_212, signal: 'temperature', value: 40, device: 'recording', arrival: 1_704_067_213 },
      { time: 1_704_067_205, signal: 'temperature', value: 32, device: 'recording', arrival: 1_704_067_213.1 },
      { time: 1_704_067_215, signal: 'temperature', value: 20, device: 'recording', arrival: 1_704_067_216 },
      // Ten thousand seconds ahead of its arrival.
      { time: 1_704_077_215, signal: 'temperature', value: 99, device: 'recording', arrival: 1_704_067_217 },
    ];
    const folder = await folderWith({
      'good.yaml': good,
      'r.jsonl': lines.map((line) => JSON.stringify(line)).join('\n'),
    });
    const { code, out, err } = await weirAgent(folder, 'replay', 'good.yaml', 'r.jsonl', '--time-unit', 's');
    expect(code).toBe(0);
    expect(err).toEqual([expect.stringMatching(/^5 readings, 1 future; /)]);
    const found = sorted(out);
    expect(found.transitions).toEqual(transitions);
    // Late or in time, as the commits fall: the reading from before is in it.
    const revision = found.panes.length - 2;
    expect(found.panes.findLast(({ start }) => start === panes[0]?.start)).toEqual({
      ...panes[0],
      ...(revision === 0 ? {} : { timing: 'late' }),
      revision,
    });
    expect(found.panes.at(-1)).toEqual(panes[1]);
  });

  it('goes past lines that are wrong, says which, and counts them', async () => {
    const folder = await folderWith({
      'good.yaml': good,
      'r.csv': `${csv}2024-01-01 00:00:16\nsoon,21\n2024-01-01 00:00:17,ERR\n`,
    });
    const { code, out, err } = await weirAgent(folder, 'replay', 'good.yaml', 'r.csv');
    expect(code).toBe(0);
    expect(sorted(out).panes).toEqual(panes);
    expect(err).toEqual([
      'r.csv:6: 1 fields instead of 2',
      'r.csv:7: "soon" is no time',
      expect.stringMatching(/^7 readings, 2 malformed, 1 not_a_number; 2 panes, 2 transitions/),
    ]);
  });

  it.each<[string, string, string[], string]>([
    [
      'without a time',
      'when,temperature\n1,2\n',
      [],
      'r.csv: no time column among when, temperature; say which with --time',
    ],
    [
      'without the time asked for',
      csv,
      ['--time', 'when'],
      'r.csv: no column "when" among time, temperature; say which with --time',
    ],
    [
      'without a signal',
      'time,temp\n1,2\n',
      [],
      'r.csv: none of the columns time, temp is a signal (temperature); say which with --map column=signal',
    ],
    ['with half a mapping', csv, ['--map', 'temp'], 'write it as column=signal'],
    ['with a unit nobody knows', csv, ['--time-unit', 'min'], 'one of ms, s'],
    ['with nowhere to write to', csv, ['--out', 'nowhere/o.jsonl'], 'nowhere/o.jsonl: cannot be used: ENOENT'],
  ])('says what to do about a recording %s', async (_, recording, args, message) => {
    const folder = await folderWith({ 'good.yaml': good, 'r.csv': recording });
    const { code, out, err } = await weirAgent(folder, 'replay', 'good.yaml', 'r.csv', ...args);
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join('\n')).toContain(message);
    expect(err.join('\n')).not.toMatch(/^\s+at /m);
  });
});
