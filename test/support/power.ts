// A disk whose power can be cut, with a real file system on it: an ext4 image in a file on XFS. The image's backing file is
// cloned in the middle of the work (a reflink: at one moment, without copying); the clone is the disk as a power cut at that
// moment would have left it: what ext4 had not written out is not there, and its journal is as far as it was.

import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installed } from '@weir/deploy/local/servers.ts';

const run = promisify(execFile);

export class PowerRig {
  /** Where the disk is mounted. */
  readonly folder: string;
  readonly #base: string;
  #cuts = 0;

  private constructor(base: string) {
    this.#base = base;
    this.folder = join(base, 'live');
  }

  /** @returns why there can be none on this machine; undefined when there can */
  static lacks(): string | undefined {
    if (process.getuid?.() !== 0) return 'root';
    for (const program of ['mkfs.xfs', 'mkfs.ext4', 'losetup']) {
      if (installed(program) === undefined) return program;
    }
    try {
      const loop = execFileSync('losetup', ['-f'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
      return loop.startsWith('/dev/loop') ? undefined : 'loop devices';
    } catch {
      return 'loop devices';
    }
  }

  static async open(base: string, { sizeMb = 64 } = {}): Promise<PowerRig> {
    const rig = new PowerRig(base);
    try {
      for (const folder of ['host', 'live', 'after']) mkdirSync(join(base, folder));
      await run('truncate', ['-s', '1500M', join(base, 'host.img')]);
      await run('mkfs.xfs', ['-q', '-m', 'reflink=1', join(base, 'host.img')]);
      await run('mount', ['-o', 'loop', join(base, 'host.img'), join(base, 'host')]);
      await run('truncate', ['-s', `${sizeMb}M`, rig.#image]);
      await run('mkfs.ext4', ['-q', '-F', rig.#image]);
      await run('mount', ['-o', 'loop', rig.#image, rig.folder]);
    } catch (error) {
      await rig.close();
      throw error;
    }
    return rig;
  }

  get #image(): string {
    return join(this.#base, 'host', 'disk.img');
  }

  /** Cuts the power at about this moment, for a copy of the disk. @returns the copy, not mounted */
  async cut(): Promise<string> {
    const copy = join(this.#base, 'host', `cut-${++this.#cuts}.img`);
    await run('cp', ['--reflink=always', this.#image, copy]);
    return copy;
  }

  /** Brings a copy up again, as a start after the cut would: ext4 replays its journal. */
  inspect<T>(copy: string, look: (folder: string) => Promise<T>): Promise<T> {
    return inspectImage(copy, join(this.#base, 'after'), look);
  }

  /** Whatever a failing test has left open or mounted: nothing must stay behind. */
  async close(): Promise<void> {
    for (const name of ['after', 'live', 'host']) await unmount(join(this.#base, name));
  }
}

/** Mounts an image for as long as `look` takes; then it is gone. */
export async function inspectImage<T>(image: string, folder: string, look: (folder: string) => Promise<T>): Promise<T> {
  await run('mount', ['-o', 'loop', image, folder]);
  try {
    return await look(folder);
  } finally {
    await run('umount', [folder]);
    await run('rm', [image]);
  }
}

/** Also when files in it are open, or when nothing is mounted. */
export async function unmount(folder: string): Promise<void> {
  await run('umount', [folder]).catch(() => run('umount', ['-l', folder]).catch(() => undefined));
}
