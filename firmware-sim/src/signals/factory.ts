// The chocolate line: tempering, cold store, compressed air, conveyor.
//
// The signals belong to one plant: the door that the contact reports is the one that lets warm, damp air into the cold
// store, and the batches that shake the conveyor also draw on the compressed air and cool the tempering outlet.

import type { Random } from '../random.ts';
import { dailyCycle, drift, firstOrderLag, ouNoise } from './dynamics.ts';
import { clamped, dayMs, rounded, type Signal } from './signal.ts';
import type { TwoState } from './two-state.ts';

/** Chocolate at the outlet of the tempering machine, °C. Dark chocolate is worked at 31 to 32 °C. */
export function tempering(random: Random, isRunning: TwoState): Signal {
  // The probe sits in a thin stream, so that it follows a stuck heating valve within seconds.
  const probe = firstOrderLag(2000);
  const throughput = firstOrderLag(90_000);
  const control = ouNoise(random, 0.06, 20_000);
  const ageing = drift(random, 0.02);
  return (atMs, heat) => {
    const cooledByFlow = throughput(isRunning(atMs) ? 0.12 : 0, atMs);
    const target = 31.5 + 0.1 * dailyCycle(atMs, 15) - cooledByFlow + heat;
    return rounded(probe(target, atMs) + control(atMs) + ageing(atMs) + 0.015 * random.gaussian(), 2);
  };
}

/** Air in the cold store, °C: a cooling unit that switches about every quarter of an hour, and the door. */
export function coldRoom(random: Random, isOpen: TwoState): Signal {
  const air = firstOrderLag(6 * 60_000);
  const probe = firstOrderLag(15_000);
  const noise = ouNoise(random, 0.05, 30_000);
  return (atMs, heat) => {
    const cooling = 0.4 * Math.sin((2 * Math.PI * atMs) / (15 * 60_000));
    const target = 16 + cooling + 0.3 * dailyCycle(atMs, 15) + (isOpen(atMs) ? 8 : 0);
    return rounded(probe(air(target, atMs) + heat, atMs) + noise(atMs), 2);
  };
}

/** Relative humidity in the cold store, %: rises while the door is open and is slow to fall. */
export function humidity(random: Random, isOpen: TwoState): Signal {
  const air = firstOrderLag(2 * 60_000);
  const noise = ouNoise(random, 0.4, 60_000);
  const ageing = drift(random, 0.3);
  return (atMs) => {
    const target = 55 + 3 * dailyCycle(atMs, 4) + (isOpen(atMs) ? 25 : 0);
    return rounded(clamped(air(target, atMs) + noise(atMs) + ageing(atMs), 0, 100), 1);
  };
}

/** Compressed air on the line, bar: sags under load, ripples with the compressor. */
export function pressure(random: Random, isRunning: TwoState): Signal {
  const load = firstOrderLag(4000);
  const noise = ouNoise(random, 0.03, 2000);
  const leak = drift(random, 0.05);
  return (atMs) => {
    const ripple = 0.08 * Math.sin((2 * Math.PI * atMs) / 45_000);
    const value = 6.2 - load(isRunning(atMs) ? 0.35 : 0, atMs) + ripple + noise(atMs) + leak(atMs);
    return rounded(Math.max(value, 0), 3);
  };
}

/** Conveyor vibration, mm/s RMS: near nothing while it stands, and under load rising a few percent a day as the bearing wears. */
export function vibration(random: Random, isRunning: TwoState, startMs: number): Signal {
  const load = firstOrderLag(1500);
  const roughness = ouNoise(random, 0.08, 800);
  return (atMs) => {
    const wear = Math.exp((0.04 * (atMs - startMs)) / dayMs);
    const level = 0.35 + load(isRunning(atMs) ? 2 * wear : 0, atMs);
    // The noise of an RMS grows with its level and never makes it negative.
    return rounded(level * Math.exp(roughness(atMs) + 0.03 * random.gaussian()), 3);
  };
}
