// What time a device claims it is: right, ahead, or counted from 1970 because nobody has told it the time.

import { affecting, type FaultParts, type FaultOf, type FaultTrack, tracksOf } from './faults.ts';

/** From when it was switched on without the time until somebody sets it. */
interface Lost {
  readonly sinceMs: number;
  readonly untilMs: number;
  readings: number;
}

export class DeviceClock {
  readonly #device: string;
  readonly #report: FaultParts['report'];
  readonly #aheads: readonly FaultTrack<FaultOf<'clock-ahead'>>[];
  readonly #resets: readonly FaultTrack<FaultOf<'time-reset'>>[];
  #lost: Lost | undefined;

  constructor(device: string, parts: FaultParts) {
    this.#device = device;
    this.#report = parts.report;
    this.#aheads = tracksOf(parts, 'clock-ahead');
    this.#resets = tracksOf(parts, 'time-reset');
  }

  /** The device has started without knowing the time. @param untilMs when it is told; Infinity for never */
  lose(atMs: number, untilMs: number): void {
    this.#find(atMs);
    this.#lost = { sinceMs: atMs, untilMs, readings: 0 };
  }

  /** @param readings how many are stamped with it @returns epoch ms */
  read(atMs: number, readings: number): number {
    if (this.#lost !== undefined && atMs >= this.#lost.untilMs) this.#find(atMs);
    if (this.#lost !== undefined) this.#lost.readings += readings;
    const [reset] = affecting(this.#resets, atMs, readings);
    const aheads = affecting(this.#aheads, atMs, readings);
    const baseMs = reset?.elapsedMs(atMs) ?? (this.#lost === undefined ? atMs : atMs - this.#lost.sinceMs);
    return aheads.reduce((timeMs, { fault }) => timeMs + fault.byMs, baseMs);
  }

  close(atMs: number): void {
    for (const track of [...this.#aheads, ...this.#resets]) track.close(atMs);
    this.#find(atMs);
  }

  #find(atMs: number): void {
    if (this.#lost === undefined) return;
    const { sinceMs, untilMs, readings } = this.#lost;
    this.#report({
      device: this.#device,
      kind: 'time-reset',
      start: sinceMs,
      end: Math.min(untilMs, atMs),
      readings,
    });
    this.#lost = undefined;
  }
}
