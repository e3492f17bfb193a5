// Asks the machine whether its wall clock is synchronised, and by whom.
//
// Node cannot ask the kernel itself (adjtimex), so the time service is asked, whichever there is:
//
//   chrony              `chronyc -c -n tracking`: whether it is synchronised, how far the clock still is off, and when it last looked
//   systemd-timesyncd   /run/systemd/timesync/synchronized: there when it has synchronised since it was started, and touched
//                       whenever it does (since systemd 239)
//   any other           `timedatectl show -p NTPSynchronized`: what the kernel says, whoever steers it (ntpd, ptp4l, …). It takes that
//                       back when somebody sets the clock
//
// Where none of them is there, as in most containers, there is nobody to ask.

import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { SyncReport } from './timeline.ts';

/** A clock that is off by more is still on its way. */
const nearMs = 25;
const answerMs = 2000;

/** What a probe needs of the machine. */
export interface Machine {
  exists(path: string): Promise<boolean>;
  /** Epoch milliseconds; undefined when there is no such file. */
  modified(path: string): Promise<number | undefined>;
  /** @returns what the program says; undefined when it is not there or fails */
  ask(program: string, args: readonly string[]): Promise<string | undefined>;
}

export async function askTimeService(machine: Machine): Promise<SyncReport> {
  if (await machine.exists('/run/chrony')) {
    const tracking = await machine.ask('chronyc', ['-c', '-n', 'tracking']);
    if (tracking !== undefined) return readTracking(tracking);
  }
  if (await machine.exists('/run/systemd/timesync')) {
    const lastSync = await machine.modified('/run/systemd/timesync/synchronized');
    return { service: 'systemd-timesyncd', synchronised: lastSync !== undefined, lastSync };
  }
  if (!(await machine.exists('/run/systemd/system'))) return { service: undefined, synchronised: false };
  const answer = await machine.ask('timedatectl', ['show', '-p', 'NTP', '-p', 'NTPSynchronized']);
  return readTimedatectl(answer ?? '');
}

/** @returns milliseconds the clock is still off, as chrony says; undefined when there is nobody to ask */
export async function clockOffset(machine: Machine): Promise<number | undefined> {
  if (!(await machine.exists('/run/chrony'))) return undefined;
  const fields = (await machine.ask('chronyc', ['-c', '-n', 'tracking']))?.trim().split(',');
  const seconds = Number(fields?.[4] ?? NaN);
  return Number.isNaN(seconds) ? undefined : seconds * 1000;
}

/** One line of comma-separated values: reference, address, stratum, time of the last look, seconds still off, …, leap status. */
function readTracking(text: string): SyncReport {
  const fields = text.trim().split(',');
  const [lastLook, offset] = [Number(fields[3]), Number(fields[4])];
  const isNear = Math.abs(offset) * 1000 <= nearMs;
  const synchronised = fields.length >= 14 && fields.at(-1) !== 'Not synchronised' && lastLook > 0 && isNear;
  return { service: 'chrony', synchronised, lastSync: synchronised ? lastLook * 1000 : undefined };
}

/** `NTP` is whether a time service is switched on, `NTPSynchronized` whether the kernel holds the clock for right. */
function readTimedatectl(text: string): SyncReport {
  const lines = new Set(text.trim().split('\n'));
  if (lines.has('NTPSynchronized=yes')) return { service: 'NTP', synchronised: true };
  // It could not be asked, or a service is on its way: somebody may yet vouch for the clock.
  const isAlone = lines.has('NTP=no') && lines.has('NTPSynchronized=no');
  return { service: isAlone ? undefined : 'NTP', synchronised: false };
}

export const realMachine: Machine = {
  exists: async (path) => (await modified(path)) !== undefined,
  modified,
  async ask(program, args) {
    try {
      const env = { ...process.env, LC_ALL: 'C' };
      return (await promisify(execFile)(program, args, { timeout: answerMs, env })).stdout;
    } catch {
      return undefined;
    }
  },
};

async function modified(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}
