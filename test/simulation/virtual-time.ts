// Time of a simulated world: it stands still while anybody has something to do, and then goes on to the next moment somebody
// waits for. Nothing in a world waits for anything else, so a run is the same whenever it is repeated.

import { setImmediate as turn } from 'node:timers/promises';

interface Alarm {
  readonly at: number;
  readonly order: number;
  wake: (() => void) | undefined;
}

const beginning = Date.UTC(2026, 0, 1);

export class VirtualTime {
  #now = beginning;
  #order = 0;
  /** A binary heap, the next one first. */
  readonly #alarms: Alarm[] = [];

  /** Epoch milliseconds, the true ones. */
  get now(): number {
    return this.#now;
  }

  /** Since the world began. */
  get elapsedMs(): number {
    return this.#now - beginning;
  }

  /** Calls `wake` in so many milliseconds, in whole ones. @returns how to call it off */
  after(ms: number, wake: () => void): () => void {
    const alarm: Alarm = { at: this.#now + Math.max(0, Math.ceil(ms)), order: this.#order++, wake };
    this.#push(alarm);
    return () => (alarm.wake = undefined);
  }

  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.after(ms, resolve));
  }

  /** Lets time pass until it is `until`, or `isDone` says so. @returns whether it said so */
  async pass(until: number, isDone: () => boolean = () => false): Promise<boolean> {
    for (;;) {
      // Everything that needs no time happens here: promises, and whoever lets others go first for a turn.
      await turn();
      if (isDone()) return true;
      const [next] = this.#alarms;
      if (next === undefined || next.at > until) {
        this.#now = Math.max(this.#now, until);
        return false;
      }
      this.#now = Math.max(this.#now, next.at);
      for (let due = this.#due(); due !== undefined; due = this.#due()) due.wake?.();
    }
  }

  #due(): Alarm | undefined {
    const [next] = this.#alarms;
    return next !== undefined && next.at <= this.#now ? this.#pop() : undefined;
  }

  #push(alarm: Alarm): void {
    const heap = this.#alarms;
    let at = heap.length;
    heap.push(alarm);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, alarm)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = alarm;
  }

  #pop(): Alarm | undefined {
    const heap = this.#alarms;
    const [first] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      let child = heap[below];
      const right = heap[below + 1];
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        below += 1;
        child = right;
      }
      if (child === undefined || isBefore(last, child)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Alarm, b: Alarm): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
