// Input lines of the board, by whichever way the kernel and what is installed offer:
//
//   onoff     on /sys/class/gpio. The level at the start is certain, but edges are read by the agent itself, one by one.
//   gpiomon   on /dev/gpiochip*. The kernel's timestamps and a process of its own: nothing goes by while the agent is busy. It alone
//             can switch a pull resistor on.
//   polling   of the files in /sys/class/gpio, every 10 ms: the last resort.
//
// So a line that counts, or that names a pull, is best served by gpiomon, and one that is just open or closed by onoff.

import { existsSync } from 'node:fs';
import type { Clock } from '../time/clock.ts';
import type { GpioInputs, InputRequest } from './contract.ts';
import { gpiomonInputs } from './gpiomon.ts';
import { majorVersion } from './libgpiod.ts';
import { loadOnoff, usableOnoff } from './onoff.ts';
import { pollMs, releaseInput, sysfsInputs } from './sysfs-input.ts';

/** The way there is on this machine, looked for each time: drivers come late, and permissions are put right. */
export function gpioInputs(clock: Clock, root = '/sys/class/gpio', load = loadOnoff): GpioInputs {
  return {
    open: async (request, listener, signal) =>
      (await wayFor(request, clock, root, load)).open(request, listener, signal),
  };
}

async function wayFor(
  { counts, pull, debounceMs }: InputRequest,
  clock: Clock,
  root: string,
  load: () => Promise<unknown>,
): Promise<GpioInputs> {
  const hasSysfs = existsSync(`${root}/export`);
  const hasGpiomon = (await majorVersion('gpiomon')) !== undefined;
  if (!hasSysfs && !hasGpiomon)
    throw new Error(
      'no GPIO: this machine has no /sys/class/gpio, and gpiomon (Debian package gpiod) is not installed',
    );
  if (pull !== undefined && !hasGpiomon)
    throw new Error(
      '/sys/class/gpio cannot switch a pull resistor on: apt install gpiod; or set it at boot (config.txt: gpio=17=pu) and leave out pull',
    );
  const byGpiomon: GpioInputs = {
    async open(request, ...more) {
      if (hasSysfs) await releaseInput(root, request);
      return gpiomonInputs(clock).open(request, ...more);
    },
  };
  if (!hasSysfs || (hasGpiomon && (counts || pull !== undefined))) return byGpiomon;
  const onoff = await usableOnoff(load);
  if (onoff === undefined && hasGpiomon) return byGpiomon;
  if (onoff === undefined && counts && debounceMs < 2 * pollMs)
    throw new Error(
      `counting needs interrupts: apt install gpiod, or npm install onoff; a contact slow enough to be looked at every ${pollMs}ms needs debounce: ${2 * pollMs}ms or more`,
    );
  return sysfsInputs(root, clock, onoff);
}
