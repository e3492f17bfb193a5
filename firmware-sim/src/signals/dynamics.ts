// The building blocks of plausible signals: inertia, daily cycle, noise and drift.
//
// All of them use the exact solution over the time since the last sample, so a signal sampled every 50 ms and one
// sampled every minute have the same statistics.

import type { Random } from '../random.ts';
import { dayMs, hourMs } from './signal.ts';

/** First-order lag: approaches its target with the time constant `tauMs`. The first sample is the target itself. */
export function firstOrderLag(tauMs: number): (target: number, atMs: number) => number {
  let value: number | undefined;
  let lastMs = 0;
  return (target, atMs) => {
    value = value === undefined ? target : target + (value - target) * Math.exp(-(atMs - lastMs) / tauMs);
    lastMs = atMs;
    return value;
  };
}

/** A sinusoid on the time of day (UTC): 1 at `peakHour`, -1 twelve hours later. */
export function dailyCycle(atMs: number, peakHour: number): number {
  return Math.cos((2 * Math.PI * (atMs - peakHour * hourMs)) / dayMs);
}

/**
 * Ornstein-Uhlenbeck noise: mean 0, standard deviation `sigma`, remembered for about `tauMs`.
 * Exact update after D. T. Gillespie, "Exact numerical simulation of the Ornstein-Uhlenbeck process", 1996.
 */
export function ouNoise(random: Random, sigma: number, tauMs: number): (atMs: number) => number {
  let value = sigma * random.gaussian();
  let lastMs: number | undefined;
  return (atMs) => {
    const kept = Math.exp(-(atMs - (lastMs ?? atMs)) / tauMs);
    value = value * kept + sigma * Math.sqrt(1 - kept * kept) * random.gaussian();
    lastMs = atMs;
    return value;
  };
}

/** Slow drift of a sensor: starts at 0, wanders by about `perDay` in a day and stays within a few times that. */
export function drift(random: Random, perDay: number): (atMs: number) => number {
  const tauMs = 3 * dayMs;
  const wander = ouNoise(random, perDay * Math.sqrt(tauMs / (2 * dayMs)), tauMs);
  let startValue: number | undefined;
  return (atMs) => {
    const value = wander(atMs);
    startValue ??= value;
    return value - startValue;
  };
}
