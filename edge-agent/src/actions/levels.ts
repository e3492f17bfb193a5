// Keeps outputs as the alarms want them. A level is no queue of edges: it is set at the start, whenever something changed, and
// again every ten seconds, so that whatever else turned a relay meanwhile does not last. Where setting it fails it is tried
// again with backoff. When the agent stops, each is left as its fail-safe says.

import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import { formatDuration } from '@weir/shared/model/duration.ts';
import type { Level, LevelMode, Pulse } from './action.ts';

/** What a level looks at of an alarm. */
export interface AlarmState {
  readonly phase: 'normal' | 'pending' | 'firing' | 'latched';
  readonly acknowledged: boolean;
  /** Whether somebody was told of it: late and chattering alarms sound no horn. */
  readonly told: boolean;
  /** Epoch milliseconds; -Infinity when it is not shelved. */
  readonly shelvedUntil: number;
  readonly disabled: boolean;
  readonly suppressed: boolean;
}

/** Whether the alarms want a level on. @param now epoch milliseconds */
export function isWanted(mode: LevelMode, alarms: Iterable<AlarmState>, now: number): boolean {
  for (const { phase, acknowledged, told, shelvedUntil, disabled, suppressed } of alarms) {
    if (!told || disabled || suppressed || shelvedUntil > now) continue;
    if (mode === 'firing' ? phase === 'firing' : (phase === 'firing' || phase === 'latched') && !acknowledged)
      return true;
  }
  return false;
}

const againMs = 10_000;
/** Looking at all alarms costs something: in a flood it is not done for each. */
const minLookMs = 50;
const timeoutMs = 5000;

export interface LevelsParts {
  /** By id. */
  readonly levels: ReadonlyMap<string, Level>;
  /** Whether it is to be on now. */
  readonly wanted: (id: string, mode: LevelMode) => boolean;
  readonly health: Health;
  readonly clock: Clock;
  readonly random: () => number;
}

export class Levels {
  readonly #parts: LevelsParts;
  readonly #wake = new Map<string, () => void>();
  readonly #changed = new Set<string>();

  constructor(parts: LevelsParts) {
    this.#parts = parts;
  }

  /** Something happened to an alarm. */
  changed(): void {
    for (const id of this.#parts.levels.keys()) {
      this.#changed.add(id);
      this.#wake.get(id)?.();
    }
  }

  /** Keeps all levels until `signal` aborts, then leaves them as their fail-safe says. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#parts.levels].map(([id, level]) => this.#keep(id, level, signal)));
  }

  async #keep(id: string, level: Level, signal: AbortSignal): Promise<void> {
    const { clock, health, random, wanted } = this.#parts;
    const backoff = new Backoff(1000, 60_000, random);
    let since: number | undefined;
    while (!signal.aborted) {
      this.#changed.delete(id);
      const now = clock.monotonicMs();
      since = wanted(id, level.mode) ? (since ?? now) : undefined;
      const { on, forMs } = wave(level.pulse, since, now);
      try {
        await this.#limited(level.action.set(on));
        health.up(`action ${id}`);
        backoff.reset();
      } catch (error) {
        health.down(`action ${id}`, `${messageOf(error)}; trying again`);
        await this.#sleep(id, backoff.next(), signal, false);
        continue;
      }
      await this.#sleep(id, Math.min(minLookMs, forMs), signal, false);
      await this.#sleep(id, Math.min(againMs, forMs) - (clock.monotonicMs() - now), signal, true);
    }
    await this.#limited(level.action.close()).catch((error: unknown) => {
      health.down(`action ${id}`, `it could not be left as its fail-safe says: ${messageOf(error)}`);
    });
  }

  async #limited(doing: Promise<void>): Promise<void> {
    const over = new AbortController();
    const tooLong = async (): Promise<void> => {
      await this.#parts.clock.sleep(timeoutMs, over.signal);
      if (!over.signal.aborted) throw new Error(`not done within ${formatDuration(timeoutMs)}`);
    };
    try {
      await Promise.race([doing, tooLong()]);
    } finally {
      over.abort();
    }
  }

  /** @param wakes whether a change ends it */
  async #sleep(id: string, ms: number, signal: AbortSignal, wakes: boolean): Promise<void> {
    if (signal.aborted || ms <= 0 || (wakes && this.#changed.has(id))) return;
    const wake = new AbortController();
    const stop = (): void => wake.abort();
    signal.addEventListener('abort', stop);
    if (wakes) this.#wake.set(id, stop);
    await this.#parts.clock.sleep(ms, wake.signal);
    this.#wake.delete(id);
    signal.removeEventListener('abort', stop);
  }
}

/** What a level that has been wanted since then is at this moment, and for how long. */
function wave(pulse: Pulse | undefined, since: number | undefined, now: number): { on: boolean; forMs: number } {
  if (since === undefined || pulse === undefined) return { on: since !== undefined, forMs: Infinity };
  const period = pulse.onMs + pulse.offMs;
  const place = (now - since) % period;
  return place < pulse.onMs ? { on: true, forMs: pulse.onMs - place } : { on: false, forMs: period - place };
}
