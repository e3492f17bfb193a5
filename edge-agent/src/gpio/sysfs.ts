// GPIO by /sys/class/gpio (the kernel's Documentation/admin-guide/gpio/sysfs.rst). Each chip has a folder gpiochipN with its
// first number (base), its label and how many lines it has (ngpio); base + line, written to `export`, makes the folder gpioM
// with `direction` and `value`. Direction `high` or `low` makes a line an output and sets it in one step.
//
// Newer kernels on a Raspberry Pi number the header's chip from 512, older ones from 0: that is why the base is looked up.
//
// onoff does the same and more, but needs a native addon that is compiled where it is installed: it is used when it is there.

import { closeSync, openSync, writeSync } from 'node:fs';
import { access, constants, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../time/clock.ts';
import type { GpioLine, GpioLines } from './contract.ts';
import { withAdvice } from './libgpiod.ts';
import { openOnoff } from './onoff.ts';

/** A new line belongs to root until udev has seen it. */
const udevTries = 40;
const udevWaitMs = 50;
const header = /^pinctrl-(?:bcm|rp1)/;

interface Chip {
  readonly name: string;
  readonly label: string;
  readonly base: number;
  readonly lines: number;
}

/** @param onoff loads the package */
export function sysfsLines(root: string, clock: Clock, onoff: () => Promise<unknown>): GpioLines {
  return {
    async open(line, chip, level) {
      const number = await numberOf(root, line, chip);
      await exportLine(root, number, clock);
      return (await openOnoff(onoff, number, level)) ?? (await openFiles(root, number, level));
    },
  };
}

/** The kernel's number of a line. @throws when there is no such chip, or no such line on it */
export async function numberOf(root: string, line: number, wanted: string | undefined): Promise<number> {
  const chips = await chipsIn(root);
  const names = chips.map(({ name, label }) => `${name} (${label})`).join(', ');
  const chip =
    wanted === undefined
      ? (chips.find(({ label }) => header.test(label)) ?? (chips.length === 1 ? chips[0] : undefined))
      : chips.find(({ name, label }) => name === wanted || label === wanted);
  if (chip === undefined) {
    const hint = names === '' ? 'this machine has none' : `say chip: one of ${names}`;
    throw new Error(wanted === undefined ? `which GPIO chip? ${hint}` : `no GPIO chip ${wanted}; ${hint}`);
  }
  if (line >= chip.lines) throw new Error(`${chip.name} has lines 0 to ${chip.lines - 1}, and no ${line}`);
  return chip.base + line;
}

async function chipsIn(root: string): Promise<Chip[]> {
  const names = (await readdir(root)).filter((name) => /^gpiochip\d+$/.test(name)).toSorted();
  const read = async (name: string, file: string): Promise<string> =>
    (await readFile(join(root, name, file), 'utf8')).trim();
  return Promise.all(
    names.map(async (name) => ({
      name,
      label: await read(name, 'label'),
      base: Number(await read(name, 'base')),
      lines: Number(await read(name, 'ngpio')),
    })),
  );
}

/** Asks for the line and waits, without holding anybody up, until it can be written. */
export async function exportLine(root: string, number: number, clock: Clock): Promise<void> {
  const folder = join(root, `gpio${number}`);
  if (!(await isWritable(join(folder, 'direction')))) {
    await writeFile(join(root, 'export'), String(number)).catch((error: unknown) => {
      // Somebody has it exported already, and udev has not come round.
      if (!isBusy(error)) throw error instanceof Error ? new Error(withAdvice(error.message)) : error;
    });
  }
  for (let tries = 0; tries < udevTries; tries++) {
    if ((await isWritable(join(folder, 'direction'))) && (await isWritable(join(folder, 'value')))) return;
    await clock.sleep(udevWaitMs, new AbortController().signal);
  }
  throw new Error(`${folder} cannot be written: another driver has the line, or the agent's user is not in group gpio`);
}

async function openFiles(root: string, number: number, level: boolean): Promise<GpioLine> {
  const folder = join(root, `gpio${number}`);
  await writeFile(join(folder, 'active_low'), '0');
  await writeFile(join(folder, 'direction'), level ? 'high' : 'low');
  return {
    async write(level) {
      // Somebody may have made an input of it, or taken it back, since.
      const direction = (await readFile(join(folder, 'direction'), 'utf8')).trim();
      if (direction === 'out') await writeFile(join(folder, 'value'), level ? '1' : '0');
      else await writeFile(join(folder, 'direction'), level ? 'high' : 'low');
    },
    leave(level) {
      if (level !== undefined) writeNow(join(folder, 'value'), level ? '1' : '0');
    },
    // It stays exported: taken back, it may become an input, and its level is nobody's.
    release: () => Promise.resolve(),
  };
}

function writeNow(path: string, text: string): void {
  try {
    const file = openSync(path, 'w');
    writeSync(file, text);
    closeSync(file);
  } catch {
    // There is nobody left to tell.
  }
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(
    () => true,
    () => false,
  );
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EBUSY';
}
