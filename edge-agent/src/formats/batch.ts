// Gathers the readings and dead letters of one delivery while a format decodes bytes into it.

import type { DeadLetter, LossReason, Reading } from '@weir/shared/model/reading.ts';
import type { Router } from '../sources/router.ts';

/** As much of a bad input as is kept to show. */
const sampleLength = 200;

export class ReadingBatch {
  readings: Reading[] = [];
  deadLetters: DeadLetter[] = [];
  /** Wall clock when the bytes were read, epoch milliseconds. */
  readonly arrival: number;
  readonly #router: Router;
  readonly #source: string;

  constructor(source: string, router: Router, arrival: number) {
    this.#source = source;
    this.#router = router;
    this.arrival = arrival;
  }

  get size(): number {
    return this.readings.length + this.deadLetters.length;
  }

  takes(channel: string): boolean {
    return this.#router.takes(channel);
  }

  /**
   * One value of one channel. What is not a finite number, or has no series, becomes a dead letter.
   * @param time event time, epoch milliseconds @param sample the input it came from, for the dead letter
   */
  value(device: string, channel: string, time: number, value: unknown, sample: string): void {
    const number = typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : NaN;
    if (!Number.isFinite(number)) {
      this.dead('not_a_number', device, `"${channel}" is ${describe(value)}, not a number`, sample);
      return;
    }
    const series = this.#router.route(device, channel);
    if (typeof series === 'number') {
      this.readings.push({ series, time, value: number, quality: 'good' });
    } else if (series === 'too_many_series') {
      this.dead(series, device, `no room for ${device}/${channel}: raise settings.maxSeries`, sample);
    } else this.dead('unmapped', device, `no signal takes ${this.#source}.${channel} of device "${device}"`, sample);
  }

  /**
   * Something that is no reading. @param device where it came from within the source: device or topic
   * @param count how many readings it stands for
   */
  dead(reason: LossReason, device: string, detail: string, sample: string, count = 1): void {
    const where = device === this.#source ? this.#source : `${this.#source} ${device}`;
    const letter = { reason, where, arrival: this.arrival, detail, sample: sample.slice(0, sampleLength) };
    this.deadLetters.push(count === 1 ? letter : { ...letter, count });
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number') return String(value);
  return (JSON.stringify(value) ?? typeof value).slice(0, 40);
}
