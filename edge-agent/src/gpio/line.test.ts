// The suite every way to a GPIO line passes, on boards made of files (testing/fake-gpio.ts).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { GpioAction } from '../actions/gpio.ts';
import { FakeGpioset, FakeSysfs, onoffFor, type Board } from '../testing/fake-gpio.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { systemClock } from '../time/clock.ts';
import { gpiosetLines } from './gpioset.ts';
import type { GpioLine, GpioLines } from './contract.ts';
import { gpioLines } from './line.ts';
import { numberOf, sysfsLines } from './sysfs.ts';

const notInstalled = (): Promise<never> => Promise.reject(new Error('Cannot find package'));

interface Case {
  readonly name: string;
  readonly make: () => Promise<{ board: Board; lines: GpioLines }>;
  /** Whether a line that is let go of stays as it is. */
  readonly keeps: boolean;
}

async function onFiles(onoff: (sysfs: FakeSysfs) => Promise<unknown>) {
  const board = await FakeSysfs.make();
  return { board, lines: sysfsLines(board.root, systemClock, () => onoff(board)) };
}

async function onGpioset(version: string) {
  const board = await FakeGpioset.make(version);
  return { board, lines: gpiosetLines(systemClock) };
}

const cases: readonly Case[] = [
  { name: 'the files of sysfs', make: () => onFiles(notInstalled), keeps: true },
  { name: 'onoff', make: () => onFiles(async (sysfs) => onoffFor(sysfs)), keeps: true },
  { name: 'gpioset of libgpiod 1', make: () => onGpioset('1.6.3'), keeps: false },
  { name: 'gpioset of libgpiod 2', make: () => onGpioset('2.2.1'), keeps: false },
];

async function opened(lines: GpioLines, level: boolean): Promise<GpioLine> {
  const line = await lines.open(17, undefined, level);
  onTestFinished(() => line.release());
  return line;
}

describe.each(cases)('a line by $name', ({ make, keeps }) => {
  it.each([true, false])('opens with the level it is to have: %s', async (level) => {
    const { board, lines } = await make();
    expect(board.level(17)).toBeUndefined();
    await opened(lines, level);
    expect(board.level(17)).toBe(level);
    expect(board.level(18)).toBeUndefined();
  });

  it('is at every level it is told, also when it is told again', async () => {
    const { board, lines } = await make();
    const line = await opened(lines, false);
    for (const level of [true, true, false, false, true]) {
      await line.write(level);
      expect(board.level(17)).toBe(level);
    }
  });

  it('is taken back when it is told again after somebody else has had it', async () => {
    const { board, lines } = await make();
    const line = await opened(lines, true);
    expect(board.level(17)).toBe(true);
    board.disturb(17);
    await expect.poll(() => board.level(17)).toBeUndefined();
    await expect
      .poll(async () => {
        await line.write(true);
        return board.level(17);
      })
      .toBe(true);
  });

  it('that is let go of can be opened again', async () => {
    const { board, lines } = await make();
    const line = await opened(lines, true);
    expect(board.level(17)).toBe(true);
    await line.release();
    expect(board.level(17)).toBe(keeps ? true : undefined);
    await opened(lines, false);
    expect(board.level(17)).toBe(false);
  });

  it('says so when there is no such chip', async () => {
    const { lines } = await make();
    await expect(lines.open(17, 'gpiochip9', true)).rejects.toThrow(/gpiochip9/);
  });

  it('does as its action says: active low, and safe when the agent stops', async () => {
    const { board, lines } = await make();
    const [lamp, relay, pump] = [
      new GpioAction(lines, { line: 5, chip: undefined, activeLow: false, failSafe: 'off' }),
      new GpioAction(lines, { line: 6, chip: undefined, activeLow: true, failSafe: 'off' }),
      new GpioAction(lines, { line: 7, chip: undefined, activeLow: false, failSafe: 'keep' }),
    ];
    const levels = (): (boolean | undefined)[] => [5, 6, 7].map((line) => board.level(line));
    for (const action of [lamp, relay, pump]) await action.set(false);
    expect(levels()).toEqual([false, true, false]);
    for (const action of [lamp, relay, pump]) await action.set(true);
    expect(levels()).toEqual([true, false, true]);
    for (const action of [lamp, relay, pump]) await action.close();
    expect(levels()).toEqual(keeps ? [false, true, true] : [undefined, undefined, undefined]);
  });

  it('leaves one listener less when it is closed', async () => {
    const { lines } = await make();
    const before = process.listenerCount('exit');
    const action = new GpioAction(lines, { line: 5, chip: undefined, activeLow: false, failSafe: 'on' });
    await Promise.all([action.set(false), action.set(true), action.set(false)]);
    expect(process.listenerCount('exit')).toBe(before + 1);
    await action.close();
    expect(process.listenerCount('exit')).toBe(before);
  });
});

describe('sysfs', () => {
  it('numbers lines from the base of their chip: that of the header, the one named, or the only one', async () => {
    const { root } = await FakeSysfs.make();
    expect(await numberOf(root, 17, undefined)).toBe(529);
    expect(await numberOf(root, 3, 'raspberrypi-exp-gpio')).toBe(573);
    expect(await numberOf(root, 3, 'gpiochip570')).toBe(573);
    const { root: old } = await FakeSysfs.make([{ name: 'gpiochip0', label: 'some-soc', base: 0, ngpio: 54 }]);
    expect(await numberOf(old, 17, undefined)).toBe(17);
  });

  it('says which chips there are when nobody knows which is meant, and how many lines it has', async () => {
    const { root } = await FakeSysfs.make([
      { name: 'gpiochip0', label: 'a', base: 0, ngpio: 32 },
      { name: 'gpiochip32', label: 'b', base: 32, ngpio: 32 },
    ]);
    await expect(numberOf(root, 17, undefined)).rejects.toThrow(
      'which GPIO chip? say chip: one of gpiochip0 (a), gpiochip32 (b)',
    );
    await expect(numberOf(root, 32, 'b')).rejects.toThrow('gpiochip32 has lines 0 to 31, and no 32');
    const { root: bare } = await FakeSysfs.make([]);
    await expect(numberOf(bare, 1, undefined)).rejects.toThrow('this machine has none');
  });

  it('leaves the level it is told to when the process ends, without waiting', async () => {
    for (const { make } of cases.slice(0, 2)) {
      const { board, lines } = await make();
      const line = await opened(lines, true);
      expect(board.level(17)).toBe(true);
      line.leave(undefined);
      expect(board.level(17)).toBe(true);
      line.leave(false);
      expect(board.level(17)).toBe(false);
    }
  });

  it('waits for udev, and says what is wrong when a line cannot be had', async () => {
    const root = await tempFolder();
    const chip = join(root, 'gpiochip0');
    mkdirSync(chip);
    for (const [file, text] of [
      ['label', 'a'],
      ['base', '0'],
      ['ngpio', '4'],
    ] as const)
      writeFileSync(join(chip, file), text);
    writeFileSync(join(root, 'export'), '');
    let naps = 0;
    const clock = { ...systemClock, sleep: async () => void (naps += 1) };
    const lines = sysfsLines(root, clock, notInstalled);
    await expect(lines.open(3, undefined, true)).rejects.toThrow(
      /gpio3 cannot be written: another driver has the line/,
    );
    expect(readFileSync(join(root, 'export'), 'utf8')).toBe('3');
    expect(naps).toBe(40);
  });
});

describe('gpioset', () => {
  it('is what is used where there is no sysfs', async () => {
    const board = await FakeGpioset.make('2.2.1');
    const line = await gpioLines(systemClock, join(board.folder, 'nowhere')).open(17, undefined, true);
    expect(board.level(17)).toBe(true);
    await line.release();
  });

  it('that is not installed is asked for', async () => {
    const before = process.env['PATH'];
    process.env['PATH'] = await tempFolder();
    onTestFinished(() => void (process.env['PATH'] = before));
    await expect(gpiosetLines(systemClock).open(17, undefined, true)).rejects.toThrow(
      'no GPIO: this machine has no /sys/class/gpio, and gpioset (Debian package gpiod) is not installed',
    );
  });

  it('says what it said when it cannot have the line', async () => {
    await FakeGpioset.make('2.2.1');
    const line = await gpiosetLines(systemClock).open(17, undefined, true);
    await expect(gpiosetLines(systemClock).open(17, undefined, false)).rejects.toThrow('Device or resource busy');
    await line.release();
  });
});
