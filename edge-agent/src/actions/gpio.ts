// A line of the board's header that is on while alarms are: a horn, a lamp, a relay.

import { parseDuration } from '@weir/shared/model/duration.ts';
import * as z from 'zod';
import type { GpioLine, GpioLines } from '../gpio/contract.ts';
import { gpioLines } from '../gpio/line.ts';
import { chipName, heldLine, lineNumber } from '../gpio/options.ts';
import { levelKind, levelModes, type LevelAction, type Pulse } from './action.ts';

const shortestPulseMs = 50;

const pulse = z
  .string()
  .meta({ examples: ['500ms/500ms'] })
  .transform((text, context): Pulse => {
    const [on = '', off = on, ...more] = text.split('/');
    const [onMs = 0, offMs = 0] = [parseDuration(on), parseDuration(off)];
    if (more.length === 0 && onMs >= shortestPulseMs && offMs >= shortestPulseMs) return { onMs, offMs };
    context.addIssue({
      code: 'custom',
      message: `"${text}" is no pulse; write on/off like 500ms/500ms, ${shortestPulseMs}ms or longer`,
    });
    return z.NEVER;
  });

export const failSafes = ['off', 'on', 'keep'] as const;

const schema = z.strictObject({
  gpio: lineNumber,
  while: z
    .enum(levelModes)
    .default('firing')
    .describe('On while an alarm is firing, or until somebody has acknowledged it. Default firing.'),
  activeLow: z
    .boolean()
    .default(false)
    .describe('Whether on is the low level, as for many relay boards. Default false.'),
  failSafe: z.enum(failSafes).default('off').describe('What it is left as when the agent stops. Default off.'),
  pulse: pulse.optional().describe('While it is on: on and off by turns.'),
  chip: chipName,
});

export const gpio = levelKind({
  key: 'gpio',
  schema,
  holds: heldLine,
  make: ({ gpio: line, while: mode, activeLow, failSafe, pulse, chip }, { clock }) => ({
    action: new GpioAction(gpioLines(clock), { line, chip, activeLow, failSafe }),
    mode,
    pulse,
  }),
});

export class GpioAction implements LevelAction {
  readonly #lines: GpioLines;
  readonly #options: Options;
  #line: GpioLine | undefined;
  /** One change after the other, also when one takes longer than somebody was willing to wait. */
  #last: Promise<void> = Promise.resolve();
  readonly #atExit = (): void => this.#line?.leave(this.#safe);

  constructor(lines: GpioLines, options: Options) {
    this.#lines = lines;
    this.#options = options;
  }

  set(on: boolean): Promise<void> {
    return this.#afterLast(() => this.#write(on !== this.#options.activeLow));
  }

  close(): Promise<void> {
    return this.#afterLast(async () => {
      const [line, safe] = [this.#line, this.#safe];
      this.#line = undefined;
      process.removeListener('exit', this.#atExit);
      if (line === undefined) return;
      try {
        if (safe !== undefined) await line.write(safe);
      } finally {
        await line.release();
      }
    });
  }

  /** The level it is left at; undefined: whatever it is. */
  get #safe(): boolean | undefined {
    const { failSafe, activeLow } = this.#options;
    return failSafe === 'keep' ? undefined : (failSafe === 'on') !== activeLow;
  }

  async #write(level: boolean): Promise<void> {
    if (this.#line !== undefined) {
      try {
        await this.#line.write(level);
        return;
      } catch (error) {
        const line = this.#line;
        this.#line = undefined;
        await line.release().catch(() => undefined);
        throw error;
      }
    }
    this.#line = await this.#lines.open(this.#options.line, this.#options.chip, level);
    // A bug of ours ends the process without anybody closing anything.
    process.removeListener('exit', this.#atExit).on('exit', this.#atExit);
  }

  #afterLast(change: () => Promise<void>): Promise<void> {
    const done = this.#last.then(change);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

interface Options {
  readonly line: number;
  readonly chip: string | undefined;
  readonly activeLow: boolean;
  readonly failSafe: (typeof failSafes)[number];
}
