// The processes this test process has started to read Things, as the kernel lists them.

import { readdirSync, readFileSync } from 'node:fs';

/** @returns process ids of those that live, frozen ones included */
export function thingProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return Number(parent) === process.pid && state !== 'Z' && command.includes('/wot/child.ts');
      } catch {
        // It has just ended.
        return false;
      }
    });
}
