import { utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { tempFolder } from '../testing/temp-folder.ts';
import { bootId } from './boot.ts';
import { askTimeService, realMachine, type Machine } from './sync-probe.ts';

/** @param files with the time they were touched @param answers by program */
function machine(files: Record<string, number>, answers: Record<string, string> = {}): Machine {
  return {
    exists: (path) => Promise.resolve(path in files),
    modified: (path) => Promise.resolve(files[path]),
    ask: (program, args) => Promise.resolve(answers[`${program} ${args.join(' ')}`]),
  };
}

const tracking = (offset: string, leap: string): string =>
  `A29FC87B,162.159.200.123,4,1793534400.250000000,${offset},-0.000021,0.000032,-8.2,0.001,0.05,0.012,0.0003,64.4,${leap}\n`;
const askChrony = 'chronyc -c -n tracking';
const askKernel = 'timedatectl show -p NTP -p NTPSynchronized';
const marker = '/run/systemd/timesync/synchronized';

describe('whether the wall clock is synchronised', () => {
  it('nobody knows in a container', async () => {
    expect(await askTimeService(machine({}))).toStrictEqual({ service: undefined, synchronised: false });
  });

  it('chrony says, with the time it last looked', async () => {
    const says = (text: string) => askTimeService(machine({ '/run/chrony': 1 }, { [askChrony]: text }));
    expect(await says(tracking('-0.000012', 'Normal'))).toStrictEqual({
      service: 'chrony',
      synchronised: true,
      lastSync: 1_793_534_400_250,
    });
    expect((await says(tracking('0.000000', 'Not synchronised'))).synchronised).toBe(false);
    // Still being steered there.
    expect((await says(tracking('-3599.2', 'Normal'))).synchronised).toBe(false);
    expect((await says('506 Cannot talk to daemon')).synchronised).toBe(false);
  });

  it('systemd-timesyncd says by a file it touches', async () => {
    const folder = { '/run/systemd/timesync': 1, '/run/systemd/system': 1 };
    expect(await askTimeService(machine(folder))).toMatchObject({ service: 'systemd-timesyncd', synchronised: false });
    expect(await askTimeService(machine({ ...folder, [marker]: 42 }))).toMatchObject({
      synchronised: true,
      lastSync: 42,
    });
  });

  it('the kernel says for whoever else steers it', async () => {
    const says = (text: string) => askTimeService(machine({ '/run/systemd/system': 1 }, { [askKernel]: text }));
    expect(await says('NTP=no\nNTPSynchronized=yes\n')).toStrictEqual({ service: 'NTP', synchronised: true });
    expect(await says('NTP=yes\nNTPSynchronized=no\n')).toStrictEqual({ service: 'NTP', synchronised: false });
    expect(await says('NTP=no\nNTPSynchronized=no\n')).toStrictEqual({ service: undefined, synchronised: false });
    // It could not be asked.
    expect(await askTimeService(machine({ '/run/systemd/system': 1 }))).toMatchObject({
      service: 'NTP',
      synchronised: false,
    });
  });

  it('asks the next where chrony was there and is not any more', async () => {
    const files = { '/run/chrony': 1, '/run/systemd/timesync': 1, [marker]: 7 };
    expect(await askTimeService(machine(files))).toMatchObject({ service: 'systemd-timesyncd', lastSync: 7 });
  });
});

describe('the machine', () => {
  it('says when a file was touched, what a program says, and nothing where there is neither', async () => {
    const folder = await tempFolder();
    const path = join(folder, 'touched');
    expect([await realMachine.exists(path), await realMachine.modified(path)]).toStrictEqual([false, undefined]);
    await writeFile(path, '');
    await utimes(path, 1_700_000_000, 1_700_000_000);
    expect([await realMachine.exists(path), await realMachine.modified(path)]).toStrictEqual([true, 1_700_000_000_000]);
    expect(await realMachine.ask('echo', ['one', 'two'])).toBe('one two\n');
    expect(await realMachine.ask('false', [])).toBeUndefined();
    expect(await realMachine.ask('no-such-program', [])).toBeUndefined();
  });

  it('has an id for this start', () => {
    expect(bootId()).toMatch(/^[0-9a-f]{16}$/);
  });
});
