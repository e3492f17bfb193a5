// A device that says nothing by itself and is asked instead: what it measured last, and what becomes of a question.

import type { BadReason, SampledValue, Snapshot } from './device.ts';
import { affecting, type FaultOf, type FaultParts, type FaultTrack, tracksOf } from './faults.ts';
import type { Said } from './frames.ts';

/** What the device does with one question. */
export interface Fate {
  /** It is dead: nobody hears from it. */
  readonly isSilent: boolean;
  /** It answers that it cannot, with this code. */
  readonly exception: number | undefined;
  readonly delayMs: number;
  readonly isCheckWrong: boolean;
}

export class AskedDevice {
  readonly #noAnswers: readonly FaultTrack<FaultOf<'no-answer'>>[];
  readonly #slows: readonly FaultTrack<FaultOf<'slow-answer'>>[];
  readonly #exceptions: readonly FaultTrack<FaultOf<'exception'>>[];
  readonly #badCrcs: readonly FaultTrack<FaultOf<'bad-crc'>>[];
  readonly #listeners = new Set<() => void>();
  #values = new Map<string, SampledValue>();

  constructor(parts: FaultParts) {
    this.#noAnswers = tracksOf(parts, 'no-answer');
    this.#slows = tracksOf(parts, 'slow-answer');
    this.#exceptions = tracksOf(parts, 'exception');
    this.#badCrcs = tracksOf(parts, 'bad-crc');
  }

  measured(snapshots: readonly Snapshot[]): void {
    const last = snapshots.at(-1);
    if (last === undefined) return;
    this.#values = new Map(last.values.map((value) => [value.signal, value]));
    for (const listener of this.#listeners) listener();
  }

  /** @returns undefined before anything was measured */
  value(signal: string): SampledValue | undefined {
    return this.#values.get(signal);
  }

  /** Hears of each measurement. @returns how to stop that */
  onMeasured(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @param atMs event time of the question, not before the one before @param readings asked for */
  fate(atMs: number, readings: number): Fate {
    const isSilent = affecting(this.#noAnswers, atMs, readings).length > 0;
    const [exception] = isSilent ? [] : affecting(this.#exceptions, atMs, readings);
    const isAnswered = !isSilent && exception === undefined;
    const slows = isAnswered ? affecting(this.#slows, atMs, readings) : [];
    const badCrcs = isAnswered ? affecting(this.#badCrcs, atMs, readings) : [];
    return {
      isSilent,
      exception: exception?.fault.code,
      delayMs: slows.reduce((sum, { fault }) => sum + fault.byMs, 0),
      isCheckWrong: badCrcs.length > 0,
    };
  }

  close(atMs: number): void {
    for (const track of [...this.#noAnswers, ...this.#slows, ...this.#exceptions, ...this.#badCrcs]) track.close(atMs);
  }
}

/** What an answer is worth to whoever asked. */
export function answered(values: readonly SampledValue[]): Said {
  return { readings: values.length, bad: values.flatMap(({ bad }): BadReason[] => (bad === undefined ? [] : [bad])) };
}
