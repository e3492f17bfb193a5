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
  /** The board's end, for a program that opens it itself. */
  readonly board: string;
  #socat: ChildProcess | undefined;
  #handle: FileHandle | undefined;

  constructor(folder: string) {
    this.path = join(folder, 'agent');
    this.board = join(folder, 'board');
  }

  async plugIn(): Promise<void> {
    this.#socat = spawn('socat', [`pty,raw,echo=0,link=${this.path}`, `pty,raw,echo=0,link=${this.board}`], {
      stdio: 'ignore',
    });
    await expect.poll(() => existsSync(this.path) && existsSync(this.board)).toBe(true);
    this.#handle = await open(this.board, 'r+');
  }

  async print(text: string | Uint8Array): Promise<void> {
    await this.#handle?.appendFile(text);
  }

  /** Hears what the agent writes: frames of eight bytes, as Modbus asks. */
  onRequest(heard: (request: Buffer) => void): void {
    const stream = this.#handle?.createReadStream({ autoClose: false });
    let bytes = Buffer.alloc(0);
    stream?.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, Buffer.from(chunk)]);
      for (; bytes.length >= 8; bytes = bytes.subarray(8)) heard(bytes.subarray(0, 8));
    });
    stream?.on('error', () => undefined);
  }

  async unplug(): Promise<void> {
    const [socat, handle] = [this.#socat, this.#handle];
    this.#socat = undefined;
    this.#handle = undefined;
    if (socat === undefined) return;
    const gone = once(socat, 'exit');
    socat.kill('SIGTERM');
    await gone;
    // Only now: a read under way ends with the line.
    await handle?.close();
  }
}

export async function cable(): Promise<Cable> {
  const made = new Cable(await tempFolder());
  onTestFinished(() => made.unplug());
  await made.plugIn();
  return made;
}
