// What is well and what is not, part by part: sources, journal, uplink, actions. Shown on the hub, logged when it changes.

export interface PartHealth {
  /** Such as `source tempering`, `journal`, `uplink`, `action horn`. */
  readonly part: string;
  readonly up: boolean;
  /** What is wrong and what to do; empty when up. */
  readonly detail: string;
  /** Since when it is so, epoch milliseconds. */
  readonly since: number;
}

export class Health {
  readonly #parts = new Map<string, PartHealth>();
  readonly #now: () => number;
  readonly #changed: (health: PartHealth) => void;

  constructor(now: () => number, changed: (health: PartHealth) => void) {
    this.#now = now;
    this.#changed = changed;
  }

  /** A part that is still to come up: shown as down, but nothing to report. */
  expect(part: string): void {
    this.#parts.set(part, { part, up: false, detail: 'not open yet', since: this.#now() });
  }

  up(part: string): void {
    this.#set(part, true, '');
  }

  down(part: string, detail: string): void {
    this.#set(part, false, detail);
  }

  all(): readonly PartHealth[] {
    return [...this.#parts.values()];
  }

  #set(part: string, up: boolean, detail: string): void {
    const before = this.#parts.get(part);
    if (before?.up === up && before.detail === detail) return;
    const health = { part, up, detail, since: before?.up === up ? before.since : this.#now() };
    this.#parts.set(part, health);
    this.#changed(health);
  }
}
