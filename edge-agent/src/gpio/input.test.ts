// The suite every way to an input line passes, on boards made of files (testing/fake-gpio.ts).

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeGpiod, FakeSysfs, onoffFor, type Wires } from '../testing/fake-gpio.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { systemClock } from '../time/clock.ts';
import type { GpioInput, GpioInputs, InputRequest } from './contract.ts';
import { gpiomonInputs } from './gpiomon.ts';
import { gpioInputs } from './input.ts';
import { usableOnoff } from './onoff.ts';
import { sysfsInputs } from './sysfs-input.ts';

const contact: InputRequest = {
  line: 17,
  chip: undefined,
  pull: undefined,
  debounceMs: 0,
  edges: 'both',
  counts: false,
};

class Heard {
  readonly levels: boolean[] = [];
  readonly times: number[] = [];
  readonly lost: string[] = [];
  readonly edge = (level: boolean, atMs: number): void => {
    this.levels.push(level);
    this.times.push(atMs);
  };
}

async function opened(inputs: GpioInputs, request: Partial<InputRequest> = {}) {
  const heard = new Heard();
  const listener = { edge: heard.edge, lost: (error: Error) => void heard.lost.push(error.message) };
  const input = await inputs.open({ ...contact, ...request }, listener, new AbortController().signal);
  onTestFinished(() => input.close());
  return { heard, input };
}

interface Case {
  readonly name: string;
  readonly make: () => Promise<{ board: Wires; inputs: GpioInputs }>;
  /** The kernel does not debounce for us. */
  readonly debounces?: false;
  /** A board of files cannot show its end to who has one open. */
  readonly canBeCut?: false;
  readonly isQuick?: false;
}

async function onFiles() {
  const board = await FakeSysfs.make();
  return { board, inputs: sysfsInputs(board.root, systemClock, undefined) };
}

async function onOnoff() {
  const board = await FakeSysfs.make();
  const onoff = await usableOnoff(async () => onoffFor(board));
  expect(onoff).toBeDefined();
  return { board, inputs: sysfsInputs(board.root, systemClock, onoff) };
}

async function onGpiomon(version: string) {
  const board = await FakeGpiod.make(version);
  return { board, inputs: gpiomonInputs(systemClock) };
}

const cases: readonly Case[] = [
  { name: 'the files of sysfs', make: onFiles, canBeCut: false, isQuick: false },
  { name: 'onoff', make: onOnoff },
  { name: 'gpiomon of libgpiod 1', make: () => onGpiomon('1.6.3') },
  { name: 'gpiomon of libgpiod 2', make: () => onGpiomon('2.2.1'), debounces: false },
];

describe.each(cases)('an input by $name', ({ make }) => {
  it.each([true, false])('opens with the level it has: %s', async (level) => {
    const { board, inputs } = await make();
    board.drive(17, level);
    const before = systemClock.monotonicMs();
    const { input, heard } = await opened(inputs);
    expect(input.present.level).toBe(level);
    expect(input.present.atMs).toBeGreaterThanOrEqual(before);
    expect(input.present.atMs).toBeLessThanOrEqual(systemClock.monotonicMs());
    expect(heard.levels).toEqual([]);
  });

  it('says every edge, in order, with its time', async () => {
    const { board, inputs } = await make();
    const { heard } = await opened(inputs);
    for (const [count, level] of [true, false, true].entries()) {
      const before = systemClock.monotonicMs();
      board.drive(17, level);
      await expect.poll(() => heard.levels.length).toBe(count + 1);
      expect(heard.times.at(-1)).toBeGreaterThanOrEqual(before - 0.001);
      expect(heard.times.at(-1)).toBeLessThanOrEqual(systemClock.monotonicMs());
    }
    expect(heard.levels).toEqual([true, false, true]);
    board.drive(18, true);
    expect(heard.levels.length).toBe(3);
  });

  it('that is closed is free for others, and can be opened again', async () => {
    const { board, inputs } = await make();
    const { input, heard } = await opened(inputs);
    await expect.poll(() => board.isHeld(17)).toBe(true);
    await input.close();
    await expect.poll(() => board.isHeld(17)).toBe(false);
    board.drive(17, true);
    expect(heard.levels).toEqual([]);
    const again = await opened(inputs);
    expect(again.input.present.level).toBe(true);
  });

  it('says so when there is no such chip', async () => {
    const { inputs } = await make();
    await expect(opened(inputs, { chip: 'pinboard9' })).rejects.toThrow(/chip/);
  });
});

describe.each(cases.filter(({ isQuick = true }) => isQuick))('an input by $name', ({ make }) => {
  it('loses no edge of many at once', async () => {
    const { board, inputs } = await make();
    const { heard } = await opened(inputs);
    for (let count = 0; count < 500; count++) board.drive(17, count % 2 === 0);
    await expect.poll(() => heard.levels.length).toBe(500);
    expect(heard.levels.every((level, count) => level === (count % 2 === 0))).toBe(true);
  });
});

describe.each(cases.filter(({ debounces = true }) => debounces))('an input by $name', ({ make }) => {
  it('passes over what bounces, and says a level once it has lasted', async () => {
    const { board, inputs } = await make();
    const { heard } = await opened(inputs, { debounceMs: 150 });
    for (const level of [true, false, true, false, true]) board.drive(17, level);
    await expect.poll(() => heard.levels).toEqual([true]);
    const [first = 0] = heard.times;
    expect(systemClock.monotonicMs() - first, 'from when it began').toBeGreaterThanOrEqual(150);
    board.drive(17, false);
    await expect.poll(() => heard.levels).toEqual([true, false]);
  });
});

describe.each(cases.filter(({ canBeCut = true }) => canBeCut))('an input by $name', ({ make }) => {
  it('that goes away says so once', async () => {
    const { board, inputs } = await make();
    const { heard } = await opened(inputs);
    await expect.poll(() => board.isHeld(17)).toBe(true);
    board.cut(17);
    await expect.poll(() => heard.lost).toMatchObject([expect.stringMatching(/gone|ended by itself/)]);
  });
});

describe('sysfs', () => {
  it('reads levels as they are, whatever the line was before, and leaves one exported that was', async () => {
    const { board, inputs } = await onFiles();
    const folder = join(board.root, 'gpio529');
    mkdirSync(folder);
    for (const [file, text] of [
      ['value', '1'],
      ['active_low', '1'],
      ['direction', 'out'],
    ] as const)
      writeFileSync(join(folder, file), text);
    const { input } = await opened(inputs);
    expect(readFileSync(join(folder, 'active_low'), 'utf8')).toBe('0');
    expect(readFileSync(join(folder, 'direction'), 'utf8')).toBe('in');
    await input.close();
    expect(board.isHeld(17)).toBe(true);
  });

  it('by onoff counts the edge that went by before anybody looked', async () => {
    const { board, inputs } = await onOnoff();
    const { heard } = await opened(inputs);
    // Down and up again: the handler runs once, and reads what it read before.
    board.drive(17, true);
    board.drive(17, true);
    expect(heard.levels).toEqual([true, false, true]);
  });
});

describe('gpiomon', () => {
  const asked = { debounceMs: 20, edges: 'rising', pull: 'up', counts: true } as const;

  it('of version 2 debounces in the kernel, which stamps an edge when the level has lasted', async () => {
    const { board, inputs } = await onGpiomon('2.2.1');
    const { heard } = await opened(inputs, asked);
    expect(board.calls('gpioget')).toEqual(['--numeric --chip gpiochip0 --bias pull-up 17']);
    expect(board.calls('gpiomon')).toEqual([
      '--banner --chip gpiochip0 --edges rising --debounce-period 20000us --bias pull-up --format %S %E 17',
    ]);
    const now = systemClock.monotonicMs();
    board.drive(17, true, now);
    await expect.poll(() => heard.times.length).toBe(1);
    expect(heard.times[0]).toBeCloseTo(now - 20, 3);
  });

  it('of version 1 listens to both edges to tell a bounce', async () => {
    const { board, inputs } = await onGpiomon('1.6.3');
    await opened(inputs, asked);
    expect(board.calls('gpioget')).toEqual(['--bias=pull-up gpiochip0 17']);
    expect(board.calls('gpiomon')).toEqual(['--line-buffered --bias=pull-up --format=%s %n %e gpiochip0 17']);
    await opened(inputs, { ...asked, debounceMs: 0, pull: 'none', line: 18 });
    expect(board.calls('gpiomon')[1]).toBe(
      '--line-buffered --rising-edge --bias=disable --format=%s %n %e gpiochip0 18',
    );
  });

  it('with a clock that is not ours is taken at its word but for the time', async () => {
    const { board, inputs } = await onGpiomon('1.6.3');
    const { heard } = await opened(inputs);
    board.say(17, `${Math.floor(Date.now() / 1000)} 0 1`);
    await expect.poll(() => heard.levels).toEqual([true]);
    expect(Math.abs((heard.times[0] ?? 0) - systemClock.monotonicMs())).toBeLessThan(60_000);
  });

  it.each(['1.6.3', '2.2.1'])('of libgpiod %s that cannot have the line says what to do', async (version) => {
    const { board, inputs } = await onGpiomon(version);
    board.refuse("gpiomon: unable to open chip 'gpiochip0': Permission denied");
    await expect(opened(inputs)).rejects.toThrow(/Permission denied; put the agent's user into the group/);
    board.refuse('gpiomon: unable to request lines: Device or resource busy');
    await expect(opened(inputs)).rejects.toThrow(/busy; something else has the line/);
  });

  it.each(['what is this', 'x'.repeat(10_000)])('that says something else is not believed: %.20s', async (text) => {
    const { board, inputs } = await onGpiomon('2.2.1');
    const { heard } = await opened(inputs);
    board.say(17, text);
    await expect.poll(() => heard.lost).toMatchObject([expect.stringMatching(/^gpiomon says/)]);
  });

  it('is ended when the agent stops while it opens', async () => {
    const { board, inputs } = await onGpiomon('1.6.3');
    const stop = new AbortController();
    const opening = inputs.open(contact, { edge: () => undefined, lost: () => undefined }, stop.signal);
    await expect.poll(() => board.isHeld(17)).toBe(true);
    stop.abort();
    const input: GpioInput | undefined = await opening.catch(() => undefined);
    await input?.close();
    await expect.poll(() => board.isHeld(17)).toBe(false);
  });
});

describe('which way is taken', () => {
  const noOnoff = (): Promise<never> => Promise.reject(new Error('made for another Node'));

  /** @returns the board that was asked for the line */
  async function taken(request: Partial<InputRequest>, onoff: boolean, gpiod: boolean) {
    const sysfs = await FakeSysfs.make();
    if (!gpiod) withoutPrograms(await tempFolder());
    const board = gpiod ? await FakeGpiod.make('2.2.1') : undefined;
    const load = onoff ? async () => onoffFor(sysfs) : noOnoff;
    const { input } = await opened(gpioInputs(systemClock, sysfs.root, load), request);
    const way = sysfs.isHeld(17) ? 'sysfs' : board?.isHeld(17) === true ? 'gpiomon' : 'none';
    await input.close();
    return way;
  }

  it.each([
    ['a contact', {}, true, true, 'sysfs'],
    ['a contact without onoff', {}, false, true, 'gpiomon'],
    ['a contact without both', {}, false, false, 'sysfs'],
    ['a contact with a pull', { pull: 'up' }, true, true, 'gpiomon'],
    ['a counter', { counts: true }, true, true, 'gpiomon'],
    ['a counter without libgpiod', { counts: true }, true, false, 'sysfs'],
    ['a slow counter without both', { counts: true, debounceMs: 50 }, false, false, 'sysfs'],
  ] as const)('%s', async (_name, request, onoff, gpiod, expected) => {
    expect(await taken(request, onoff, gpiod)).toBe(expected);
  });

  it('gpiomon gets a line that a killed agent has left exported as an input, but no output', async () => {
    const sysfs = await FakeSysfs.make();
    await FakeGpiod.make('2.2.1');
    const folder = join(sysfs.root, 'gpio529');
    for (const [direction, isLeft] of [
      ['in', false],
      ['out', true],
    ] as const) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'direction'), `${direction}\n`);
      const { input } = await opened(gpioInputs(systemClock, sysfs.root, noOnoff), { counts: true });
      await expect.poll(() => sysfs.isHeld(17)).toBe(isLeft);
      await input.close();
    }
  });

  it('a pull, and a fast counter, are not taken for more than they can be', async () => {
    await expect(taken({ pull: 'up' }, true, false)).rejects.toThrow(
      /cannot switch a pull resistor on: apt install gpiod/,
    );
    await expect(taken({ counts: true }, false, false)).rejects.toThrow(/counting needs interrupts: apt install gpiod/);
  });

  it('without sysfs it is gpiomon, which is asked for where it is not installed', async () => {
    const board = await FakeGpiod.make('2.2.1');
    await opened(gpioInputs(systemClock, '/nowhere', noOnoff));
    expect(board.isHeld(17)).toBe(true);
    withoutPrograms(await tempFolder());
    await expect(opened(gpioInputs(systemClock, '/nowhere', noOnoff))).rejects.toThrow(
      /no GPIO: this machine has no .*gpiomon \(Debian package gpiod\) is not installed/,
    );
  });
});

function withoutPrograms(folder: string): void {
  const before = process.env['PATH'];
  process.env['PATH'] = folder;
  onTestFinished(() => void (process.env['PATH'] = before));
}
