// Lines through the package onoff, if it is installed: it is loaded when the first line is opened.

import * as z from 'zod';
import type { Clock } from '../time/clock.ts';
import type { GpioInput, GpioLine, InputListener } from './contract.ts';
import { Debouncer } from './debounce.ts';

interface OnoffGpio {
  write(value: 0 | 1): Promise<void>;
  writeSync(value: 0 | 1): void;
  readSync(): 0 | 1;
  setDirection(direction: 'high' | 'low'): void;
  direction(): string;
  watch(heard: (error: unknown, value: 0 | 1) => void): void;
  unwatchAll(): void;
}

interface OnoffConstructor {
  new (number: number, direction: 'high' | 'low', options: { readonly activeLow: boolean }): OnoffGpio;
  new (number: number, direction: 'in', edge: 'both', options: { readonly activeLow: boolean }): OnoffGpio;
}

const moduleSchema = z.object({
  Gpio: z.custom<OnoffConstructor>((value) => typeof value === 'function'),
});

export type OnoffModule = z.output<typeof moduleSchema>;

/** No package of ours depends on it: the compiler is not to look for it. */
const name: string = 'onoff';

export function loadOnoff(): Promise<unknown> {
  return import(name);
}

/** @param load the module @returns undefined when it is not installed, or not made for this Node */
export async function usableOnoff(load: () => Promise<unknown>): Promise<OnoffModule | undefined> {
  return moduleSchema.safeParse(await load().catch(() => undefined)).data;
}

/** @param load the module @returns undefined when it is not installed, or not made for this Node */
export async function openOnoff(
  load: () => Promise<unknown>,
  number: number,
  level: boolean,
): Promise<GpioLine | undefined> {
  const found = await usableOnoff(load);
  if (found === undefined) return undefined;
  const line = new found.Gpio(number, level ? 'high' : 'low', { activeLow: false });
  return {
    async write(level) {
      // Somebody may have made an input of it since.
      if (line.direction() === 'out') await line.write(level ? 1 : 0);
      else line.setDirection(level ? 'high' : 'low');
    },
    leave(level) {
      if (level !== undefined) line.writeSync(level ? 1 : 0);
    },
    // It stays exported: taken back, it may become an input, and its level is nobody's.
    release: () => Promise.resolve(),
  };
}

interface OnoffInputParts {
  readonly debounceMs: number;
  readonly listener: InputListener;
  readonly clock: Clock;
  readonly giveBack: () => Promise<void>;
}

/** onoff's own debounce is not used: it says when a bounce was over, not when it began. */
export function openOnoffInput({ Gpio }: OnoffModule, number: number, parts: OnoffInputParts): GpioInput {
  const { debounceMs, listener, clock, giveBack } = parts;
  let raw: 0 | 1 = 0;
  const fail = (error: unknown): void => listener.lost(new Error(`the line is gone: ${String(error)}`));
  /** Reads at each edge, where nobody would catch what it throws. */
  class Input extends Gpio {
    override readSync(): 0 | 1 {
      try {
        return super.readSync();
      } catch (error) {
        fail(error);
        return raw;
      }
    }
  }
  const line = new Input(number, 'in', 'both', { activeLow: false });
  raw = line.readSync();
  const present = { level: raw === 1, atMs: clock.monotonicMs() };
  const debouncer = new Debouncer(debounceMs, present.level, clock, (level, atMs) => listener.edge(level, atMs));
  const hear = (value: 0 | 1): void => {
    const atMs = clock.monotonicMs();
    // The same again: the one between went by before anybody looked.
    if (value === raw) debouncer.hear(value === 0, atMs);
    raw = value;
    debouncer.hear(value === 1, atMs);
  };
  line.watch((error, value) => (error === null || error === undefined ? hear(value) : fail(error)));
  return {
    present,
    async close() {
      debouncer.close();
      line.unwatchAll();
      await giveBack();
    },
  };
}
