// What a broken sensor makes of what it measures: it sticks, jumps, is off, drifts away, trembles. Pure: the same values and
// random stream give the same.

import { FaultTrack, type Truth } from './faults.ts';
import type { Random } from './random.ts';
import type { Fault } from './fault-schema.ts';

export const sensorFaultKinds = ['stuck', 'spike', 'offset', 'drift', 'noise'] as const;

export type SensorFault = Extract<Fault, { kind: (typeof sensorFaultKinds)[number] }>;

export interface Faulty {
  readonly value: number;
  /** It is no value the signal could have, and whoever knows its range refuses it. */
  readonly isImpossible: boolean;
}

export class SensorFaults {
  readonly #tracks: readonly FaultTrack<SensorFault>[];
  readonly #random: Random;
  /** What each signal printed last while it was not stuck. */
  readonly #lastMoving = new Map<string, number>();
  /** As many as a sensor prints. */
  readonly #decimals = new Map<string, number>();

  /** @param startMs what the times of faults count from, epoch ms */
  constructor(faults: readonly Fault[], startMs: number, random: Random, report: (truth: Truth) => void) {
    this.#tracks = faults.filter(isSensorFault).map((fault) => new FaultTrack(fault, startMs, report));
    this.#random = random;
  }

  /** What the signals show of what they measure at one time; times must not go back. */
  apply<Measured extends { readonly signal: string; readonly value: number }>(
    measured: readonly Measured[],
    atMs: number,
  ): (Measured & Faulty)[] {
    const holding = this.#tracks.filter((track) => track.holds(atMs));
    for (const track of holding) track.affect(measured.filter(({ signal }) => signal === track.fault.signal).length);
    return measured.map((one) => {
      const mine = holding.filter(({ fault }) => fault.signal === one.signal);
      return { ...one, ...this.#show(one.signal, one.value, mine, atMs) };
    });
  }

  close(atMs: number): void {
    for (const track of this.#tracks) track.close(atMs);
  }

  #show(signal: string, value: number, tracks: readonly FaultTrack<SensorFault>[], atMs: number): Faulty {
    const decimals = Math.max(this.#decimals.get(signal) ?? 0, decimalsOf(value));
    this.#decimals.set(signal, decimals);
    let shown = value;
    let isStuck = false;
    for (const track of tracks) {
      const { fault } = track;
      if (fault.kind === 'spike') return { value: fault.value, isImpossible: true };
      if (fault.kind === 'stuck') isStuck = true;
      else shown += this.#off(fault, track.share(atMs));
    }
    if (isStuck) return { value: this.#lastMoving.get(signal) ?? value, isImpossible: false };
    if (shown !== value) shown = Number(shown.toFixed(decimals));
    this.#lastMoving.set(signal, shown);
    return { value: shown, isImpossible: false };
  }

  /** @param share how much of the fault is over, 0 to 1 */
  #off(fault: Extract<SensorFault, { kind: 'offset' | 'drift' | 'noise' }>, share: number): number {
    if (fault.kind === 'noise') return fault.by * this.#random.gaussian();
    return fault.kind === 'drift' ? fault.by * share : fault.by;
  }
}

export function isSensorFault(fault: Fault): fault is SensorFault {
  return sensorFaultKinds.some((kind) => kind === fault.kind);
}

function decimalsOf(value: number): number {
  const text = String(value);
  const dot = text.indexOf('.');
  return dot < 0 || text.includes('e') ? 0 : text.length - dot - 1;
}
