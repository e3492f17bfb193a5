import { existsSync, readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Transition } from '@weir/shared/model/alert.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { noticeOf } from '../testing/notices.ts';
import { transition } from '../testing/outputs.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { command } from './command.ts';

const forever = new AbortController().signal;

async function program(lines: readonly string[]): Promise<string> {
  const path = join(await tempFolder(), 'program');
  await writeFile(path, `#!/bin/sh\n${lines.join('\n')}\n`);
  await chmod(path, 0o755);
  return path;
}

function perform(words: readonly string[], told: Transition = transition(7), signal = forever): Promise<void> {
  const context = { id: 'it', gateway: 'line-3', base: '/', unitOf: () => '', clock: new FakeClock() };
  const { action } = command.make({ kind: 'command', raw: { command: words } }, context);
  return action.perform(noticeOf(told), signal);
}

/** The arguments as the program sees them. */
async function argumentsOf(args: readonly string[], told: Transition): Promise<string[]> {
  const out = join(await tempFolder(), 'out');
  await perform([await program([`printf '%s\\0' "$@" > ${out}`]), ...args], told);
  return (await readFile(out, 'utf8')).split('\0').slice(0, -1);
}

/** What has ended may be waiting for somebody to ask how. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, 'utf8'));
}

describe('the command action', () => {
  it('gives each argument as it stands: no shell sees it', async () => {
    const device = `'; touch /tmp/x; "$(id)" \`id\` * \\ $HOME`;
    const told = { ...transition(7), series: { device, signal: 'temperature' } };
    expect(await argumentsOf(['--rule', '{rule}', 'on {device} it is {value}', ''], told)).toEqual([
      '--rule',
      'too_hot',
      `on ${device} it is 99`,
      '',
    ]);
  });

  it('lets no value become an option, or more than one line', async () => {
    const told = { ...transition(7), value: -5, series: { device: '--delete\0\n-x', signal: 'temperature' } };
    expect(await argumentsOf(['{device}', '--at={device}', '-{signal}', '{value}'], told)).toEqual([
      ' --delete  -x',
      '--at=--delete  -x',
      '-temperature',
      ' -5',
    ]);
  });

  it('gives the message as JSON on standard input, and little else: neither environment nor folder of the agent', async () => {
    const out = join(await tempFolder(), 'out');
    process.env['WEIR_TEST_SECRET'] = 'hush';
    await perform([await program([`(cat; pwd; env) > ${out}`])]);
    delete process.env['WEIR_TEST_SECRET'];
    const [json = '', folder, ...variables] = (await readFile(out, 'utf8')).trim().split('\n');
    expect(JSON.parse(json)).toMatchObject({ id: 'line-3/too_hot/press/temperature/7/firing' });
    expect(folder).toBe('/');
    // The shell sets PWD and _ itself.
    expect(variables.map((line) => line.split('=')[0]).filter((name) => name !== 'PWD' && name !== '_')).toEqual(
      expect.arrayContaining(['PATH', 'LANG']),
    );
    expect(variables.join()).not.toContain('hush');
  });

  it('fails with the last words of a program that fails', async () => {
    const path = await program([
      'echo starting',
      'i=0; while [ $i -lt 3000 ]; do echo filling; i=$((i+1)); done',
      'echo no power >&2',
      'exit 3',
    ]);
    const error: unknown = await perform([path]).catch((thrown: unknown) => thrown);
    const message = error instanceof Error ? error.message : '';
    expect(message).toMatch(/^.*program ended with 3: .*no power/s);
    expect(message.length).toBeLessThan(path.length + 250);
  });

  it('fails when there is no such program', async () => {
    await expect(perform(['/nowhere/siren'])).rejects.toThrow('ENOENT');
  });

  it('does not care whether the program reads its input, nor what it leaves running behind', async () => {
    const pidFile = join(await tempFolder(), 'pid');
    await perform([await program(['exec 0<&-', `sleep 600 & echo $! > ${pidFile}`])]);
    const pid = Number(await readFile(pidFile, 'utf8'));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, 'SIGKILL');
  });

  it('is ended with all it has started when its time is over', async () => {
    const pidFile = join(await tempFolder(), 'pid');
    const end = new AbortController();
    const performing = perform([await program([`sleep 600 & echo $! > ${pidFile}; wait`])], transition(7), end.signal);
    const outcome = performing.then(() => 'done', String);
    await expect.poll(async () => existsSync(pidFile) && (await readFile(pidFile, 'utf8')) !== '').toBe(true);
    end.abort();
    expect(await outcome).toContain('was ended by SIGKILL');
    const pid = Number(await readFile(pidFile, 'utf8'));
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});
