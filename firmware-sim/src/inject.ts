// Faults in a recording: the same rows, as a broken sensor and a bad link would have left them.

import type { Row } from './csv-rows.ts';
import { type FaultOf, FaultTrack, type Truth } from './faults.ts';
import type { Random } from './random.ts';
import type { Fault } from './fault-schema.ts';
import { isSensorFault, type SensorFault, SensorFaults } from './sensor-faults.ts';

/** Faults a recording can have: those of a sensor, and that nothing comes. */
export type InjectedFault = SensorFault | FaultOf<'dropout'>;

export function canBeInjected(fault: Fault): fault is InjectedFault {
  return isSensorFault(fault) || fault.kind === 'dropout';
}

/** Pure: the same rows, faults and random stream give the same rows. Times of faults count from the first row. */
export class Injector {
  readonly #faults: readonly InjectedFault[];
  readonly #random: Random;
  readonly #report: (truth: Truth) => void;
  #sensor: SensorFaults | undefined;
  #dropouts: readonly FaultTrack[] = [];
  #lastMs = NaN;

  /** @param report hears of each fault when it is over */
  constructor(faults: readonly InjectedFault[], random: Random, report: (truth: Truth) => void) {
    this.#faults = faults;
    this.#random = random;
    this.#report = report;
  }

  /** @param row not before the one before @returns undefined where the link has lost it */
  apply({ timeMs, values }: Row): Row | undefined {
    this.#lastMs = timeMs;
    const sensor = (this.#sensor ??= this.#begin(timeMs));
    const measured = Object.entries(values).map(([signal, value]) => ({ signal, value }));
    const shown = sensor.apply(measured, timeMs);
    const holding = this.#dropouts.filter((track) => track.holds(timeMs));
    for (const track of holding) track.affect(measured.length);
    if (holding.length > 0) return undefined;
    return { timeMs, values: Object.fromEntries(shown.map(({ signal, value }) => [signal, value])) };
  }

  /** There are no more rows: faults that still hold end with the last. */
  close(): void {
    for (const track of this.#dropouts) track.close(this.#lastMs);
    this.#sensor?.close(this.#lastMs);
  }

  #begin(startMs: number): SensorFaults {
    const dropouts = this.#faults.filter(({ kind }) => kind === 'dropout');
    this.#dropouts = dropouts.map((fault) => new FaultTrack(fault, startMs, this.#report));
    return new SensorFaults(this.#faults, startMs, this.#random, this.#report);
  }
}
