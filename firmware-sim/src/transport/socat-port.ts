// One pseudo-terminal made by socat: bytes go into socat's standard input, the agent opens `link`.
//
// socat's log tells what no system call in Node.js can:
// - `wait-slave` keeps socat from touching its input until somebody has opened the device; then it logs "starting data
//   transfer loop". Programs empty the input buffer while they open a port (serialport does), so anything printed before
//   that moment would be lost.
// - "transferred N bytes" (info level, `-d -d -d`) follows each write into the terminal, so the sum says what has arrived
//   there. The terminal's buffer holds about 4 KB more than the reader has read; then socat's write blocks, its input
//   pipe fills, and the board waits.
// - Bytes that nobody read vanish when socat ends. Whether there are some is asked with `read -t 0` of bash, which polls
//   the device without reading from it.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { SimError } from '../errors.ts';
import { Changes } from './changes.ts';
import { isFree, isStarted, makeRoom, removeLink } from './device-link.ts';

/** A reader has opened the device, but may still be busy setting it up. */
const settleMs = 50;
const killAfterMs = 1000;

export class SocatPort {
  readonly #link: string;
  readonly #child: ChildProcessByStdio<Writable, null, Readable>;
  readonly #changes = new Changes();
  readonly #killOnExit = (): boolean => this.#child.kill();
  #hasReader = false;
  #hasEnded = false;
  #writtenBytes = 0;
  #deliveredBytes = 0;
  #complaint = '';

  private constructor(link: string, child: ChildProcessByStdio<Writable, null, Readable>) {
    this.#link = link;
    this.#child = child;
    // Writing after the end fails; the end itself is what matters, and `exit` tells it.
    child.stdin.on('error', () => {});
    createInterface({ input: child.stderr }).on('line', (line) => this.#read(line));
    child.once('exit', () => this.#end());
    process.once('exit', this.#killOnExit);
  }

  /** @returns undefined where socat is not installed. @throws SimError when the link's place is taken, or socat fails */
  static async open(link: string, command: string): Promise<SocatPort | undefined> {
    await makeRoom(link);
    const address = `pty,raw,echo=0,link=${link},wait-slave,pty-interval=0.02`;
    // A process group of its own, so that Ctrl-C reaches the simulator only and it can drain the line first.
    const child = spawn(command, ['-d', '-d', '-d', '-u', '-', address], {
      stdio: ['pipe', 'ignore', 'pipe'],
      detached: true,
    });
    if (!(await isStarted(child))) return undefined;
    const port = new SocatPort(link, child);
    while (!port.#hasEnded && (await isFree(link))) await setTimeout(2);
    if (port.#hasEnded) throw new SimError('LINE_FAILED', `socat cannot make ${link}: ${port.#complaint}`);
    return port;
  }

  get hasReader(): boolean {
    return this.#hasReader;
  }

  /** Waits for a reader. @returns how many of the bytes arrived; fewer than given only when the port ended */
  async write(bytes: Buffer): Promise<number> {
    await this.#changes.until(() => this.#hasReader || this.#hasEnded);
    if (this.#hasEnded) return 0;
    const beforeBytes = this.#writtenBytes;
    this.#writtenBytes += bytes.length;
    this.#child.stdin.write(bytes);
    await this.#changes.until(() => this.#deliveredBytes >= this.#writtenBytes || this.#hasEnded);
    return Math.min(this.#deliveredBytes - beforeBytes, bytes.length);
  }

  async drain(signal: AbortSignal): Promise<boolean> {
    const stop = (): void => this.#changes.notify();
    signal.addEventListener('abort', stop);
    await this.#changes.until(() => this.#isIdle() || signal.aborted);
    signal.removeEventListener('abort', stop);
    while (!this.#hasEnded && !signal.aborted && (await hasUnreadBytes(this.#link))) await setTimeout(10);
    return !this.#hasEnded && this.#isIdle() && !signal.aborted;
  }

  async close(): Promise<void> {
    if (!this.#hasEnded) {
      const killer = globalThis.setTimeout(() => this.#child.kill('SIGKILL'), killAfterMs);
      this.#child.kill('SIGTERM');
      await this.#changes.until(() => this.#hasEnded);
      clearTimeout(killer);
    }
    await removeLink(this.#link);
  }

  #isIdle(): boolean {
    return this.#hasEnded || this.#deliveredBytes === this.#writtenBytes;
  }

  #read(line: string): void {
    const bytes = /transferred (\d+) bytes/.exec(line)?.[1];
    if (bytes !== undefined) {
      this.#deliveredBytes += Number(bytes);
      this.#changes.notify();
    } else if (line.includes('starting data transfer loop')) {
      globalThis.setTimeout(() => {
        this.#hasReader = true;
        this.#changes.notify();
      }, settleMs);
    } else if (/ [EF] /.test(line)) this.#complaint = line;
  }

  #end(): void {
    this.#hasEnded = true;
    this.#hasReader = false;
    process.removeListener('exit', this.#killOnExit);
    this.#changes.notify();
  }
}

async function hasUnreadBytes(device: string): Promise<boolean> {
  const child = spawn('bash', ['-c', 'read -t 0 <"$1"', 'bash', device], { stdio: 'ignore' });
  // Without bash nobody can tell; then the reader gets the time that socat itself would linger.
  if (!(await isStarted(child))) {
    await setTimeout(500);
    return false;
  }
  const [code] = await once(child, 'exit');
  return code === 0;
}
