// Processes that are either on or off: a door, a conveyor with its batches, a person's walks.
//
// The moments of change are drawn one after the other from the process's own stream, never from the sampling, so
// everyone who holds the same seed sees the same door open at the same moment, however often they look.

import type { Random } from '../random.ts';
import { clamped, dayMs, hourMs, type Signal } from './signal.ts';

/** @returns whether the process is on; calls must not go back in time */
export type TwoState = (atMs: number) => boolean;

/** @param spellMs how long the spell that begins now lasts */
export function twoState(startMs: number, spellMs: (on: boolean, fromMs: number) => number): TwoState {
  let on = false;
  let untilMs = startMs + spellMs(on, startMs);
  return (atMs) => {
    while (atMs >= untilMs) {
      on = !on;
      untilMs += spellMs(on, untilMs);
    }
    return on;
  };
}

/** A cold-store door: closed for about a minute, then open for some 8 s, now and then for a pallet's half minute. */
export function doorOpenings(random: Random, startMs: number): TwoState {
  return twoState(startMs, (open) =>
    open ? clamped(8000 * Math.exp(0.6 * random.gaussian()), 2000, 40_000) : 4000 + random.exponential(45_000),
  );
}

/** A conveyor: batches of a few minutes with short pauses between them. The line starts paused. */
export function batches(random: Random, startMs: number): TwoState {
  return twoState(startMs, (running) =>
    running ? 120_000 + random.exponential(180_000) : 3000 + random.exponential(20_000),
  );
}

/** A person's walks: some minutes long, about twice an hour by day, none between 22 and 6 o'clock (UTC). */
export function walks(random: Random, startMs: number): TwoState {
  return twoState(startMs, (walking, fromMs) => {
    if (walking) return 60_000 + random.exponential(5 * 60_000);
    const restMs = 20_000 + random.exponential(25 * 60_000);
    const hour = ((fromMs + restMs) % dayMs) / hourMs;
    const untilMorning = hour >= 22 ? 30 - hour : hour < 6 ? 6 - hour : 0;
    return restMs + untilMorning * hourMs;
  });
}

/** A door contact prints 1 while the door is open. */
export function doorContact(isOpen: TwoState): Signal {
  return (atMs) => (isOpen(atMs) ? 1 : 0);
}
