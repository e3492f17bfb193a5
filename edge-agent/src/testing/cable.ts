// Two serial ports wired to each other by socat: one for the agent, one for the board.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.ts';

export const hasSocat = existsSync('/usr/bin/socat');

export class Cable {
  readonly path: string;
  readonly #board: string;
  #socat: ChildProcess | undefined;
  #handle: FileHandle | undefined;

  constructor(folder: string) {
    this.path = join(folder, 'agent');
    this.#board = join(folder, 'board');
  }

  async plugIn(): Promise<void> {
    this.#socat = spawn('socat', [`pty,raw,echo=0,link=${this.path}`, `pty,raw,echo=0,link=${this.#board}`], {
      stdio: 'ignore',
    });
    await expect.poll(() => existsSync(this.path) && existsSync(this.#board)).toBe(true);
    this.#handle = await open(this.#board, 'r+');
  }

  async print(text: string | Uint8Array): Promise<void> {
    await this.#handle?.appendFile(text);
  }

  async unplug(): Promise<void> {
    const [socat, handle] = [this.#socat, this.#handle];
    this.#socat = undefined;
    this.#handle = undefined;
    await handle?.close();
    if (socat === undefined) return;
    const gone = once(socat, 'exit');
    socat.kill('SIGTERM');
    await gone;
  }
}

export async function cable(): Promise<Cable> {
  const made = new Cable(await tempFolder());
  onTestFinished(() => made.unplug());
  await made.plugIn();
  return made;
}
