// Injected faults: when each holds, and the ground truth of what it did.
//
// Times in a scenario count from the start of the simulation, in event time. A fault with `every` comes back; each time
// is an occurrence of its own in the truth file.

import type { Fault } from './fault-schema.ts';

/** One occurrence of one fault, a line of the truth file. */
export interface Truth {
  readonly device: string;
  /** Missing where the fault hits the whole device. */
  readonly signal?: string;
  readonly kind: Fault['kind'];
  /** Event time, epoch ms. */
  readonly start: number;
  readonly end: number;
  /** Readings it changed, or held back in a drop-out. */
  readonly readings: number;
}

/** Follows one fault through event time. */
export class FaultTrack<Kind extends Fault = Fault> {
  readonly fault: Kind;
  readonly #startMs: number;
  readonly #report: (truth: Truth) => void;
  #occurrence = 0;
  #isOpen = false;
  #readings = 0;

  constructor(fault: Kind, startMs: number, report: (truth: Truth) => void) {
    this.fault = fault;
    this.#startMs = startMs;
    this.#report = report;
  }

  /**
   * Whether the fault holds; times must not go back. A fault without `for` holds once an occurrence: at the first
   * time it is asked about.
   * @param readings how many it changes where it holds once
   */
  holds(atMs: number, readings = 1): boolean {
    const { forMs, everyMs } = this.fault;
    while (this.#occurrence !== Infinity && atMs >= this.#fromMs()) {
      if (forMs === undefined) {
        this.#report(this.#truth(atMs, atMs, readings));
        this.#nextOccurrence(everyMs === undefined ? Infinity : Math.floor((atMs - this.#firstMs()) / everyMs) + 1);
        return true;
      }
      this.#isOpen = true;
      if (atMs < this.#fromMs() + forMs) return true;
      this.#report(this.#truth(this.#fromMs(), this.#fromMs() + forMs, this.#readings));
      this.#nextOccurrence(everyMs === undefined ? Infinity : this.#occurrence + 1);
    }
    return false;
  }

  /** How much of the occurrence is over, 0 to 1. @param atMs a time at which it holds */
  share(atMs: number): number {
    return (atMs - this.#fromMs()) / (this.fault.forMs ?? Infinity);
  }

  /** How long the occurrence has lasted. @param atMs a time at which it holds */
  elapsedMs(atMs: number): number {
    return atMs - this.#fromMs();
  }

  affect(readings: number): void {
    this.#readings += readings;
  }

  /** Ends the run: an occurrence that is not over ends here. */
  close(atMs: number): void {
    if (this.#isOpen) {
      const endMs = Math.min(atMs, this.#fromMs() + (this.fault.forMs ?? 0));
      this.#report(this.#truth(this.#fromMs(), endMs, this.#readings));
    }
    this.#nextOccurrence(Infinity);
  }

  #nextOccurrence(occurrence: number): void {
    this.#occurrence = occurrence;
    this.#isOpen = false;
    this.#readings = 0;
  }

  #firstMs(): number {
    return this.#startMs + this.fault.atMs;
  }

  #fromMs(): number {
    return this.#firstMs() + this.#occurrence * (this.fault.everyMs ?? 0);
  }

  #truth(start: number, end: number, readings: number): Truth {
    const { device, signal, kind } = this.fault;
    return { device, ...(signal === undefined ? {} : { signal }), kind, start, end, readings };
  }
}

export type FaultOf<Kind extends Fault['kind']> = Extract<Fault, { kind: Kind }>;

/** What following faults takes. */
export interface FaultParts {
  readonly faults: readonly Fault[];
  readonly startMs: number;
  readonly report: (truth: Truth) => void;
}

export function tracksOf<Kind extends Fault['kind']>(parts: FaultParts, kind: Kind): FaultTrack<FaultOf<Kind>>[] {
  return parts.faults
    .filter((fault): fault is FaultOf<Kind> => fault.kind === kind)
    .map((fault) => new FaultTrack(fault, parts.startMs, parts.report));
}

export function holding<Track extends FaultTrack>(all: readonly Track[], atMs: number): Track[] {
  return all.filter((track) => track.holds(atMs));
}

/** Those of the faults that hold, told of the readings they change. */
export function affecting<Track extends FaultTrack>(all: readonly Track[], atMs: number, readings: number): Track[] {
  const held = all.filter((track) => track.holds(atMs, readings));
  for (const track of held) track.affect(readings);
  return held;
}
