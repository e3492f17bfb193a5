// One agent a data folder: two would write each other's journal. The lock is a file with the holder's process id and the
// moment that process started; one whose process is gone (a crash, a power cut) is taken over. The moment matters because
// after a power cut the id is often given to another process: a gateway starts the same things in the same order each time.

import { readFile, unlink, writeFile } from 'node:fs/promises';

export class Locked extends Error {
  override readonly name = 'Locked';
}

/** @returns how to let go of the lock @throws Locked when another process holds it */
export async function lock(path: string): Promise<() => Promise<void>> {
  const [pid = '', started = ''] = (await readFile(path, 'utf8').catch(() => '')).split(' ');
  const holder = Number(pid);
  if (holder > 0 && holder !== process.pid && isAlive(holder) && started === (await startOf(holder))) {
    throw new Locked(
      `${path}: process ${holder} is using this data folder; stop it, or give this agent another folder with --data`,
    );
  }
  await writeFile(path, `${process.pid} ${await startOf(process.pid)}`);
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

/** In clock ticks since the machine started; empty where there is no /proc. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Field 22, counted from behind the command, which stands in parentheses and may hold anything.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
