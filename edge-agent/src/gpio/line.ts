// Output lines of the board, by whichever way the kernel offers:
//
//   /sys/class/gpio   through the package onoff where it is installed, otherwise by its files (sysfs.ts)
//   /dev/gpiochip*    where sysfs is gone, through libgpiod's `gpioset` (gpioset.ts)
//
// A line is opened with the level it is to have: a relay must not click because the agent starts.

import { accessSync, constants } from 'node:fs';
import type { Clock } from '../time/clock.ts';
import { gpiosetLines } from './gpioset.ts';
import { loadOnoff } from './onoff.ts';
import { sysfsLines } from './sysfs.ts';

export interface GpioLine {
  /** @param level true is high. Rejects when it is not known to be so. */
  write(level: boolean): Promise<void>;
  /** The process ends, now: what can be done without waiting. @param level undefined: as it is */
  leave(level: boolean | undefined): void;
  /** Lets go of it, with the level it has as far as the kernel keeps it. */
  release(): Promise<void>;
}

export interface GpioLines {
  /** @param chip name or label; undefined: the header's, or the only one */
  open(line: number, chip: string | undefined, level: boolean): Promise<GpioLine>;
}

/** The way there is on this machine, looked for each time: drivers come late, and permissions are put right. */
export function gpioLines(clock: Clock, root = '/sys/class/gpio'): GpioLines {
  return {
    open: (line, chip, level) => {
      const lines = isThere(`${root}/export`) ? sysfsLines(root, clock, loadOnoff) : gpiosetLines(clock);
      return lines.open(line, chip, level);
    },
  };
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}
