// Boards made of files: no machine that runs the tests has GPIO. Both are what the agent sees of a kernel, and no more.

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import * as z from 'zod';
import { systemClock } from '../time/clock.ts';
import { tempFolder } from './temp-folder.ts';

const onoffOptions = z.object({ activeLow: z.boolean() });

export interface Board {
  /** What an output is at; undefined when it is none. */
  level(line: number): boolean | undefined;
  /** Somebody else takes the line. */
  disturb(line: number): void;
}

/** A board from outside: what is wired to its inputs. */
export interface Wires {
  /** Sets the level of an input; true is high. */
  drive(line: number, level: boolean): void;
  /** The line goes away while somebody listens to it. */
  cut(line: number): void;
  /** Whether somebody has it. */
  isHeld(line: number): boolean;
}

/** The header's chip, as on a Raspberry Pi with a newer kernel, and the one behind it. */
const chips = [
  { name: 'gpiochip512', label: 'pinctrl-bcm2711', base: 512, ngpio: 58 },
  { name: 'gpiochip570', label: 'raspberrypi-exp-gpio', base: 570, ngpio: 8 },
];

/** A folder like /sys/class/gpio. */
export class FakeSysfs implements Board, Wires {
  readonly root: string;
  readonly #driven = new Map<number, boolean>();
  readonly #watchers = new Map<string, () => void>();

  private constructor(root: string) {
    this.root = root;
  }

  /** Call it inside a test. */
  static async make(present = chips): Promise<FakeSysfs> {
    const sysfs = new FakeSysfs(await tempFolder());
    for (const { name, ...files } of present) {
      mkdirSync(join(sysfs.root, name));
      for (const [file, value] of Object.entries(files)) writeFileSync(join(sysfs.root, name, file), `${value}\n`);
    }
    writeFileSync(join(sysfs.root, 'export'), '');
    writeFileSync(join(sysfs.root, 'unexport'), '');
    const watchers = [
      watch(join(sysfs.root, 'export'), () => sysfs.#export()),
      watch(join(sysfs.root, 'unexport'), () => sysfs.#unexport()),
    ];
    onTestFinished(() => watchers.forEach((watcher) => watcher.close()));
    return sysfs;
  }

  level(line: number): boolean | undefined {
    const folder = this.#folder(line);
    if (!existsSync(folder)) return undefined;
    const direction = read(folder, 'direction');
    // As the kernel does at once: high and low are orders, and what is read is `out`.
    if (direction === 'high' || direction === 'low') {
      writeFileSync(join(folder, 'value'), direction === 'high' ? '1' : '0');
      writeFileSync(join(folder, 'direction'), 'out');
    }
    if (direction === 'in') return undefined;
    return (read(folder, 'value') === '1') !== (read(folder, 'active_low') === '1');
  }

  disturb(line: number): void {
    writeFileSync(join(this.#folder(line), 'direction'), 'in');
  }

  drive(line: number, level: boolean): void {
    this.#driven.set(line, level);
    const folder = this.#folder(line);
    if (!existsSync(folder)) return;
    // In place: a reader that has the file open sees it, as with the kernel's.
    const file = openSync(join(folder, 'value'), 'r+');
    writeSync(file, level ? '1' : '0');
    closeSync(file);
    this.#watchers.get(folder)?.();
  }

  cut(line: number): void {
    const folder = this.#folder(line);
    rmSync(join(folder, 'value'));
    // As for a reader whose line is taken away: what it reads is an error.
    this.#watchers.get(folder)?.();
  }

  isHeld(line: number): boolean {
    return existsSync(this.#folder(line));
  }

  /** @param edge called at each edge of the line in `folder` */
  listen(folder: string, edge: () => void): void {
    this.#watchers.set(folder, edge);
  }

  #folder(line: number): string {
    return join(this.root, `gpio${512 + line}`);
  }

  #unexport(): void {
    const number = read(this.root, 'unexport');
    if (number !== '') rmSync(join(this.root, `gpio${number}`), { recursive: true, force: true });
  }

  #export(): void {
    const number = read(this.root, 'export');
    const folder = join(this.root, `gpio${number}`);
    if (number === '' || existsSync(folder)) return;
    mkdirSync(folder);
    for (const [file, value] of [
      ['value', this.#driven.get(Number(number) - 512) === true ? '1' : '0'],
      ['active_low', '1'],
      ['direction', 'in'],
    ] as const)
      writeFileSync(join(folder, file), value);
  }
}

/** What the package onoff does to such a folder. */
export function onoffFor(sysfs: FakeSysfs): unknown {
  return {
    Gpio: class {
      readonly #folder: string;

      constructor(number: number, direction: string, ...more: readonly unknown[]) {
        this.#folder = join(sysfs.root, `gpio${number}`);
        const { activeLow } = onoffOptions.parse(more.at(-1));
        writeFileSync(join(this.#folder, 'active_low'), activeLow ? '1' : '0');
        this.setDirection(direction);
      }

      readSync(): 0 | 1 {
        return read(this.#folder, 'value') === '1' ? 1 : 0;
      }

      watch(heard: (error: undefined, value: 0 | 1) => void): void {
        sysfs.listen(this.#folder, () => heard(undefined, this.readSync()));
      }

      unwatchAll(): void {
        sysfs.listen(this.#folder, () => undefined);
      }

      setDirection(direction: string): void {
        writeFileSync(join(this.#folder, 'direction'), direction);
      }

      direction(): string {
        return read(this.#folder, 'direction');
      }

      write(value: 0 | 1): Promise<void> {
        return Promise.resolve(this.writeSync(value));
      }

      writeSync(value: 0 | 1): void {
        writeFileSync(join(this.#folder, 'value'), String(value));
      }
    },
  };
}

/** A folder with a `gpioset` that knows gpiochip0 and holds one line a folder, as long as it runs. */
export class FakeGpioset implements Board {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Call it inside a test. @param version such as 1.6.3 */
  static async make(version: string): Promise<FakeGpioset> {
    const folder = await tempFolder();
    const options = version.startsWith('1')
      ? ['[ "$1" = --mode=signal ] || exit 0', 'chip=$2; setting=$3']
      : ['[ "$1" = --chip ] || { echo "gpioset: cannot find line \'$1\'" >&2; exit 1; }', 'chip=$2; setting=$3'];
    const lines = [
      '#!/bin/sh',
      `if [ "$1" = --version ]; then echo "gpioset (libgpiod) v${version}"; exit; fi`,
      ...options,
      '[ "$chip" = gpiochip0 ] || { echo "gpioset: cannot find GPIO chip \'$chip\'" >&2; exit 1; }',
      `held=${folder}/held\${setting%=*}`,
      'if [ -e $held ] && kill -0 $(cat $held.pid) 2>/dev/null; then echo "gpioset: unable to request lines: Device or resource busy" >&2; exit 1; fi',
      "trap 'rm -f $held; kill $!; exit' TERM",
      'echo $$ > $held.pid; echo ${setting#*=} > $held',
      'sleep 600 & wait',
    ];
    const path = join(folder, 'gpioset');
    writeFileSync(path, `${lines.join('\n')}\n`);
    await chmod(path, 0o755);
    const before = process.env['PATH'] ?? '';
    process.env['PATH'] = `${folder}:${before}`;
    onTestFinished(() => void (process.env['PATH'] = before));
    return new FakeGpioset(folder);
  }

  level(line: number): boolean | undefined {
    const held = join(this.folder, `held${line}`);
    return existsSync(held) ? readFileSync(held, 'utf8').trim() === '1' : undefined;
  }

  disturb(line: number): void {
    process.kill(Number(read(this.folder, `held${line}.pid`)), 'SIGTERM');
    rmSync(join(this.folder, `held${line}`), { force: true });
  }
}

/**
 * A folder with a `gpioget` that reads a file, and a `gpiomon` that prints what the test puts into a pipe. Both know gpiochip0 only.
 */
export class FakeGpiod implements Wires {
  readonly folder: string;
  readonly #major: number;
  readonly #pipes = new Map<number, number>();

  private constructor(folder: string, major: number) {
    this.folder = folder;
    this.#major = major;
  }

  /** Call it inside a test. @param version such as 1.6.3 */
  static async make(version: string): Promise<FakeGpiod> {
    const folder = await tempFolder();
    const board = new FakeGpiod(folder, Number(version.split('.')[0]));
    const head = (name: string): string[] => [
      '#!/bin/sh',
      `if [ "$1" = --version ]; then echo "${name} (libgpiod) v${version}"; exit; fi`,
      `echo "$*" >> ${folder}/${name}.said`,
      `case "$*" in *gpiochip0*) ;; *) echo "${name}: cannot find GPIO chip" >&2; exit 1;; esac`,
      'for line; do :; done',
    ];
    const monitor = [
      ...head('gpiomon'),
      `if [ -e ${folder}/refusal ]; then cat ${folder}/refusal >&2; exit 1; fi`,
      `echo $$ > ${folder}/pid$line`,
      ...(board.#major >= 2 ? [`echo "Monitoring line '$line'..."`] : []),
      `[ -p ${folder}/pipe$line ] || mkfifo ${folder}/pipe$line 2>/dev/null`,
      `exec cat ${folder}/pipe$line`,
    ];
    const get = [...head('gpioget'), `cat ${folder}/level$line 2>/dev/null || echo 0`];
    for (const [name, lines] of [
      ['gpiomon', monitor],
      ['gpioget', get],
    ] as const) {
      writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
      await chmod(join(folder, name), 0o755);
    }
    const before = process.env['PATH'] ?? '';
    process.env['PATH'] = `${folder}:${before}`;
    onTestFinished(() => {
      process.env['PATH'] = before;
      for (const pipe of board.#pipes.values()) closeSync(pipe);
    });
    return board;
  }

  /** What a program was called with, each time. */
  calls(name: 'gpiomon' | 'gpioget'): string[] {
    return existsSync(join(this.folder, `${name}.said`)) ? read(this.folder, `${name}.said`).split('\n') : [];
  }

  /** From now on gpiomon says so and ends. */
  refuse(text: string): void {
    writeFileSync(join(this.folder, 'refusal'), `${text}\n`);
  }

  drive(line: number, level: boolean, atMs = systemClock.monotonicMs()): void {
    writeFileSync(join(this.folder, `level${line}`), level ? '1' : '0');
    if (!this.isHeld(line)) return;
    const asked = this.calls('gpiomon').at(-1) ?? '';
    if (/--(?:edges |)(rising|falling)/.exec(asked)?.[1] === (level ? 'falling' : 'rising')) return;
    const seconds = Math.floor(atMs / 1000);
    const nanoseconds = Math.round((atMs - seconds * 1000) * 1e6);
    if (this.#major >= 2)
      this.say(line, `${seconds}.${String(nanoseconds).padStart(9, '0')} ${level ? 'rising' : 'falling'}`);
    else this.say(line, `${seconds} ${nanoseconds} ${level ? 1 : 0}`);
  }

  /** What gpiomon is to print. */
  say(line: number, text: string): void {
    writeSync(this.#pipe(line), `${text}\n`);
  }

  cut(line: number): void {
    process.kill(Number(read(this.folder, `pid${line}`)), 'SIGKILL');
  }

  isHeld(line: number): boolean {
    this.#pipe(line);
    const path = join(this.folder, `pid${line}`);
    return existsSync(path) && isAlive(Number(readFileSync(path, 'utf8')));
  }

  /** Both ends, so that it is there before and after whoever reads it. */
  #pipe(line: number): number {
    const path = join(this.folder, `pipe${line}`);
    // The program may make it at the same moment.
    if (!existsSync(path)) spawnSync('mkfifo', [path]);
    const pipe = this.#pipes.get(line) ?? openSync(path, 'r+');
    this.#pipes.set(line, pipe);
    return pipe;
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function read(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'utf8').trim();
}
