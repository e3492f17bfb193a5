// Answers the hub when it asks for raw readings: those of one series in a range of event time, out of the black box, onto the raw lane.
//
// One request after the other, in blocks, and never many blocks ahead of the hub's acks: a week of readings takes no more room than a
// minute of them. A request about a time that is still to come waits for it. Nothing is remembered over a restart: the hub asks again
// for what it has not got, and what it gets twice it stores once. The last block says so, and why there is less than was asked for.
//
// A request that comes again while it is open, or while its last block waits for the hub, is the same one; after that the answer was
// lost on the way (raw readings are the first to go when the outbox is full), and it is answered anew.

import { Bell } from '../bell.ts';
import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import type { RawRange, RawRun } from '../log/black-box.ts';
import type { Seq } from '../log/log.ts';
import type { Clock } from '../time/clock.ts';
import type { Quality } from '@weir/shared/model/quality.ts';
import type { RawReadings, RawRequest } from '@weir/shared/wire/codec.ts';

/** Where raw readings are kept: the black box. */
export interface RawSource {
  /** When the oldest arrived, epoch milliseconds; undefined when there are none. Known after a read. */
  readonly oldest: number | undefined;
  read(range: RawRange): AsyncIterable<RawRun>;
}

/** Where they go: the raw lane of the outbox. */
export interface RawLane {
  readonly acked: Seq;
  /** Records behind `acked`. */
  readonly pendingRecords: number;
  appendRaw(raw: readonly RawReadings[]): void;
  sync(): Promise<void>;
}

export interface RawAnswersParts {
  readonly source: RawSource;
  readonly lane: RawLane;
  readonly health: Health;
  /** `now` is the clock of arrivals. */
  readonly clock: Clock;
  /** How long it takes at present until what has arrived can be read. */
  readonly commitMs: () => number;
  /** Something new may be sent. */
  readonly grew: () => void;
}

const readingsPerBlock = 2000;
/** So many blocks may wait for the hub. */
const blocksAhead = 8;
const maxOpen = 1000;
const maxReadings = 1_000_000;
/** A range that ends later than this from now is answered as far as it has come. */
const longestWaitMs = 900_000;
const lookAgainMs = 10_000;
/** After so many failures to read, the request is answered without. */
const attempts = 3;
const part = 'raw requests';

interface Open {
  readonly request: RawRequest;
  /** Until then it waits, by the clock of arrivals. */
  readonly until: number;
  failures: number;
}

export class RawAnswers {
  readonly #parts: RawAnswersParts;
  readonly #bell: Bell;
  /** By id, in the order they came. */
  readonly #open = new Map<string, Open>();
  /** Number of the last block of what was answered lately, by id. */
  readonly #answered = new Map<string, Seq>();
  #end: AbortSignal = new AbortController().signal;

  constructor(parts: RawAnswersParts) {
    this.#parts = parts;
    this.#bell = new Bell(parts.clock);
  }

  /** Requests that are not answered yet. */
  get open(): number {
    return this.#open.size;
  }

  ask(request: RawRequest): void {
    const { lane, clock, health } = this.#parts;
    const { id } = request;
    if (this.#open.has(id) || (this.#answered.get(id) ?? 0) > lane.acked) return;
    if (this.#open.size >= maxOpen) {
      health.down(
        part,
        `the hub has asked for more than ${maxOpen} ranges at once; the others wait until it asks again`,
      );
      return;
    }
    this.#open.set(id, { request, until: Math.min(request.to, clock.now() + longestWaitMs), failures: 0 });
    this.#bell.ring();
  }

  /** The hub has more of the lane than before. */
  stored(): void {
    this.#bell.ring();
  }

  /** Answers until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.#end = signal;
    const wake = (): void => this.#bell.ring();
    signal.addEventListener('abort', wake);
    while (!signal.aborted) {
      const waits = [...this.#open.values()].map((open) => ({ open, ms: this.#waitMs(open) }));
      const due = waits.find(({ ms }) => ms <= 0)?.open;
      if (due !== undefined) await this.#answer(due);
      // The clock of arrivals may be set.
      else await this.#bell.wait(Math.min(lookAgainMs, ...waits.map(({ ms }) => ms)));
    }
    signal.removeEventListener('abort', wake);
  }

  #waitMs({ until }: Open): number {
    const { clock, commitMs } = this.#parts;
    // One commit may have begun just before the last reading came.
    return until + 2 * commitMs() - clock.now();
  }

  async #answer(open: Open): Promise<void> {
    const { health, clock } = this.#parts;
    const { id } = open.request;
    try {
      await this.#send(open);
      if (this.#end.aborted) return;
      this.#open.delete(id);
      health.up(part);
    } catch (error) {
      open.failures += 1;
      health.down(part, `${messageOf(error)}; trying again`);
      // Behind the others: it may be the only one that cannot be read.
      this.#open.delete(id);
      this.#open.set(id, open);
      await clock.sleep(lookAgainMs, this.#end);
    }
  }

  async #send({ request, failures }: Open): Promise<void> {
    const { source } = this.#parts;
    const { device, signal } = request.series;
    const { from, to } = request;
    const block = new Block(request);
    let count = 0;
    let isCut = false;
    for await (const run of failures < attempts ? source.read({ device, signal, from, to }) : []) {
      const { times, values, qualities } = run;
      for (let at = 0; at < times.length; at++, count++) {
        isCut = count >= maxReadings;
        if (isCut) break;
        if (block.isFull) await this.#put(block.take({ last: false, shortfall: '' }));
        if (this.#end.aborted) return;
        block.add(times[at] ?? NaN, values[at] ?? NaN, qualities[at] ?? 'bad');
      }
      if (isCut) break;
    }
    const shortfall =
      failures < attempts ? this.#shortfall(request, isCut) : 'the gateway cannot read them: its disk fails';
    await this.#put(block.take({ last: true, shortfall }));
  }

  #shortfall({ from, to }: RawRequest, isCut: boolean): string {
    const { source, clock } = this.#parts;
    const { oldest } = source;
    if (to <= from) return '';
    const reasons = [];
    if (oldest === undefined) reasons.push('the gateway has no raw readings');
    else if (from < oldest) reasons.push(`the gateway keeps raw readings that arrived since ${timeText(oldest)}`);
    if (to > clock.now()) reasons.push(`at the gateway it is ${timeText(clock.now())}`);
    if (isCut) reasons.push(`there are more than ${maxReadings}`);
    return reasons.join('; ');
  }

  /** Resolves when it is on disk; waits while the hub is behind. */
  async #put(raw: RawReadings): Promise<void> {
    const { lane, grew } = this.#parts;
    while (lane.pendingRecords >= blocksAhead && !this.#end.aborted) await this.#bell.wait(lookAgainMs);
    if (this.#end.aborted) return;
    lane.appendRaw([raw]);
    if (raw.last) this.#remember(raw.request, lane.acked + lane.pendingRecords);
    await lane.sync();
    grew();
  }

  #remember(id: string, seq: Seq): void {
    for (const [known, last] of this.#answered) if (last <= this.#parts.lane.acked) this.#answered.delete(known);
    this.#answered.set(id, seq);
  }
}

/** Readings that go together. */
class Block {
  readonly #request: RawRequest;
  readonly #times = new Float64Array(readingsPerBlock);
  readonly #values = new Float64Array(readingsPerBlock);
  #qualities: Quality[] = [];

  constructor(request: RawRequest) {
    this.#request = request;
  }

  get isFull(): boolean {
    return this.#qualities.length >= readingsPerBlock;
  }

  add(time: number, value: number, quality: Quality): void {
    const at = this.#qualities.length;
    this.#times[at] = time;
    this.#values[at] = value;
    this.#qualities.push(quality);
  }

  take(end: Pick<RawReadings, 'last' | 'shortfall'>): RawReadings {
    const { id, series } = this.#request;
    const qualities = this.#qualities;
    this.#qualities = [];
    const times = this.#times.slice(0, qualities.length);
    return { request: id, series, times, values: this.#values.slice(0, qualities.length), qualities, ...end };
  }
}

/** What a date can hold, or the number itself. */
function timeText(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}
