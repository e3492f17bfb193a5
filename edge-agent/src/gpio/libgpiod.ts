// What the programs of libgpiod have in common. Versions 1 and 2 have different options, so each is asked for its version.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const patienceMs = 5000;

/** @returns 1 or 2; undefined when it is not installed */
export async function majorVersion(program: string): Promise<number | undefined> {
  const version = await promisify(execFile)(program, ['--version'], { timeout: patienceMs }).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (version === undefined) return undefined;
  const [, major] = /\bv?(\d+)\.\d+/.exec(version.stdout) ?? [];
  if (major === undefined)
    throw new Error(`${program} --version says ${JSON.stringify(version.stdout.slice(0, 80))}: no version in it`);
  return Number(major);
}

/** What a command begins with so that the kernel ends it when the agent is gone; it would hold the line against the next one. */
export async function followAgent(): Promise<readonly string[]> {
  const prefix = ['setpriv', '--pdeathsig', 'TERM'];
  return promisify(execFile)('setpriv', [...prefix.slice(1), 'true'], { timeout: patienceMs }).then(
    () => prefix,
    () => [],
  );
}

/** Adds what to do where the kernel says no. */
export function withAdvice(said: string): string {
  if (/permission denied|EACCES/i.test(said))
    return `${said}; put the agent's user into the group of the device: usermod -aG gpio USER, then start the agent again`;
  if (/busy/i.test(said))
    return `${said}; something else has the line: gpioinfo says who, and what is exported in /sys/class/gpio holds it too`;
  return said;
}
