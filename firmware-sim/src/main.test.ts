// The command line as a person meets it: exit codes, mistakes with their place, Ctrl-C.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode } from 'cborg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBytes, readLines, until } from './test-kit.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const oven =
  'boards: { oven: { format: json, every: 10ms, tcp: "127.0.0.1:0", signals: { temp: { kind: tempering } } } }';

let folder = '';
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'weir-sim-test-'))));
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly child: ChildProcess;
  out: string;
  err: string;
  readonly code: Promise<number | null>;
}

function sim(...args: string[]): Run {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const code = once(child, 'close').then(() => child.exitCode);
  const run: Run = { child, out: '', err: '', code };
  child.stdout.on('data', (chunk: Buffer) => (run.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (run.err += chunk.toString()));
  return run;
}

function fileWith(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('weir-sim', () => {
  it('runs for a time, tells in JSON what to open and what was sent, and writes the truth', async () => {
    const scenario = fileWith('good.yaml', `${oven}\nfaults: [{ at: 100ms, device: oven, kind: garble }]`);
    const truth = join(folder, 'truth.jsonl');
    const run = sim('run', scenario, '--for', '500ms', '--truth', truth, '--json', '--seed', '3');
    await until(() => run.out.includes('\n'));
    const { devices } = JSON.parse(run.out) as { devices: { oven: string } };
    const reader = await readLines(devices.oven);
    expect(await run.code).toBe(0);
    expect(reader.lines).toHaveLength(50);
    expect(JSON.parse(run.out.split('\n')[1] ?? '')).toEqual({
      event: 'done',
      readings: 50,
      bad: { malformed: 1, future: 0, unset: 0, out_of_range: 0, repeated: 0 },
      lines: 50,
      messages: 0,
      answers: 0,
    });
    expect(JSON.parse(readFileSync(truth, 'utf8'))).toMatchObject({ device: 'oven', kind: 'garble', readings: 1 });
    expect(run.err).toBe('');
  });

  it('ends with 0 on Ctrl-C and says what was sent', async () => {
    const run = sim('run', fileWith('good.yaml', oven));
    await until(() => run.out.includes('oven prints on'));
    const reader = await readLines(/tcp:\S+/.exec(run.out)?.[0] ?? '');
    await until(() => reader.lines.length > 3);
    run.child.kill('SIGINT');
    expect(await run.code).toBe(0);
    expect(run.out).toContain(`${reader.lines.length} readings in ${reader.lines.length} lines`);
  });

  it('ends with 2 and file:line:column for every mistake in a scenario', async () => {
    const scenario = fileWith('bad.yaml', `sped: 2\n${oven.replace('10ms', 'soon')}`);
    const run = sim('run', scenario);
    expect(await run.code).toBe(2);
    expect(run.err.trim().split('\n')).toEqual([
      expect.stringContaining(`${scenario}:1:1: error: unknown key "sped", did you mean "speed"?`),
      expect.stringContaining(`${scenario}:2:40: error: "soon" is not a duration`),
    ]);
  });

  it.each([
    ['a missing file', ['run', 'nowhere.yaml'], 'nowhere.yaml'],
    ['a speed of 0', ['run', 'x.yaml', '--speed', '0'], 'greater than 0'],
    ['a time that is none', ['run', 'x.yaml', '--start', 'noon'], 'ISO time'],
    ['a series without a target', ['play', 'x.csv'], '--serial, --tcp or --mqtt'],
    ['two targets', ['play', 'x.csv', '--serial', 'a', '--tcp', 'b:1'], 'cannot be used with'],
    ['a broker without a topic', ['play', 'x.csv', '--mqtt', 'mqtt://127.0.0.1'], '--topic'],
    ['a framing of what has none', ['play', 'x.csv', '--tcp', 'b:1', '--crc', 'crc16'], 'for --format cbor'],
    ['an unknown unit of time', ['play', 'x.csv', '--time-unit', 'h'], 'ms, s, iso'],
  ])('ends with 2 and a plain sentence for %s', async (_, args, message) => {
    const run = sim(...args);
    expect(await run.code).toBe(2);
    expect(run.err).toContain(message);
    expect(run.err).not.toContain('    at ');
  });

  it('plays a file with a renamed column and counts its readings', async () => {
    const file = fileWith('hr.csv', 'when,value\n2026-03-01T08:00:00Z,61\n2026-03-01T08:01:00Z,62\n');
    const options = ['--speed', 'max', '--time', 'when', '--time-unit', 'iso', '--rename', 'hr=value'];
    const run = sim('play', file, '--tcp', '127.0.0.1:0', ...options);
    await until(() => run.out.includes('\n'));
    const reader = await readLines(/tcp:\S+/.exec(run.out)?.[0] ?? '');
    expect(await run.code).toBe(0);
    const startMs = Date.UTC(2026, 2, 1, 8);
    expect(reader.lines).toEqual([`{"t":${startMs},"hr":61}`, `{"t":${startMs + 60_000},"hr":62}`]);
    expect(run.out).toContain('2 readings played');
  });

  it('plays a file as cbor frames with a check', async () => {
    const file = fileWith('cbor.csv', 't,temp\n1760000000001,31.5\n');
    const run = sim(
      'play',
      file,
      '--tcp',
      '127.0.0.1:0',
      '--speed',
      'max',
      '--format',
      'cbor',
      '--framing',
      'slip',
      '--crc',
      'crc16',
    );
    await until(() => run.out.includes('\n'));
    const reader = await readBytes(/tcp:\S+/.exec(run.out)?.[0] ?? '');
    expect(await run.code).toBe(0);
    const bytes = reader.bytes();
    expect([bytes[0], bytes.at(-1)]).toEqual([0xc0, 0xc0]);
    const payload = bytes.subarray(1, -1).toString('latin1').replaceAll('\xdb\xdc', '\xc0');
    expect(decode(Buffer.from(payload, 'latin1').subarray(0, -2))).toEqual({ t: 1_760_000_000_001, temp: 31.5 });
  });

  it('lays faults on a recorded series, and says what it did', async () => {
    const rows = Array.from({ length: 60 }, (_, second) => `${1_700_000_000 + second},${60 + (second % 3)}`);
    const file = fileWith('recorded.csv', `when,value\n${rows.join('\n')}\n`);
    const faults = fileWith(
      'faults.yaml',
      `- { at: 10s, for: 10s, signal: hr, kind: offset, by: 70 }\n- { at: 30s, for: 5s, kind: dropout }\n`,
    );
    const [out, truth] = [`${file}.faulty`, `${file}.truth`];
    const options = ['--time-unit', 's', '--rename', 'hr=value', '--out', out, '--truth', truth];
    const run = sim('inject', file, '--faults', faults, ...options);
    expect(await run.code).toBe(0);
    expect(run.out.trim()).toBe('55 rows with 2 faults; 5 rows were lost on the way');
    const lines = readFileSync(out, 'utf8').trim().split('\n');
    expect(lines.slice(0, 2)).toEqual(['time,hr', '1700000000000,60']);
    expect(lines[11]).toBe('1700000010000,131');
    const truths = readFileSync(truth, 'utf8').trim().split('\n');
    expect(truths.map((line): unknown => JSON.parse(line))).toMatchObject([
      { signal: 'hr', kind: 'offset', start: 1_700_000_010_000, end: 1_700_000_020_000, readings: 10 },
      { kind: 'dropout', readings: 5 },
    ]);
  });

  it.each([
    ['- { at: 10s, for: 10s, signal: hrr, kind: offset, by: 70 }', 'there is no signal "hrr"'],
    ['- { at: 10s, for: 10s, signal: hr, kind: overheat }', 'a recording cannot have the fault "overheat"'],
    ['- { at: 10s, for: 10s, every: 5s, signal: hr, kind: stuck }', ':1:31: error: "every" must be longer'],
    ['- { at: 10s, signal: hr, kind: broken }', ':1:32: error: a fault needs a kind'],
    ['at: 10s', 'error:'],
  ])('says what is wrong with the fault %s', async (fault, message) => {
    const file = fileWith('recorded.csv', 'time,hr\n1700000000000,60\n');
    const faults = fileWith('faults.yaml', fault);
    const run = sim('inject', file, '--faults', faults, '--out', `${file}.faulty`);
    expect(await run.code).toBe(2);
    expect(run.err).toContain(message);
    expect(run.err).not.toContain('    at ');
  });

  it('says in its help where event time starts', async () => {
    const run = sim('run', '--help');
    expect(await run.code).toBe(0);
    expect(run.out).toContain('in the past for the whole run');
  });
});
