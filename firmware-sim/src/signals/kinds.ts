// The kinds of signals a scenario may ask for: one line a kind.

import { createRandom, type Random } from '../random.ts';
import { coldRoom, humidity, pressure, tempering, vibration } from './factory.ts';
import type { Signal } from './signal.ts';
import { batches, doorContact, doorOpenings, type TwoState, walks } from './two-state.ts';
import { heartRate, steps } from './wearable.ts';

/** What the signals of one plant share. Each call gives a process of its own that changes at the same moments. */
interface Plant {
  readonly startMs: number;
  doorIsOpen(): TwoState;
  conveyorRuns(): TwoState;
}

export const signalKinds = ['tempering', 'coldroom', 'humidity', 'pressure', 'vibration', 'door'] as const;
export type SignalKind = (typeof signalKinds)[number];

/** What is measured, for formats that say it. */
export type Quantity = 'temperature' | 'humidity' | 'pressure' | 'velocity' | 'state';

/** Temperatures in °C, humidity in %, pressure in bar, velocity in mm/s. */
export const quantityOf: Readonly<Record<SignalKind, Quantity>> = {
  tempering: 'temperature',
  coldroom: 'temperature',
  humidity: 'humidity',
  pressure: 'pressure',
  vibration: 'velocity',
  door: 'state',
};

const makers: Readonly<Record<SignalKind, (random: Random, plant: Plant) => Signal>> = {
  tempering: (random, plant) => tempering(random, plant.conveyorRuns()),
  coldroom: (random, plant) => coldRoom(random, plant.doorIsOpen()),
  humidity: (random, plant) => humidity(random, plant.doorIsOpen()),
  pressure: (random, plant) => pressure(random, plant.conveyorRuns()),
  vibration: (random, plant) => vibration(random, plant.conveyorRuns(), plant.startMs),
  door: (_random, plant) => doorContact(plant.doorIsOpen()),
};

/** The kinds that an overheat can drive. */
export const temperatureKinds: readonly SignalKind[] = ['tempering', 'coldroom'];

export const bandSignals = ['hr', 'steps'] as const;

/** @param where `board/signal`, the name of the signal's random stream */
export function createSignal(kind: SignalKind, seed: number, where: string, startMs: number): Signal {
  return makers[kind](createRandom(seed, where), {
    startMs,
    doorIsOpen: () => doorOpenings(createRandom(seed, 'plant/door'), startMs),
    conveyorRuns: () => batches(createRandom(seed, 'plant/batches'), startMs),
  });
}

export function createBandSignals(seed: number, band: string, startMs: number): ReadonlyMap<string, Signal> {
  const isWalking = (): TwoState => walks(createRandom(seed, `${band}/walks`), startMs);
  return new Map([
    ['hr', heartRate(createRandom(seed, `${band}/hr`), isWalking())],
    ['steps', steps(createRandom(seed, `${band}/steps`), isWalking())],
  ]);
}
