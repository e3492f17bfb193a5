// The disk of one gateway through all its processes and power cuts: how slow it is, what fails, and at which call the process dies.
//
// What a disk loses and tears is the memory disk's business (edge-agent/src/testing/memory-disk.ts).

import type { Disk } from '@weir/edge-agent/log/disk.ts';
import { fault, MemoryDisk } from '@weir/edge-agent/testing/memory-disk.ts';
import { unreliable, type Failure } from '@weir/edge-agent/testing/unreliable-disk.ts';
import type { DiskCall } from '@weir/edge-agent/testing/watched-disk.ts';
import type { Chance } from './chance.ts';
import type { Life } from './life.ts';

export type DiskTrouble = 'EIO' | 'ENOSPC' | 'EROFS';

/** Calls that change something: those a full or read-only disk refuses. A folder that is there need not be made. */
const writes: ReadonlySet<DiskCall['name']> = new Set(['create', 'append', 'sync', 'syncFile', 'rename', 'remove']);
/** Beyond this a gateway stops waiting for its disk; what it acknowledges from then on it may lose. */
const patienceMs = 2000;
/** From the end of a trouble until everything that queued because of it is on disk. */
const afterwardsMs = 5000;
/** A call takes so long, at most. */
const usualMs = 3;

export class SimulatedDisk {
  readonly #chance: Chance;
  readonly #now: () => number;
  #memory = new MemoryDisk();
  #trouble: DiskTrouble | undefined;
  #stalledUntil = -Infinity;
  #hiccupAt = -Infinity;
  #troubledSince = Infinity;
  #troubledUntil = -Infinity;
  /** Calls until something happens. */
  #fuse: { calls: number; readonly burn: (call: DiskCall) => Failure | undefined } | undefined;
  #latencyMs = usualMs;

  constructor(chance: Chance, now: () => number) {
    this.#chance = chance;
    this.#now = now;
  }

  /** Whether the gateway may have given up waiting for it: what is acknowledged now need not be on disk. */
  get isTrusted(): boolean {
    const now = this.#now();
    return now < this.#troubledSince + patienceMs || now > this.#troubledUntil + afterwardsMs;
  }

  get usedBytes(): number {
    return this.#memory.usedBytes;
  }

  /** Whether a call that need not fail for long has just failed. */
  get hiccuped(): boolean {
    return this.#now() <= this.#hiccupAt + afterwardsMs;
  }

  /** As a process sees it. */
  openFor(life: Life): Disk {
    return unreliable(this.#memory, {
      clock: life.clock,
      // Whoever is dead waits for ever.
      latencyMs: () => (life.alive ? this.#latency() : 1),
      failure: (call) => (life.alive ? this.#failure(call) : undefined),
    });
  }

  /** The process is gone; what it wrote is in the page cache. */
  processEnded(): void {
    this.#memory = this.#memory.crash();
    this.#fuse = undefined;
  }

  powerCut(): void {
    this.#memory = this.#memory.cutPower(this.#chance.next);
    this.#fuse = undefined;
    this.#stalledUntil = -Infinity;
  }

  stall(ms: number): void {
    this.#troubled(ms);
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#now() + ms);
  }

  /** Every call takes up to so long, until `heal`. */
  slow(latencyMs: number): void {
    this.#troubled(Infinity);
    this.#latencyMs = latencyMs;
  }

  /** Every write fails, until `heal`. */
  fail(trouble: DiskTrouble): void {
    this.#troubled(Infinity);
    this.#trouble = trouble;
  }

  /** Only so many more bytes fit, until `heal`. */
  fill(bytes: number): void {
    this.#troubled(Infinity);
    this.#memory.capacityBytes = this.#memory.usedBytes + bytes;
  }

  heal(): void {
    this.#trouble = undefined;
    this.#latencyMs = usualMs;
    this.#memory.capacityBytes = Number.MAX_SAFE_INTEGER;
    this.#stalledUntil = -Infinity;
    if (this.#troubledUntil === Infinity) this.#troubledUntil = this.#now();
  }

  /** One call fails, so many from now. */
  failAt(calls: number, failure: Failure): void {
    this.#fuse = { calls, burn: () => failure };
  }

  /** So many calls from now, before it does anything, `happen`. */
  whenCalled(calls: number, happen: (call: DiskCall) => void): void {
    this.#fuse = {
      calls,
      burn: (call) => {
        happen(call);
        return undefined;
      },
    };
  }

  /** No call sets anything off any more. */
  defuse(): void {
    this.#fuse = undefined;
  }

  #hiccup(): void {
    this.#troubled(0);
    this.#hiccupAt = Math.max(this.#now(), this.#stalledUntil);
  }

  #troubled(ms: number): void {
    const now = this.#now();
    if (now > this.#troubledUntil + afterwardsMs) this.#troubledSince = now;
    this.#troubledUntil = Math.max(this.#troubledUntil, now + ms);
  }

  #latency(): number {
    const stalled = Math.max(0, this.#stalledUntil - this.#now());
    return stalled + this.#chance.between(0, this.#latencyMs);
  }

  #failure(call: DiskCall): Failure | undefined {
    const fuse = this.#fuse;
    if (fuse !== undefined && --fuse.calls <= 0) {
      this.#fuse = undefined;
      const failure = fuse.burn(call);
      if (failure !== undefined) this.#hiccup();
      if (failure !== undefined) return failure;
    }
    if (this.#trouble === undefined || !writes.has(call.name)) return undefined;
    if (this.#trouble === 'ENOSPC' && call.name !== 'create' && call.name !== 'append') return undefined;
    return { error: fault(this.#trouble, call.path), effect: call.name === 'append' ? 'half' : 'none' };
  }
}
