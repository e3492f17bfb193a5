// What a wristband measures: heart rate and steps of one person, tied together by when that person walks.

import type { Random } from '../random.ts';
import { dailyCycle, firstOrderLag, ouNoise } from './dynamics.ts';
import { clamped, dayMs, hourMs, type Signal } from './signal.ts';
import type { TwoState } from './two-state.ts';

/** Heart rate, beats per minute: lowest around 4 o'clock, climbing within half a minute of walking, with beat-to-beat variation. */
export function heartRate(random: Random, isWalking: TwoState): Signal {
  const resting = 60 + 4 * random.gaussian();
  const effort = firstOrderLag(30_000);
  const variability = ouNoise(random, 2.2, 5000);
  const mood = ouNoise(random, 3, 10 * 60_000);
  return (atMs) => {
    const base = clamped(resting, 48, 74) + 6 * dailyCycle(atMs, 16);
    const value = base + effort(isWalking(atMs) ? 42 : 0, atMs) + variability(atMs) + mood(atMs);
    return Math.round(clamped(value, 38, 190));
  };
}

/** Steps since midnight (UTC): only rises, with about 110 steps in a minute of walking, and starts again at 0. */
export function steps(random: Random, isWalking: TwoState): Signal {
  const cadence = ouNoise(random, 8, 20_000);
  const stepsADay = clamped(7000 + 2000 * random.gaussian(), 2000, 14_000);
  let count = 0;
  let lastMs: number | undefined;
  return (atMs) => {
    const midnightMs = atMs - (atMs % dayMs);
    // A band that is switched on at noon has been worn since the morning.
    if (lastMs === undefined)
      count = (stepsADay * clamped(atMs - midnightMs - 6 * hourMs, 0, 16 * hourMs)) / (16 * hourMs);
    else if (midnightMs > lastMs) {
      count = 0;
      lastMs = midnightMs;
    }
    const perMinute = Math.max(110 + cadence(atMs), 0);
    if (isWalking(atMs)) count += (perMinute * (atMs - (lastMs ?? atMs))) / 60_000;
    lastMs = atMs;
    return Math.floor(count);
  };
}
