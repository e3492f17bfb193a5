// Gathers the readings and dead letters of one delivery while a format decodes bytes into it.

import type { Quality } from '@weir/shared/model/quality.ts';
import type { DeadLetter, LossReason, Reading } from '@weir/shared/model/reading.ts';
import type { Router } from '../sources/router.ts';

/** As much of a bad input as is kept to show. */
const sampleLength = 200;

/** Words that stand for numbers, as the gateway file has them: `{ open: 1, closed: 0 }`. */
export type Words = Readonly<Record<string, number>>;

export class ReadingBatch {
  readings: Reading[] = [];
  deadLetters: DeadLetter[] = [];
  /** Wall clock when the bytes were read, epoch milliseconds. */
  readonly arrival: number;
  readonly #router: Router;
  readonly #source: string;
  readonly #words: Words | undefined;

  constructor(source: string, router: Router, arrival: number, words?: Words) {
    this.#source = source;
    this.#router = router;
    this.arrival = arrival;
    this.#words = words;
  }

  get size(): number {
    return this.readings.length + this.deadLetters.length;
  }

  takes(channel: string): boolean {
    return this.#router.takes(channel);
  }

  /** The number a word stands for. */
  word(text: string): number | undefined {
    return this.#words !== undefined && Object.hasOwn(this.#words, text) ? this.#words[text] : undefined;
  }

  /**
   * One value of one channel. What is not a finite number, or has no series, becomes a dead letter.
   * @param time event time, epoch milliseconds @param sample the input it came from, for the dead letter
   */
  value(
    device: string,
    channel: string,
    time: number,
    value: unknown,
    sample: string,
    quality: Quality = 'good',
  ): void {
    const number = this.#number(value);
    if (!Number.isFinite(number)) {
      this.dead('not_a_number', device, `"${channel}" is ${describe(value)}, not a number`, sample);
      return;
    }
    const series = this.#router.route(device, channel);
    if (typeof series === 'number') {
      this.readings.push({ series, time, value: number, quality });
    } else if (series === 'too_many_series') {
      this.dead(series, device, `no room for ${device}/${channel}: raise settings.maxSeries`, sample);
    } else this.dead('unmapped', device, `no signal takes ${this.#source}.${channel} of device "${device}"`, sample);
  }

  /** As `value`, of a format in which everything is text. */
  text(device: string, channel: string, time: number, text: string, sample: string, quality: Quality = 'good'): void {
    const number = Number(text);
    this.value(device, channel, time, Number.isNaN(number) ? text : number, sample, quality);
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

  #number(value: unknown): number {
    if (typeof value === 'number') return value;
    if (typeof value === 'boolean') return Number(value);
    if (typeof value === 'bigint') return Number(value);
    return typeof value === 'string' ? (this.word(value) ?? NaN) : NaN;
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number') return String(value);
  return (JSON.stringify(value) ?? typeof value).slice(0, 40);
}
