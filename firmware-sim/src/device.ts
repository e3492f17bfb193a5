// One simulated device: its signals sampled at their times, with the faults that hold at that moment.
//
// Pure: the same signals, faults and random stream give the same snapshots, in however many steps the time is taken.

import { DeviceClock } from './device-clock.ts';
import { affecting, type FaultOf, type FaultTrack, holding, tracksOf, type Truth } from './faults.ts';
import { type LineMishaps, MishapTracks } from './line-mishaps.ts';
import type { Random } from './random.ts';
import type { Fault } from './fault-schema.ts';
import { SensorFaults } from './sensor-faults.ts';
import type { Signal } from './signals/signal.ts';

/**
 * Why a correct agent refuses a reading, or does not take it as it is said. Where several hold, the first of this order counts:
 * a garbled line cannot be read at all, and a reading with an impossible time is seen before its value is looked at.
 *
 * - `future`, `unset`: the time is more than 5 min ahead, or before 2000. An agent stamps it with its own time, or refuses it.
 * - `repeated`: said before. An agent refuses it where its gateway file says that the signal repeats, and else takes it twice.
 */
export const badReasons = ['malformed', 'future', 'unset', 'out_of_range', 'repeated'] as const;
export type BadReason = (typeof badReasons)[number];

const futureMs = 5 * 60_000;
const year2000Ms = Date.UTC(2000, 0, 1);

export interface SampledValue {
  readonly signal: string;
  readonly value: number;
  readonly bad?: 'out_of_range';
}

/** What a device measured at one time. */
export interface Snapshot {
  /** The time the device claims: epoch ms, wrong while its clock is. */
  readonly timeMs: number;
  /** What is wrong with that time. */
  readonly badTime?: 'future' | 'unset';
  readonly values: readonly SampledValue[];
  /** It has been said before. */
  readonly isRepeat?: true;
  /** When its line was garbled: how many characters of it survived. */
  readonly garbledAfter?: number;
  readonly line?: LineMishaps;
}

export interface DeviceParts {
  readonly name: string;
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
  readonly #reboots: readonly FaultTrack<FaultOf<'reboot'>>[];
  readonly #garbles: readonly FaultTrack<FaultOf<'garble'>>[];
  readonly #duplicates: readonly FaultTrack<FaultOf<'duplicate'>>[];
  readonly #delays: readonly FaultTrack<FaultOf<'delay'>>[];
  readonly #unplugs: readonly FaultTrack<FaultOf<'unplug'>>[];
  readonly #mishaps: MishapTracks;
  readonly #clock: DeviceClock;
  readonly #sensor: SensorFaults;
  /** What a delay holds back; scenario.ts bounds it. */
  readonly #held: Snapshot[] = [];
  /** The reboot the device is in. */
  #down: FaultOf<'reboot'> | undefined;
  #taken = 0;

  constructor(parts: DeviceParts) {
    this.#parts = parts;
    this.#overheats = tracksOf(parts, 'overheat');
    this.#dropouts = tracksOf(parts, 'dropout');
    this.#reboots = tracksOf(parts, 'reboot');
    this.#garbles = tracksOf(parts, 'garble');
    this.#duplicates = tracksOf(parts, 'duplicate');
    this.#delays = tracksOf(parts, 'delay');
    this.#unplugs = tracksOf(parts, 'unplug');
    this.#mishaps = new MishapTracks(parts);
    this.#clock = new DeviceClock(parts.name, parts);
    this.#sensor = new SensorFaults(parts.faults, parts.startMs, parts.random, parts.report);
  }

  /** Event time of the next snapshot; Infinity after the end. */
  get nextMs(): number {
    const nextMs = this.#parts.startMs + this.#taken * this.#parts.everyMs;
    return nextMs < this.#parts.endMs ? nextMs : Infinity;
  }

  /**
   * The snapshots due up to and including `untilMs`, at most `limit` and what was held back until then. Call again while
   * `nextMs` is not past it.
   */
  step(untilMs: number, limit: number): Snapshot[] {
    const snapshots: Snapshot[] = [];
    for (let atMs = this.nextMs; atMs <= untilMs && snapshots.length < limit; atMs = this.nextMs) {
      this.#taken++;
      snapshots.push(...this.#sample(atMs));
    }
    return snapshots;
  }

  /** Ends the run: the truth about faults that still hold is reported. @returns what is held back */
  close(atMs: number): Snapshot[] {
    const all = [this.#overheats, this.#dropouts, this.#reboots, this.#garbles, this.#duplicates, this.#delays];
    for (const track of [...all, this.#unplugs].flat()) track.close(atMs);
    for (const part of [this.#mishaps, this.#clock, this.#sensor]) part.close(atMs);
    return this.#held.splice(0);
  }

  #sample(atMs: number): Snapshot[] {
    const overheats = holding(this.#overheats, atMs);
    // The plant goes on while a device is silent, so its signals are sampled before anything is held back.
    const measured = [...this.#parts.signals].map(([signal, sample]) => {
      const heats = overheats.filter(({ fault }) => fault.signal === signal);
      return { signal, value: sample(atMs, sum(heats.map(({ fault }) => fault.byDegrees))) };
    });
    const said = this.#say(measured, atMs, overheats);
    if (affecting(this.#delays, atMs, countOf(said)).length > 0) {
      this.#held.push(...said);
      return [];
    }
    const sent = [...this.#held.splice(0), ...said];
    if (affecting(this.#unplugs, atMs, countOf(sent)).length === 0) return sent;
    return sent.map((snapshot) => ({ ...snapshot, line: { ...snapshot.line, isUnplugged: true } }));
  }

  /** What the device says of what it measured: nothing, or one snapshot, or the same one twice. */
  #say(measured: readonly SampledValue[], atMs: number, overheats: readonly FaultTrack[]): Snapshot[] {
    const reboot = this.#reboot(atMs, measured.length);
    if (reboot === 'down') return [];
    if (affecting(this.#dropouts, atMs, measured.length).length > 0) return [];
    if (reboot === 'falls') return [{ timeMs: atMs, values: measured, line: { tornAfter: this.#someCharacters() } }];
    const boot = reboot === 'boots' ? { isBoot: true as const } : undefined;
    if (holding(this.#garbles, atMs).length > 0) {
      const garbled = { timeMs: atMs, values: measured, garbledAfter: this.#someCharacters() };
      return [boot === undefined ? garbled : { ...garbled, line: boot }];
    }
    for (const track of overheats) track.affect(1);
    const mishaps = this.#mishaps.at(atMs, measured.length);
    const snapshot: Snapshot = {
      ...claim(this.#clock.read(atMs, measured.length), atMs),
      values: this.#withSensorFaults(measured, atMs),
      ...(boot === undefined && mishaps === undefined ? {} : { line: { ...boot, ...mishaps } }),
    };
    const repeats = affecting(this.#duplicates, atMs, measured.length).length > 0;
    return repeats ? [snapshot, repeatOf(snapshot)] : [snapshot];
  }

  #reboot(atMs: number, readings: number): 'up' | 'falls' | 'down' | 'boots' {
    const before = this.#down;
    this.#down = affecting(this.#reboots, atMs, readings)[0]?.fault;
    if (this.#down !== undefined) return before === undefined ? 'falls' : 'down';
    if (before === undefined) return 'up';
    if (before.clock === 'reset') this.#clock.lose(atMs, atMs + (before.resyncMs ?? Infinity));
    return 'boots';
  }

  /** Fewer than the time takes. */
  #someCharacters(): number {
    return 1 + Math.floor(12 * this.#parts.random.uniform());
  }

  #withSensorFaults(measured: readonly SampledValue[], atMs: number): SampledValue[] {
    return this.#sensor
      .apply(measured, atMs)
      .map(({ signal, value, isImpossible }) => ({ signal, value, ...(isImpossible ? { bad: 'out_of_range' } : {}) }));
  }
}

function claim(timeMs: number, atMs: number): Pick<Snapshot, 'timeMs' | 'badTime'> {
  if (timeMs - atMs > futureMs) return { timeMs, badTime: 'future' };
  return timeMs < year2000Ms ? { timeMs, badTime: 'unset' } : { timeMs };
}

/** Whatever comes before a line comes once. */
function repeatOf({ line, ...said }: Snapshot): Snapshot {
  const { isCheckWrong, isNoise } = line ?? {};
  return {
    ...said,
    isRepeat: true,
    line: { ...(isCheckWrong === true ? { isCheckWrong } : {}), ...(isNoise === true ? { isNoise } : {}) },
  };
}

function countOf(snapshots: readonly Snapshot[]): number {
  return sum(snapshots.map(({ values }) => values.length));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
