// Makes the devices of a scenario: each signal and each device gets a random stream of its own, named after it.

import { Device } from './device.ts';
import type { Truth } from './faults.ts';
import type { Voice } from './formats/voice.ts';
import { createRandom } from './random.ts';
import type { Band, Scenario } from './scenario.ts';
import type { LineBoard, Measuring } from './board-schema.ts';
import { createBandSignals, createSignal, quantityOf } from './signals/kinds.ts';
import type { Signal } from './signals/signal.ts';
import { Speaker } from './speaker.ts';

/** What all devices of one run share. */
export interface Run {
  readonly seed: number;
  /** Event time, epoch ms. */
  readonly startMs: number;
  /** Exclusive; Infinity for a run without an end. */
  readonly endMs: number;
  readonly faults: Scenario['faults'];
  readonly report: (truth: Truth) => void;
}

export function createBoard(name: string, { everyMs, signals }: Measuring, run: Run): Device {
  const made = Object.entries(signals).map(
    ([signal, { kind }]) => [signal, createSignal(kind, run.seed, `${name}/${signal}`, run.startMs)] as const,
  );
  return createDevice(name, everyMs, new Map(made), run);
}

function voiceOf(name: string, { format, framing, crc, signals }: LineBoard): Voice {
  const quantities = Object.entries(signals).map(([signal, { kind }]) => [signal, quantityOf[kind]] as const);
  return { board: name, format, framing, crc, quantities: Object.fromEntries(quantities) };
}

export function createSpeaker(name: string, board: LineBoard, { seed }: Run): Speaker {
  return new Speaker(voiceOf(name, board), createRandom(seed, `${name}/noise`));
}

export function createBand(name: string, { everyMs }: Band, run: Run): Device {
  return createDevice(name, everyMs, createBandSignals(run.seed, name, run.startMs), run);
}

function createDevice(name: string, everyMs: number, signals: ReadonlyMap<string, Signal>, run: Run): Device {
  return new Device({
    name,
    signals,
    everyMs,
    startMs: run.startMs,
    endMs: run.endMs,
    faults: run.faults.filter((fault) => fault.device === name),
    random: createRandom(run.seed, `${name}/garble`),
    report: run.report,
  });
}
