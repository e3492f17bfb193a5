// What is made of a line's edges until somebody pulls: states wait in a queue with an end, pulses are counted.

import type { Edges } from '../gpio/contract.ts';

/** States that wait; beyond it the last one takes the place of the one before, and they are counted. */
export const maxWaiting = 1000;

export interface Said {
  /** Of the monotonic clock. */
  readonly atMs: number;
  readonly values: readonly (readonly [channel: string, value: number])[];
  /** Changes before it that nobody will hear of. */
  readonly passedOver: number;
}

export class StateChannel {
  readonly #reportMs: number;
  #waiting: Said[] = [];
  #state = 0;
  #dueMs = Infinity;

  constructor(reportMs: number) {
    this.#reportMs = reportMs;
  }

  /** When the state is to be said again. */
  get dueMs(): number {
    return this.#dueMs;
  }

  /** The state before any edge; edges may have come since. */
  begin(active: boolean, atMs: number): void {
    const since = this.take();
    this.#say(Number(active), atMs);
    this.#waiting.push(...since);
    this.#state = since.at(-1)?.values[0]?.[1] ?? Number(active);
  }

  /** @returns whether there is something to take */
  edge(active: boolean, atMs: number): boolean {
    this.#say(Number(active), atMs);
    return true;
  }

  report(nowMs: number): void {
    this.#say(this.#state, nowMs);
  }

  take(): readonly Said[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  #say(state: number, atMs: number): void {
    const replaced = this.#waiting.length >= maxWaiting ? this.#waiting.pop() : undefined;
    const passedOver = replaced === undefined ? 0 : replaced.passedOver + 1;
    this.#waiting.push({ atMs, values: [['state', state]], passedOver });
    this.#state = state;
    this.#dueMs = atMs + this.#reportMs;
  }
}

export class PulseChannel {
  readonly #edges: Edges;
  readonly #everyMs: number;
  #waiting: Said[] = [];
  #count = 0;
  #reported = 0;
  #reportedMs = 0;
  #dueMs = Infinity;

  /** @param edges from off to on (rising), from on to off, or both */
  constructor(edges: Edges, everyMs: number) {
    this.#edges = edges;
    this.#everyMs = everyMs;
  }

  get dueMs(): number {
    return this.#dueMs;
  }

  /** Says 0, so that the first pulses are a rise, too. */
  begin(_active: boolean, atMs: number): void {
    this.#waiting.push({ atMs, values: [['count', 0]], passedOver: 0 });
    this.#reportedMs = atMs;
    this.#dueMs = atMs + this.#everyMs;
  }

  /** @returns whether there is something to take: it is counted, and said when it is due */
  edge(active: boolean): boolean {
    if (this.#edges === 'both' || (this.#edges === 'rising') === active) this.#count += 1;
    return false;
  }

  report(nowMs: number): void {
    const rate = ((this.#count - this.#reported) * 1000) / (nowMs - this.#reportedMs);
    const values = [['count', this.#count] as const, ...(Number.isFinite(rate) ? [['rate', rate] as const] : [])];
    this.#waiting.push({ atMs: nowMs, values, passedOver: 0 });
    this.#reported = this.#count;
    this.#reportedMs = nowMs;
    // In step with the beginning; what could not be said in time is not said twice.
    while (this.#dueMs <= nowMs) this.#dueMs += this.#everyMs;
  }

  take(): readonly Said[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }
}
