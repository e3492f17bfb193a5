// A running virtual machine: QEMU without KVM (TCG), a kernel, an initramfs, and three sockets in a scratch folder: commands for the
// guest, QEMU's monitor (QMP), and whatever a test plugs in.

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import * as z from 'zod';
import { scratchFolder, stopProcess } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import type { Image } from './image.ts';

/** Many times what it takes on two busy cores. */
const bootMs = 60_000;
const commandMs = 60_000;

const qmpSchema = z.object({ return: z.unknown().optional(), error: z.object({ desc: z.string() }).optional() });

export class Guest implements AsyncDisposable {
  readonly #folder: ReturnType<typeof scratchFolder>;
  readonly #qemu: ChildProcess;
  /** What QEMU itself has complained of. */
  #said = '';
  #shell: Lines | undefined;
  #monitor: Lines | undefined;

  private constructor(image: Image, devices: (folder: string) => readonly string[]) {
    this.#folder = scratchFolder('vm');
    const { path } = this.#folder;
    const socket = (id: string): string[] => ['-chardev', `socket,id=${id},path=${path}/${id},server=on,wait=off`];
    const machine = '-machine q35 -accel tcg -cpu max -smp 2 -m 1536 -nodefaults -display none -no-reboot -net none';
    const boot = ['-kernel', image.kernel, '-initrd', image.initramfs, '-append', 'console=ttyS0 quiet panic=-1'];
    const console = ['-chardev', `file,id=console,path=${path}/console`, '-serial', 'chardev:console'];
    const shell = [...socket('shell'), '-serial', 'chardev:shell'];
    const monitor = [...socket('monitor'), '-mon', 'chardev=monitor,mode=control'];
    this.#qemu = spawn(
      'qemu-system-x86_64',
      [...machine.split(' '), ...boot, ...console, ...shell, ...monitor, ...devices(path)],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#qemu.stderr?.on('data', (chunk: Buffer) => (this.#said = `${this.#said}${chunk.toString()}`.slice(-1000)));
  }

  /** @param devices more options for QEMU, with sockets in the folder */
  static async boot(image: Image, devices: (folder: string) => readonly string[] = () => []): Promise<Guest> {
    // One of some thirty boots did not come up, and why is not known. Booting is not what is tried here.
    return Guest.#boot(image, devices).catch(() => Guest.#boot(image, devices));
  }

  static async #boot(image: Image, devices: (folder: string) => readonly string[]): Promise<Guest> {
    const guest = new Guest(image, devices);
    try {
      const shell = await guest.socket('shell');
      guest.#shell = shell;
      await until('the guest is up', () => shell.next((line) => line === '@@ready'), bootMs).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${guest.#said}\nconsole:\n${guest.console()}`);
      });
      guest.#monitor = await guest.socket('monitor');
      await guest.qmp('qmp_capabilities');
      return guest;
    } catch (error) {
      await guest[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What the kernel and init have said. */
  console(): string {
    const path = join(this.#folder.path, 'console');
    return existsSync(path) ? readFileSync(path, 'utf8').slice(-4000) : '';
  }

  /** Connects to a socket of QEMU's. */
  async socket(name: string): Promise<Lines> {
    const path = join(this.#folder.path, name);
    await until(`QEMU has made ${name}`, () => existsSync(path));
    return new Lines(connect(path));
  }

  /** Runs a command line, which must be one line. @returns what it printed @throws when its exit code is another than 0 */
  async run(command: string): Promise<string> {
    const shell = this.#shell;
    if (shell === undefined) throw new Error('the guest is not up');
    shell.send(command);
    const said: string[] = [];
    const end = await until(
      `the guest has done: ${command.slice(0, 100)}`,
      () => shell.next((line) => /@@done \d+$/.test(line), said),
      commandMs,
    );
    // What it printed last may have had no end of line.
    const [last = '', code] = end.split('@@done ');
    if (last !== '') said.push(last);
    if (code !== '0') throw new Error(`${command.slice(0, 200)}: exit code ${code}\n${said.join('\n')}`);
    return said.join('\n');
  }

  /** @param text of a file in the guest */
  async write(path: string, text: string): Promise<void> {
    const encoded = Buffer.from(text).toString('base64');
    // A line of the guest's shell has an end.
    await this.run(`: > ${path}`);
    for (let at = 0; at < encoded.length; at += 2000)
      await this.run(`echo ${encoded.slice(at, at + 2000)} >> ${path}.base64`);
    await this.run(`base64 -d ${path}.base64 > ${path} && rm ${path}.base64`);
  }

  async qmp(execute: string, args: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const monitor = this.#monitor;
    if (monitor === undefined) throw new Error('the monitor is not connected');
    monitor.send(JSON.stringify({ execute, arguments: args }));
    const answer = await until(`QEMU has answered ${execute}`, () =>
      monitor.next((line) => /^\{"(return|error)"/.test(line)),
    );
    const { error } = qmpSchema.parse(JSON.parse(answer));
    if (error !== undefined) throw new Error(`${execute}: ${error.desc}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell?.end();
    this.#monitor?.end();
    await stopProcess(this.#qemu);
    this.#folder[Symbol.dispose]();
  }
}

/** A socket, line by line. */
export class Lines {
  readonly #socket: Socket;
  #lines: string[] = [];
  #rest = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      const lines = `${this.#rest}${chunk.toString('latin1')}`.split('\n');
      this.#rest = lines.pop() ?? '';
      this.#lines.push(...lines.map((line) => line.replaceAll('\r', '')));
    });
  }

  send(text: string): void {
    this.#socket.write(`${text}\n`);
  }

  /** @param before takes the lines that came before it @returns the next such line, if it has come */
  next(isIt: (line: string) => boolean, before: string[] = []): string | undefined {
    const at = this.#lines.findIndex(isIt);
    if (at < 0) return undefined;
    before.push(...this.#lines.slice(0, at));
    const line = this.#lines[at];
    this.#lines = this.#lines.slice(at + 1);
    return line;
  }

  end(): void {
    this.#socket.destroy();
  }
}
