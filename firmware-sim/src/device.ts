// One simulated device: its signals sampled at their times, with the faults that hold at that moment.
//
// Pure: the same signals, faults and random stream give the same snapshots, in however many steps the time is taken.

import { FaultTrack, type Truth } from './faults.ts';
import type { Random } from './random.ts';
import type { Fault } from './scenario.ts';
import { SensorFaults } from './sensor-faults.ts';
import type { Signal } from './signals/signal.ts';

/**
 * Why a correct agent refuses a reading. Where several hold, the first of this order counts: a garbled line cannot be
 * read at all, and a reading with an impossible time is refused before its value is looked at.
 */
export const badReasons = ['malformed', 'future', 'out_of_range'] as const;
export type BadReason = (typeof badReasons)[number];

/** A reading whose time is further ahead than this cannot be true: a gateway stamps it with its own time, or refuses it. */
const futureMs = 5 * 60_000;

export interface SampledValue {
  readonly signal: string;
  readonly value: number;
  readonly bad?: BadReason;
}

/** What a device measured at one time. */
export interface Snapshot {
  /** The time the device claims: epoch ms, wrong while its clock is ahead. */
  readonly timeMs: number;
  readonly values: readonly SampledValue[];
  /** When its line was garbled: how many characters of it survived. */
  readonly garbledAfter?: number;
}

export interface DeviceParts {
  readonly signals: ReadonlyMap<string, Signal>;
  readonly everyMs: number;
  readonly startMs: number;
  /** Exclusive; Infinity for a device that runs until it is stopped. */
  readonly endMs: number;
  readonly faults: readonly Fault[];
  readonly random: Random;
  readonly report: (truth: Truth) => void;
}

export class Device {
  readonly #parts: DeviceParts;
  readonly #overheats: readonly FaultTrack<FaultOf<'overheat'>>[];
  readonly #dropouts: readonly FaultTrack<FaultOf<'dropout'>>[];
  readonly #garbles: readonly FaultTrack<FaultOf<'garble'>>[];
  readonly #clocksAhead: readonly FaultTrack<FaultOf<'clock-ahead'>>[];
  readonly #sensor: SensorFaults;
  #taken = 0;

  constructor(parts: DeviceParts) {
    this.#parts = parts;
    this.#overheats = tracks(parts, 'overheat');
    this.#dropouts = tracks(parts, 'dropout');
    this.#garbles = tracks(parts, 'garble');
    this.#clocksAhead = tracks(parts, 'clock-ahead');
    this.#sensor = new SensorFaults(parts.faults, parts.startMs, parts.random, parts.report);
  }

  /** Event time of the next snapshot; Infinity after the end. */
  get nextMs(): number {
    const nextMs = this.#parts.startMs + this.#taken * this.#parts.everyMs;
    return nextMs < this.#parts.endMs ? nextMs : Infinity;
  }

  /** The snapshots due up to and including `untilMs`, at most `limit`. Call again while `nextMs` is not past it. */
  step(untilMs: number, limit: number): Snapshot[] {
    const snapshots: Snapshot[] = [];
    for (let atMs = this.nextMs; atMs <= untilMs && snapshots.length < limit; atMs = this.nextMs) {
      this.#taken++;
      const snapshot = this.#sample(atMs);
      if (snapshot !== undefined) snapshots.push(snapshot);
    }
    return snapshots;
  }

  /** Ends the run: the truth about faults that still hold is reported. */
  close(atMs: number): void {
    const all = [this.#overheats, this.#dropouts, this.#garbles, this.#clocksAhead];
    for (const track of all.flat()) track.close(atMs);
    this.#sensor.close(atMs);
  }

  #sample(atMs: number): Snapshot | undefined {
    const overheats = holding(this.#overheats, atMs);
    // The plant goes on while a device is silent, so its signals are sampled before anything is held back.
    const measured = [...this.#parts.signals].map(([signal, sample]) => {
      const heats = overheats.filter(({ fault }) => fault.signal === signal);
      return { signal, value: sample(atMs, sum(heats.map(({ fault }) => fault.byDegrees))) };
    });
    const dropouts = holding(this.#dropouts, atMs);
    for (const track of dropouts) track.affect(measured.length);
    if (dropouts.length > 0) return undefined;
    if (holding(this.#garbles, atMs).length > 0) {
      return { timeMs: atMs, values: measured, garbledAfter: 1 + Math.floor(12 * this.#parts.random.uniform()) };
    }
    const clocksAhead = holding(this.#clocksAhead, atMs);
    for (const track of clocksAhead) track.affect(measured.length);
    for (const track of overheats) track.affect(1);
    const aheadMs = sum(clocksAhead.map(({ fault }) => fault.byMs));
    const values = this.#withSensorFaults(measured, atMs);
    return {
      timeMs: atMs + aheadMs,
      values: aheadMs > futureMs ? values.map((value) => ({ ...value, bad: 'future' })) : values,
    };
  }

  #withSensorFaults(measured: readonly SampledValue[], atMs: number): SampledValue[] {
    return this.#sensor
      .apply(measured, atMs)
      .map(({ signal, value, isImpossible }) => ({ signal, value, ...(isImpossible ? { bad: 'out_of_range' } : {}) }));
  }
}

type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>;

function tracks<Kind extends Fault['kind']>(parts: DeviceParts, kind: Kind): FaultTrack<FaultOf<Kind>>[] {
  return parts.faults
    .filter((fault): fault is FaultOf<Kind> => fault.kind === kind)
    .map((fault) => new FaultTrack(fault, parts.startMs, parts.report));
}

function holding<Track extends FaultTrack>(all: readonly Track[], atMs: number): Track[] {
  return all.filter((track) => track.holds(atMs));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
