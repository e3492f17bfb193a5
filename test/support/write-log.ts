// A disk that remembers every write and every flush, with a real file system on it: write-log-disk.ts keeps and logs it, nbdfuse
// makes a file of it, a loop device and ext4 are on top. From the log any disk can be made that a power cut could have left: all
// that was written before the last flush, and of what was written after it whatever chance wants, whole or in sectors.
//
// The log is a sequence of records: kind (1 write, 2 flush), length, offset on the disk (32, 32, 64 bits, little-endian), data.

import { execFile, fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installed } from '@weir/deploy/local/servers.ts';
import { inspectImage, PowerRig, unmount } from './power.ts';
import { stopProcess } from './processes.ts';
import { until } from './wait.ts';

const run = promisify(execFile);
const headerBytes = 16;
const sectorBytes = 512;
const tornShare = 0.3;

export class WriteLogRig {
  /** Where the disk is mounted. */
  readonly folder: string;
  readonly #base: string;
  readonly #disk: ChildProcess;
  readonly #file: ChildProcess;

  private constructor(base: string, disk: ChildProcess, file: ChildProcess) {
    this.#base = base;
    this.#disk = disk;
    this.#file = file;
    this.folder = join(base, 'live');
  }

  /** @returns why there can be none on this machine; undefined when there can */
  static lacks(): string | undefined {
    for (const program of ['nbdfuse', 'fusermount3']) if (installed(program) === undefined) return program;
    return existsSync('/dev/fuse') ? PowerRig.lacks() : '/dev/fuse';
  }

  static async open(base: string, { sizeMb = 64 } = {}): Promise<WriteLogRig> {
    for (const folder of ['nbd', 'live', 'after']) mkdirSync(join(base, folder));
    const image = join(base, 'empty.img');
    await run('truncate', ['-s', `${sizeMb}M`, image]);
    // Without the parts of it that the kernel would write in the background, later.
    await run('mkfs.ext4', ['-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image]);
    const socket = join(base, 'socket');
    const disk = fork(join(import.meta.dirname, 'write-log-disk.ts'), [image, join(base, 'log'), socket], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    await Promise.race([once(disk, 'message'), once(disk, 'exit')]);
    const path = join(base, 'nbd', 'disk');
    const file = spawn('nbdfuse', [path, '--unix', socket], { stdio: ['ignore', 'ignore', 'inherit'] });
    const rig = new WriteLogRig(base, disk, file);
    try {
      await until('there is the disk', () => {
        if (file.exitCode !== null) throw new Error(`nbdfuse ended with code ${file.exitCode}`);
        return existsSync(path);
      });
      await run('mount', ['-o', 'loop', path, rig.folder]);
    } catch (error) {
      await rig.close();
      throw error;
    }
    return rig;
  }

  /** How long the log is: what is written or flushed from now on stands behind it. */
  get position(): number {
    return statSync(join(this.#base, 'log')).size;
  }

  /** What can be made of the log, as it is now. */
  cuts(): Promise<PowerCuts> {
    return PowerCuts.open(this.#base);
  }

  async close(): Promise<void> {
    await unmount(join(this.#base, 'after'));
    await unmount(this.folder);
    // The loop device lets go of it a little later.
    const letGo = (): Promise<boolean> =>
      run('fusermount3', ['-u', join(this.#base, 'nbd')]).then(
        () => true,
        () => this.#file.exitCode !== null,
      );
    await until('the disk can be taken away', letGo, 5000).catch(() => undefined);
    await stopProcess(this.#file);
    await stopProcess(this.#disk);
    await unmount(join(this.#base, 'nbd'));
  }
}

interface LogRecord {
  readonly isFlush: boolean;
  readonly offset: number;
  readonly data: Uint8Array;
  /** The position behind it. */
  readonly end: number;
}

/** The disks that power cuts would have left, one moment after the other. */
export class PowerCuts {
  readonly #base: string;
  readonly #records: readonly LogRecord[];
  /** The disk as it was at the last flush. */
  readonly #flushed: FileHandle;
  #applied = 0;

  private constructor(base: string, records: readonly LogRecord[], flushed: FileHandle) {
    this.#base = base;
    this.#records = records;
    this.#flushed = flushed;
  }

  static async open(base: string): Promise<PowerCuts> {
    await run('cp', ['--sparse=always', join(base, 'empty.img'), join(base, 'flushed.img')]);
    return new PowerCuts(base, readLog(join(base, 'log')), await open(join(base, 'flushed.img'), 'r+'));
  }

  /** Records there are. */
  get count(): number {
    return this.#records.length;
  }

  get flushes(): number {
    return this.#records.filter(({ isFlush }) => isFlush).length;
  }

  /** The position behind the first `count` records. */
  positionAt(count: number): number {
    return this.#records[count - 1]?.end ?? 0;
  }

  /** @param count how many records the disk saw; not fewer than the last time @param random what became of those behind the last flush */
  async inspect<T>(count: number, random: () => number, look: (folder: string) => Promise<T>): Promise<T> {
    const seen = this.#records.slice(0, count);
    const flushedCount = seen.findLastIndex(({ isFlush }) => isFlush) + 1;
    for (const { offset, data } of seen.slice(this.#applied, flushedCount))
      await this.#flushed.write(data, 0, data.length, offset);
    this.#applied = Math.max(this.#applied, flushedCount);
    const image = join(this.#base, 'cut.img');
    await run('cp', ['--sparse=always', join(this.#base, 'flushed.img'), image]);
    const file = await open(image, 'r+');
    const share = random();
    for (const { offset, data } of seen.slice(flushedCount)) {
      if (random() > share) continue;
      const isTorn = random() < tornShare;
      for (let at = 0; at < data.length; at += isTorn ? sectorBytes : data.length) {
        const length = Math.min(isTorn ? sectorBytes : data.length, data.length - at);
        if (!isTorn || random() < 0.5) await file.write(data, at, length, offset + at);
      }
    }
    await file.close();
    return inspectImage(image, join(this.#base, 'after'), look);
  }

  close(): Promise<void> {
    return this.#flushed.close();
  }
}

function readLog(path: string): LogRecord[] {
  const bytes = readFileSync(path);
  const records: LogRecord[] = [];
  for (let at = 0; at + headerBytes <= bytes.length;) {
    const isFlush = bytes.readUInt32LE(at) === 2;
    const length = bytes.readUInt32LE(at + 4);
    const end = at + headerBytes + length;
    if (end > bytes.length) break;
    const offset = Number(bytes.readBigUInt64LE(at + 8));
    records.push({ isFlush, offset, data: bytes.subarray(at + headerBytes, end), end });
    at = end;
  }
  return records;
}
