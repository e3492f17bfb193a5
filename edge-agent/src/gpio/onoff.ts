// Lines through the package onoff, if it is installed: it is loaded when the first line is opened.

import * as z from 'zod';
import type { GpioLine } from './contract.ts';

interface OnoffGpio {
  write(value: 0 | 1): Promise<void>;
  writeSync(value: 0 | 1): void;
  setDirection(direction: 'high' | 'low'): void;
  direction(): string;
}

type OnoffConstructor = new (
  number: number,
  direction: 'high' | 'low',
  options: { readonly activeLow: boolean },
) => OnoffGpio;

const moduleSchema = z.object({
  Gpio: z.custom<OnoffConstructor>((value) => typeof value === 'function'),
});

/** No package of ours depends on it: the compiler is not to look for it. */
const name: string = 'onoff';

export function loadOnoff(): Promise<unknown> {
  return import(name);
}

/** @param load the module @returns undefined when it is not installed, or not made for this Node */
export async function openOnoff(
  load: () => Promise<unknown>,
  number: number,
  level: boolean,
): Promise<GpioLine | undefined> {
  const found = moduleSchema.safeParse(await load().catch(() => undefined));
  if (!found.success) return undefined;
  const line = new found.data.Gpio(number, level ? 'high' : 'low', { activeLow: false });
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
