// What waits to be sent to the agent. It goes when the agent gives credit, a few hundred samples at a time; what comes while
// too much waits is not kept, and counted.

import type { FromChild, Sample } from './protocol.ts';

const maxWaiting = 5000;
const perMessage = 200;

interface Waiting extends Omit<Sample, 'ageMs'> {
  /** When it came in, by the same clock as `now`. */
  readonly at: number;
}

export class Outgoing {
  readonly #send: (message: FromChild) => void;
  readonly #now: () => number;
  readonly #max: number;
  #waiting: Waiting[] = [];
  #dropped = 0;
  #credits = 0;

  /** @param now milliseconds of a clock that does not jump */
  constructor(send: (message: FromChild) => void, now: () => number, max = maxWaiting) {
    this.#send = send;
    this.#now = now;
    this.#max = max;
  }

  /** Whether asking Things for more should wait. */
  get isFilling(): boolean {
    return this.#waiting.length > this.#max / 2;
  }

  add(sample: Omit<Sample, 'ageMs'>): void {
    if (this.#waiting.length >= this.#max) this.#dropped += 1;
    else this.#waiting.push({ ...sample, at: this.#now() });
    this.#flush();
  }

  credit(): void {
    this.#credits += 1;
    this.#flush();
  }

  #flush(): void {
    while (this.#credits > 0 && (this.#waiting.length > 0 || this.#dropped > 0)) {
      this.#credits -= 1;
      const now = this.#now();
      const samples = this.#waiting.splice(0, perMessage).map(({ at, ...sample }) => ({ ...sample, ageMs: now - at }));
      const dropped = this.#dropped;
      this.#dropped = 0;
      this.#send({ kind: 'samples', samples, dropped });
    }
  }
}
