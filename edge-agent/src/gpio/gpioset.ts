// Lines through libgpiod's `gpioset`, where sysfs is gone. A line of the character device belongs to the process that asked for
// it, so one gpioset is kept running a line, and another one takes its place when the level changes.
//
// Versions 1 and 2 have different options (the first has to be told to stay, the second names the chip by an option), and
// neither says when the line is set: one that is still there after a moment has set it. Where `setpriv` is there too, the
// kernel ends a gpioset whose agent is gone; without, it would hold the line against the next one.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../time/clock.ts';
import type { GpioLine, GpioLines } from './contract.ts';
import { followAgent, majorVersion, withAdvice } from './libgpiod.ts';

const settleMs = 100;
const keptCharacters = 500;
const endMs = 1000;

export function gpiosetLines(clock: Clock): GpioLines {
  return {
    async open(line, chip = 'gpiochip0', level) {
      const major = await majorVersion('gpioset');
      if (major === undefined)
        throw new Error(
          'no GPIO: this machine has no /sys/class/gpio, and gpioset (Debian package gpiod) is not installed',
        );
      const prefix = await followAgent();
      const command = (level: boolean): string[] => {
        const setting = `${line}=${level ? 1 : 0}`;
        const options = major >= 2 ? ['--chip', chip, setting] : ['--mode=signal', chip, setting];
        return [...prefix, 'gpioset', ...options];
      };
      const held = new Held(command, clock);
      await held.write(level);
      return held;
    },
  };
}

class Held implements GpioLine {
  readonly #command: (level: boolean) => string[];
  readonly #clock: Clock;
  #process: ChildProcess | undefined;
  #level: boolean | undefined;

  constructor(command: (level: boolean) => string[], clock: Clock) {
    this.#command = command;
    this.#clock = clock;
  }

  async write(level: boolean): Promise<void> {
    if (this.#level === level && this.#process !== undefined) return;
    await this.release();
    const [program = '', ...args] = this.#command(level);
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(0, keptCharacters)));
    const ended = new AbortController();
    child.once('error', () => ended.abort());
    child.once('close', () => {
      ended.abort();
      if (this.#process === child) this.#process = undefined;
    });
    this.#process = child;
    await this.#clock.sleep(settleMs, ended.signal);
    if (ended.signal.aborted) {
      this.#process = undefined;
      throw new Error(withAdvice(said.trim() === '' ? `gpioset ended by itself (${child.exitCode})` : said.trim()));
    }
    this.#level = level;
  }

  leave(): void {
    // The line goes back to what the board makes of it.
    this.#process?.kill('SIGTERM');
  }

  async release(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new AbortController();
    const closed = once(child, 'close').then(() => gone.abort());
    child.kill('SIGTERM');
    await this.#clock.sleep(endMs, gone.signal);
    if (!gone.signal.aborted) child.kill('SIGKILL');
    await closed;
  }
}
