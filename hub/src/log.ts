// What the hub says while it runs, one line each: `time level message key=value …`. Values from outside are quoted, so
// that a gateway cannot write lines of its own into the log.

import type { Clock } from './clock.ts';

export type LogFields = Readonly<Record<string, string | number | boolean>>;

export interface Log {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export function lineLog(write: (line: string) => void, now: () => number): Log {
  const say = (level: string, message: string, fields: LogFields = {}): void => {
    const pairs = Object.entries(fields).map(([key, value]) => ` ${key}=${quoted(String(value))}`);
    write(`${new Date(now()).toISOString()} ${level} ${message}${pairs.join('')}\n`);
  };
  return {
    info: (message, fields) => say('info', message, fields),
    warn: (message, fields) => say('warn', message, fields),
    error: (message, fields) => say('error', message, fields),
  };
}

export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** Lets the first of a kind through, then at most one per interval; says how many were held back. */
export class RateLimitedLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #kinds = new Map<string, { nextMs: number; held: number }>();

  constructor(log: Log, clock: Clock, intervalMs = 60_000) {
    this.#log = log;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
  }

  warn(kind: string, message: string, fields: LogFields = {}): void {
    const now = this.#clock.monotonicMs();
    const known = this.#kinds.get(kind);
    if (known !== undefined && now < known.nextMs) {
      known.held += 1;
      return;
    }
    // Kinds carry names from outside: the memory of them is bounded, and forgetting costs a line of log only.
    if (known === undefined && this.#kinds.size >= 1000) this.#kinds.clear();
    this.#kinds.set(kind, { nextMs: now + this.#intervalMs, held: 0 });
    this.#log.warn(message, known === undefined || known.held === 0 ? fields : { ...fields, heldBack: known.held });
  }
}

function quoted(value: string): string {
  return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}
