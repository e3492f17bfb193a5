// The wall clock of one gateway's machine, and the time service that puts it right.

import type { SyncReport } from '@weir/edge-agent/time/timeline.ts';
import type { Chance } from './chance.ts';
import type { ClockTrouble } from './plan.ts';
import type { VirtualTime } from './virtual-time.ts';

export class SimulatedClock {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #trouble: ClockTrouble;
  #aheadMs = 0;
  #synchronised = true;
  /** Wall clock at the service's last look at its servers. */
  #lastSync: number;
  /** Counts what happened to the clock: what was planned before does not come. */
  #changes = 0;

  constructor(time: VirtualTime, chance: Chance, trouble: ClockTrouble) {
    this.#time = time;
    this.#chance = chance;
    this.#trouble = trouble;
    this.#lastSync = time.now;
  }

  get aheadMs(): number {
    return this.#aheadMs;
  }

  /** What the time service says. */
  get report(): SyncReport {
    if (this.#trouble === 'none') return { service: undefined, synchronised: false };
    const service = 'systemd-timesyncd';
    return this.#synchronised
      ? { service, synchronised: true, lastSync: this.#lastSync }
      : { service, synchronised: false };
  }

  /** The machine starts: without a battery it does not know the time before its service has found a server. */
  powerOn(): void {
    if (this.#trouble !== 'late') return;
    this.#synchronised = false;
    // In 1970, or about where it was switched off.
    this.#aheadMs = this.#chance.happens(0.5) ? -this.#time.now : -this.#chance.spread(1000, 200_000);
    this.#putRightAfter(this.#chance.spread(2000, 90_000));
  }

  /** Somebody sets it; the service puts it right after a while. */
  move(byMs: number, forMs: number): void {
    this.#aheadMs = byMs;
    this.#putRightAfter(forMs);
  }

  heal(): void {
    this.#changes += 1;
    this.#putRight();
  }

  #putRightAfter(ms: number): void {
    const change = ++this.#changes;
    this.#time.after(ms, () => {
      if (this.#changes === change) this.#putRight();
    });
  }

  #putRight(): void {
    this.#aheadMs = 0;
    this.#synchronised = true;
    this.#lastSync = this.#time.now;
  }
}
