// Polls one slave: each request of its plan when it is due, and less and less often while it does not answer.

import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import { SlaveError } from './bus.ts';
import { planReads, type ReadRequest } from './plan.ts';
import type { Register } from './registers.ts';

/** A frame is lost now and then: only what fails again is worth a word. */
const failuresTold = 2;
const noSuchAddress = 2;
const longestPauseMs = 60_000;

export interface SlaveOptions {
  readonly slave: number;
  readonly registers: readonly Register[];
  readonly everyMs: number;
  readonly maxGap: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly read: (slave: number, request: ReadRequest) => Promise<Buffer>;
  readonly answered: (request: ReadRequest, bytes: Buffer) => Promise<void>;
  /** What came was no answer. */
  readonly garbled: (detail: string) => Promise<void>;
  /** It is well, or what is wrong. */
  readonly health: (problem: string | undefined) => void;
}

export class SlavePoller {
  readonly #options: SlaveOptions;
  readonly #backoff: Backoff;
  #requests: ReadRequest[];
  #failures = 0;
  /** Registers the slave says it does not have. */
  readonly #missing = new Set<string>();

  constructor(options: SlaveOptions) {
    this.#options = options;
    this.#requests = planReads(options.registers, options.maxGap);
    this.#backoff = new Backoff(options.everyMs, Math.max(longestPauseMs, options.everyMs), options.random);
  }

  /** Polls until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, everyMs } = this.#options;
    let due = clock.monotonicMs();
    while (!signal.aborted) {
      const works = await this.#poll(signal);
      const now = clock.monotonicMs();
      // In step with the interval, also when a poll took longer than that.
      due += everyMs * Math.max(1, Math.ceil((now - due) / everyMs));
      const waitMs = works ? due - now : Math.max(due - now, this.#backoff.next());
      await clock.sleep(waitMs, signal);
      if (!works) due = clock.monotonicMs();
    }
  }

  /** @returns whether the slave answers */
  async #poll(signal: AbortSignal): Promise<boolean> {
    for (const request of this.#requests) {
      if (signal.aborted) return true;
      try {
        const bytes = await this.#options.read(this.#options.slave, request);
        await this.#options.answered(request, bytes);
      } catch (error) {
        if (!(error instanceof SlaveError)) throw error;
        if (signal.aborted) return true;
        if (error.kind === 'refused') this.#refused(request, error);
        else {
          await this.#failed(error);
          return this.#failures < failuresTold;
        }
      }
    }
    this.#failures = 0;
    this.#backoff.reset();
    this.#tell();
    return true;
  }

  async #failed(error: SlaveError): Promise<void> {
    this.#failures += 1;
    if (error.kind === 'garbled') await this.#options.garbled(`slave ${this.#options.slave}: ${error.message}`);
    if (this.#failures >= failuresTold) this.#options.health(`slave ${this.#options.slave}: ${error.message}`);
  }

  /** The slave answers, but not this: of neighbours asked for together, each is asked for alone from now on. */
  #refused(request: ReadRequest, error: SlaveError): void {
    if (request.registers.length > 1 && error.code === noSuchAddress) {
      const alone = request.registers.flatMap((register) => planReads([register], 0));
      this.#requests = this.#requests.flatMap((one) => (one === request ? alone : [one]));
      return;
    }
    const names = request.registers.map(({ channel }) => channel).join(', ');
    this.#missing.add(`${names} (${request.table} ${request.address}): ${error.message}`);
  }

  #tell(): void {
    const problem = [...this.#missing].join('; ');
    this.#missing.clear();
    this.#options.health(problem === '' ? undefined : `slave ${this.#options.slave}: ${problem}`);
  }
}
