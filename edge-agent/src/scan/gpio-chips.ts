// GPIO chips of this machine, as sysfs or the names of the character devices have them.

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from './finding.ts';

/** @param root `/`, or the folder of a copy */
export async function findGpioChips(root = '/'): Promise<Finding> {
  const sysfs = join(root, 'sys/class/gpio');
  const devices = (await list(join(root, 'dev'))).filter((name) => /^gpiochip\d+$/.test(name));
  const chips = (await list(sysfs)).filter((name) => /^gpiochip\d+$/.test(name));
  const text = async (chip: string, file: string): Promise<string> =>
    (await readFile(join(sysfs, chip, file), 'utf8').catch(() => '?')).trim();
  const lines = await Promise.all(
    chips.map(async (chip) => `${chip}  ${await text(chip, 'label')}, ${await text(chip, 'ngpio')} lines`),
  );
  const others = devices.filter(() => chips.length === 0).map((name) => `/dev/${name}  gpioinfo says its lines`);
  const found = [...lines, ...others];
  if (found.length === 0) return { what: 'GPIO', lines: ['none: this machine has no GPIO chip'], sources: [] };
  const example = {
    name: 'door',
    entry: '{ gpio: 17, states: [closed, open], pull: up }',
    note: 'which line is it wired to? docs/sources/gpio.md',
    isGuess: true,
    channels: [],
  };
  return { what: 'GPIO', lines: found, sources: [example] };
}

async function list(folder: string): Promise<string[]> {
  return (await readdir(folder).catch((): string[] => [])).toSorted();
}
