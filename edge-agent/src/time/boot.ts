// What the machine knows about its own start: which one it is, and whether a battery keeps the time while it is off.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** 16 hex digits, the same until the machine is started anew; where it does not say, until the process is. */
export function bootId(): string {
  const id = read('/proc/sys/kernel/random/boot_id').replaceAll('-', '').slice(0, 16);
  return /^[0-9a-f]{16}$/.test(id) ? id : randomBytes(8).toString('hex');
}

/** Whether the kernel took the time from a clock of the machine when it started. */
export function hasBatteryClock(): boolean {
  return read('/sys/class/rtc/rtc0/hctosys') === '1';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    return '';
  }
}
