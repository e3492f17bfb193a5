// Input lines by /sys/class/gpio: through onoff, which waits for interrupts, or by reading the file `value` again and again, where
// onoff is not installed or its native addon is made for another Node.
//
// sysfs has no timestamps: an edge is when it is heard. A line that was not exported before is given back when it is closed, so
// that others can have it.

import { open, readFile, writeFile, type FileHandle } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../time/clock.ts';
import type { GpioInput, GpioInputs, InputListener, InputRequest } from './contract.ts';
import { Debouncer } from './debounce.ts';
import { openOnoffInput, type OnoffModule } from './onoff.ts';
import { exportLine, numberOf } from './sysfs.ts';

/** How often `value` is read: what lasts less is not seen. */
export const pollMs = 10;

/** @param onoff undefined: by the files */
export function sysfsInputs(root: string, clock: Clock, onoff: OnoffModule | undefined): GpioInputs {
  return {
    async open({ line, chip, debounceMs }: InputRequest, listener: InputListener) {
      const number = await numberOf(root, line, chip);
      const folder = join(root, `gpio${number}`);
      const wasExported = existsSync(folder);
      await exportLine(root, number, clock);
      await writeFile(join(folder, 'active_low'), '0');
      const giveBack = async (): Promise<void> => {
        // Gone already: nothing to give back.
        if (!wasExported) await writeFile(join(root, 'unexport'), String(number)).catch(() => undefined);
      };
      if (onoff !== undefined) return openOnoffInput(onoff, number, { debounceMs, listener, clock, giveBack });
      await writeFile(join(folder, 'direction'), 'in');
      return Polled.open(join(folder, 'value'), { debounceMs, listener, clock, giveBack });
    },
  };
}

/** Lets go of an input that an agent which was killed has left exported: it would keep the character device from the line. */
export async function releaseInput(root: string, { line, chip }: InputRequest): Promise<void> {
  const number = await numberOf(root, line, chip).catch(() => undefined);
  if (number === undefined) return;
  const direction = await readFile(join(root, `gpio${number}`, 'direction'), 'utf8').catch(() => '');
  // An output is somebody's.
  if (direction.trim() === 'in') await writeFile(join(root, 'unexport'), String(number));
}

interface PolledParts {
  readonly debounceMs: number;
  readonly listener: InputListener;
  readonly clock: Clock;
  readonly giveBack: () => Promise<void>;
}

class Polled implements GpioInput {
  readonly present: GpioInput['present'];
  readonly #file: FileHandle;
  readonly #parts: PolledParts;
  readonly #debouncer: Debouncer;
  readonly #end = new AbortController();
  readonly #done: Promise<void>;
  #raw: boolean;

  private constructor(file: FileHandle, level: boolean, parts: PolledParts) {
    const { debounceMs, listener, clock } = parts;
    this.#file = file;
    this.#parts = parts;
    this.#raw = level;
    this.present = { level, atMs: clock.monotonicMs() };
    this.#debouncer = new Debouncer(debounceMs, level, clock, (accepted, atMs) => listener.edge(accepted, atMs));
    this.#done = this.#poll().catch((error: unknown) => {
      if (!this.#end.signal.aborted) listener.lost(new Error(`the line is gone: ${String(error)}`));
    });
  }

  static async open(path: string, parts: PolledParts): Promise<Polled> {
    const file = await open(path, 'r');
    const level = await readValue(file);
    if (level === undefined) await file.close();
    if (level === undefined) throw new Error(`${path} is neither 0 nor 1`);
    return new Polled(file, level, parts);
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#debouncer.close();
    await this.#done;
    await this.#file.close();
    await this.#parts.giveBack();
  }

  async #poll(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#end.signal.aborted) {
      await clock.sleep(pollMs, this.#end.signal);
      const level = await readValue(this.#file);
      if (level === undefined || level === this.#raw) continue;
      this.#raw = level;
      this.#debouncer.hear(level, clock.monotonicMs());
    }
  }
}

async function readValue(file: FileHandle): Promise<boolean | undefined> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, 0);
  const text = bytesRead === 1 ? buffer.toString('latin1') : '';
  return text === '0' || text === '1' ? text === '1' : undefined;
}
