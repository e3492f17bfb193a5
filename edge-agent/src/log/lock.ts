// One agent a data folder: two would write each other's journal. The lock is a file with the holder's process id; one whose
// process is gone (a crash, a power cut) is taken over.

import { readFile, unlink, writeFile } from 'node:fs/promises';

export class Locked extends Error {
  override readonly name = 'Locked';
}

/** @returns how to let go of the lock @throws Locked when another process holds it */
export async function lock(path: string): Promise<() => Promise<void>> {
  const holder = Number(await readFile(path, 'utf8').catch(() => ''));
  if (holder > 0 && holder !== process.pid && isAlive(holder)) {
    throw new Locked(
      `${path}: process ${holder} is using this data folder; stop it, or give this agent another folder with --data`,
    );
  }
  await writeFile(path, String(process.pid));
  return () => unlink(path).catch(() => undefined);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
