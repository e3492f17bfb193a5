// The link by which socat shows a pseudo-terminal, and whether the process that makes it has started.

import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SimError } from '../errors.ts';

/** @returns false where there is no such command */
export async function isStarted(child: ChildProcess): Promise<boolean> {
  try {
    await once(child, 'spawn');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

/** @throws SimError when something other than a link lies there */
export async function makeRoom(link: string): Promise<void> {
  await mkdir(dirname(link), { recursive: true });
  const stats = await lstat(link).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSymbolicLink()) {
    throw new SimError('LINE_FAILED', `${link} is there already and no link; move it away or choose another path`);
  }
  await rm(link);
}

export async function isFree(link: string): Promise<boolean> {
  return (await lstat(link).catch(() => undefined)) === undefined;
}

/** socat removes the link itself unless it had to be killed; left behind, it would soon point to a stranger's terminal. */
export async function removeLink(link: string): Promise<void> {
  await rm(link, { force: true });
}
