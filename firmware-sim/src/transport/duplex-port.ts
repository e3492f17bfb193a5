// A pseudo-terminal made by socat on which both sides speak: what the agent writes comes out of socat's standard output.
//
// socat ends when the last one who has the device open closes it, and the device with it. So the simulator holds it open too,
// without reading from it: an agent may close and open it again as a bus on a cable. (socat-port.ts, for boards that only
// print, waits for a reader instead.)

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { SimError } from '../errors.ts';
import { isFree, isStarted, makeRoom, removeLink } from './device-link.ts';

const killAfterMs = 1000;
const maxWaitingBytes = 4096;

type Socat = ChildProcessByStdio<Writable, Readable, Readable>;

export class DuplexPort {
  /** Path of the device. */
  readonly device: string;
  readonly #child: Socat;
  readonly #held: FileHandle;
  readonly #killOnExit = (): boolean => this.#child.kill();

  private constructor(device: string, child: Socat, held: FileHandle) {
    this.device = device;
    this.#child = child;
    this.#held = held;
    process.once('exit', this.#killOnExit);
  }

  /**
   * @param onBytes hears what the agent writes; what nobody reads of a reply is lost when the terminal's buffer is full, as on a wire
   * @returns undefined where socat is not installed
   * @throws SimError when the link's place is taken, or socat fails
   */
  static async open(
    link: string,
    onBytes: (chunk: Buffer, reply: (bytes: Buffer) => void) => void,
    command = 'socat',
  ): Promise<DuplexPort | undefined> {
    await makeRoom(link);
    // A process group of its own, so that Ctrl-C reaches the simulator only.
    const child = spawn(command, ['-', `pty,raw,echo=0,link=${link}`], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    if (!(await isStarted(child))) return undefined;
    let complaint = '';
    createInterface({ input: child.stderr }).on('line', (line) => (complaint = line));
    child.stdin.on('error', () => {});
    const reply = (bytes: Buffer): void => {
      if (child.stdin.writableLength < maxWaitingBytes) child.stdin.write(bytes);
    };
    child.stdout.on('data', (chunk: Buffer) => onBytes(chunk, reply));
    while (child.exitCode === null && (await isFree(link))) await setTimeout(2);
    if (child.exitCode !== null) throw new SimError('LINE_FAILED', `socat cannot make ${link}: ${complaint}`);
    return new DuplexPort(link, child, await open(link, constants.O_RDWR | constants.O_NOCTTY));
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#killOnExit);
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = once(this.#child, 'exit');
      const killer = globalThis.setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs);
      this.#child.kill('SIGTERM');
      await ended;
      clearTimeout(killer);
    }
    await this.#held.close().catch(() => {});
    await removeLink(this.device);
  }
}
