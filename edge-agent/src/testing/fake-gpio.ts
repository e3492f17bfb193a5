// Boards made of files: no machine that runs the tests has GPIO. Both are what the agent sees of a kernel, and no more.

import { existsSync, mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.ts';

export interface Board {
  /** What an output is at; undefined when it is none. */
  level(line: number): boolean | undefined;
  /** Somebody else takes the line. */
  disturb(line: number): void;
}

/** The header's chip, as on a Raspberry Pi with a newer kernel, and the one behind it. */
const chips = [
  { name: 'gpiochip512', label: 'pinctrl-bcm2711', base: 512, ngpio: 58 },
  { name: 'gpiochip570', label: 'raspberrypi-exp-gpio', base: 570, ngpio: 8 },
];

/** A folder like /sys/class/gpio. */
export class FakeSysfs implements Board {
  readonly root: string;

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
    const watcher = watch(join(sysfs.root, 'export'), () => sysfs.#export());
    onTestFinished(() => watcher.close());
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

  #folder(line: number): string {
    return join(this.root, `gpio${512 + line}`);
  }

  #export(): void {
    const number = read(this.root, 'export');
    const folder = join(this.root, `gpio${number}`);
    if (number === '' || existsSync(folder)) return;
    mkdirSync(folder);
    for (const [file, value] of [
      ['value', '0'],
      ['active_low', '1'],
      ['direction', 'in'],
    ] as const)
      writeFileSync(join(folder, file), value);
  }
}

/** What the package onoff does to such a folder. */
export function onoffFor({ root }: FakeSysfs): unknown {
  return {
    Gpio: class {
      readonly #folder: string;

      constructor(number: number, direction: string, { activeLow }: { activeLow: boolean }) {
        this.#folder = join(root, `gpio${number}`);
        writeFileSync(join(this.#folder, 'active_low'), activeLow ? '1' : '0');
        this.setDirection(direction);
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

function read(folder: string, file: string): string {
  return readFileSync(join(folder, file), 'utf8').trim();
}
