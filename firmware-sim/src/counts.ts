// What has been sent, and how much of it a correct agent must refuse, or cannot take as it is said.

import type { BadReason } from './device.ts';
import type { Said } from './frames.ts';

export interface Counts {
  /** Good and bad ones: one value of one signal at one time each; a garbled line is one. */
  readonly readings: number;
  readonly bad: Readonly<Record<BadReason, number>>;
  /** Lines, or other frames, that boards printed, also those that cannot be read. */
  readonly lines: number;
  /** MQTT messages that the broker acknowledged. */
  readonly messages: number;
  /** Questions that Modbus slaves and things answered, also with an exception, and values they pushed. */
  readonly answers: number;
}

export class Tally {
  #readings = 0;
  readonly #bad: Record<BadReason, number> = { malformed: 0, future: 0, unset: 0, out_of_range: 0, repeated: 0 };
  #lines = 0;
  #messages = 0;
  #answers = 0;

  addLines(frames: readonly Said[]): void {
    // Noise without an ending is no frame of its own.
    this.#lines += frames.filter(({ readings }) => readings > 0).length;
    this.#add(frames);
  }

  addMessages(messages: readonly Said[]): void {
    this.#messages += messages.length;
    this.#add(messages);
  }

  addAnswer(said: Said): void {
    this.#answers++;
    this.#add([said]);
  }

  counts(): Counts {
    const [lines, messages, answers] = [this.#lines, this.#messages, this.#answers];
    return { readings: this.#readings, bad: { ...this.#bad }, lines, messages, answers };
  }

  #add(all: readonly Said[]): void {
    for (const { readings, bad } of all) {
      this.#readings += readings;
      for (const reason of bad) this.#bad[reason]++;
    }
  }
}
