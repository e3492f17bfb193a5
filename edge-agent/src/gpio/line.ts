// Output lines of the board, by whichever way the kernel offers:
//
//   /sys/class/gpio   through the package onoff where it is installed, otherwise by its files (sysfs.ts)
//   /dev/gpiochip*    where sysfs is gone, through libgpiod's `gpioset` (gpioset.ts)
//
// A line is opened with the level it is to have: a relay must not click because the agent starts.

import { accessSync, constants } from 'node:fs';
import type { Clock } from '../time/clock.ts';
import type { GpioLines } from './contract.ts';
import { gpiosetLines } from './gpioset.ts';
import { loadOnoff } from './onoff.ts';
import { sysfsLines } from './sysfs.ts';

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
