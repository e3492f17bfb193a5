// Keeps the time of one agent: asks the machine who vouches for it, runs the time line, remembers across restarts what has to
// be remembered, and stamps what comes in.
//
// While the time is not known, blocks of the journal are provisional and name the line they were stamped by. When it becomes
// known, `settle` writes by how much each line is to be moved, and only then anything is moved.

import type { Reading } from '@weir/shared/model/reading.ts';
import type { ClockMode } from '@weir/shared/config/schema.ts';
import type { SeriesTable } from '@weir/shared/model/series.ts';
import type { Health } from '../health.ts';
import { joinPath, type Disk } from '../log/disk.ts';
import { messageOf, type Logger } from '../logger.ts';
import { readClockFile, writeClockFile, type ClockFile } from './clock-file.ts';
import type { Clock } from './clock.ts';
import { describeWrongClock, DeviceClocks, roughly } from './device-clocks.ts';
import { estimateMoves, type LineSpan } from './restamp.ts';
import type { SyncReport } from './timeline.ts';
import { Timeline, type ClockState, type TimeChange } from './timeline.ts';

/** A machine with a battery waits so long for its time service. */
const batteryPatienceMs = 300_000;
/** How often the time service is asked while something hangs on its answer, and when all is well. */
const askSoonMs = 2000;
const askMs = 30_000;
/** How often the time is written down: what a start without any clock goes on from. */
const saveMs = 600_000;

export interface TimeKeeperOptions {
  readonly clock: Clock;
  readonly disk: Disk;
  /** The data folder. */
  readonly folder: string;
  readonly mode: ClockMode;
  readonly maxAheadMs: number;
  readonly logger: Logger;
  readonly askTimeService: () => Promise<SyncReport>;
  /** Which start of the machine this is. */
  readonly machine: string;
  readonly hasBattery: boolean;
  readonly newLine: () => string;
}

/** What the journal says about the time. */
export interface Stamped {
  /** Provisional lines of blocks that are still to be replayed, in order. */
  readonly spans: readonly LineSpan[];
  /** The latest time anything was stamped with while the time was known; -Infinity if never. */
  readonly lastKnown: number;
}

export interface TimeStatus {
  readonly state: ClockState;
  /** The wall clock minus the time line. */
  readonly wallAheadMs: number;
  readonly service: string | undefined;
  /** Readings of sensors whose clock is wrong, stamped with the gateway's time since the start. */
  readonly stamped: number;
}

/** One delivery as the journal is to have it, and as the pipeline is told. */
export interface Received {
  readonly arrival: number;
  readonly journaled: readonly Reading[];
  readonly stamped: readonly Reading[];
}

export class TimeKeeper implements Clock {
  readonly #options: TimeKeeperOptions;
  readonly #path: string;
  readonly #before: ClockFile | undefined;
  #timeline: Timeline;
  #line: string;
  #moves = new Map<string, number>();
  #spans: readonly LineSpan[] = [];
  #floor = -Infinity;
  #clocks: DeviceClocks;
  #saving: Promise<unknown> = Promise.resolve();

  private constructor(options: TimeKeeperOptions, path: string, before: ClockFile | undefined) {
    this.#options = options;
    this.#path = path;
    this.#before = before;
    this.#line = options.newLine();
    this.#timeline = this.#newTimeline(-Infinity, -Infinity, undefined);
    this.#clocks = new DeviceClocks(Infinity);
  }

  static async open(options: TimeKeeperOptions): Promise<TimeKeeper> {
    const path = joinPath(options.folder, 'clock');
    return new TimeKeeper(options, path, await readClockFile(options.disk, path));
  }

  now(): number {
    return this.#timeline.now();
  }

  monotonicMs(): number {
    return this.#options.clock.monotonicMs();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return this.#options.clock.sleep(ms, signal);
  }

  get known(): boolean {
    return this.#timeline.known;
  }

  /** What provisional blocks name. */
  get line(): string {
    return this.#line;
  }

  /** By how much blocks of provisional lines are to be moved. */
  get moves(): ReadonlyMap<string, number> {
    return this.#moves;
  }

  /** By how much blocks of a provisional line are to be moved; undefined as long as nobody knows. */
  moveOf(line: string): number | undefined {
    return this.#moves.get(line) ?? (this.known ? 0 : undefined);
  }

  get status(): TimeStatus {
    const { state, wallAheadMs, service } = this.#timeline;
    return { state, wallAheadMs: Math.round(wallAheadMs), service, stamped: this.#clocks.stamped };
  }

  /**
   * Once, before anything is replayed or stamped. Afterwards `known` and `moves` say how to replay.
   * @param isFinal what is provisional cannot wait: it is taken as it is, or as well as it can be estimated
   */
  async begin({ spans, lastKnown }: Stamped, isFinal: boolean): Promise<void> {
    const { machine } = this.#options;
    const before = this.#before;
    const floor = Math.max(lastKnown, before?.time ?? -Infinity);
    const lastStamped = Math.max(floor, ...spans.map(({ end }) => end));
    this.#floor = floor;
    this.#moves = new Map(before?.moves);
    this.#timeline = this.#newTimeline(floor, lastStamped, undefined);
    if (before !== undefined && before.machine === machine) this.#goOn(before, floor, lastStamped);
    await this.ask();
    const change = this.#timeline.look();
    this.#spans = spans.filter(({ line }) => !this.#moves.has(line));
    const isNew = this.#spans.length > 0;
    if (change?.kind === 'known') {
      this.#settle(change.ms);
      this.#timeline.apply(change);
    } else if (this.known) this.#settle(0);
    else if (isFinal && isNew) this.#settleForGood();
    if (isNew || !this.known) await this.#save();
    this.#clocks = this.newClocks();
  }

  /**
   * The time is known: decides by how much what was stamped provisionally is moved, and writes it down. From now on, and after a crash,
   * it is by so much.
   * @returns whether that could be done
   */
  settle({ ms }: TimeChange): Promise<boolean> {
    this.#moves.set(this.#line, ms);
    this.#settle(ms);
    return this.#save();
  }

  /** Compares the clocks. @returns what there is to be applied, when nothing is under way */
  look(): TimeChange | undefined {
    return this.#timeline.look();
  }

  /** It can be waited no longer. */
  giveUp(): TimeChange {
    return this.#timeline.giveUp();
  }

  /** @param clocks what was learnt of the sensors' clocks on the way */
  apply(change: TimeChange, clocks: DeviceClocks = this.#clocks): void {
    this.#timeline.apply(change);
    this.#clocks = clocks;
    const { state, stamped: _, ...more } = this.status;
    this.#options.logger.info(change.kind === 'known' ? 'the time is known' : 'the time jumps ahead', {
      moved: change.ms,
      state,
      service: more.service ?? 'none',
    });
    void this.#save();
  }

  /** Sensors' clocks as nothing is known of them yet. */
  newClocks(known = this.known): DeviceClocks {
    return new DeviceClocks(known ? this.#options.maxAheadMs : Infinity);
  }

  /** Stamps one delivery, read at `received` of the monotonic clock; it may have waited while the time became known. */
  receive(readings: readonly Reading[], at: { arrival: number; received: number }, series: SeriesTable): Received {
    const shift = this.#timeline.shiftSince(at.received);
    const arrival = Math.round(at.arrival) + shift;
    const came =
      shift === 0
        ? readings
        : readings.map((reading) => (reading.time === at.arrival ? { ...reading, time: arrival } : reading));
    const stamped = this.#clocks.stamp(came, arrival, (reading) => series.at(reading.series).device);
    return { arrival, journaled: this.known ? stamped : came, stamped };
  }

  /** Says how the clocks are. */
  tell(health: Health): void {
    const { state, wallAheadMs, service } = this.status;
    const problem = problemOf(state, wallAheadMs, service);
    if (problem === undefined) health.up('clock');
    else health.down('clock', problem);
    const wrong = this.#clocks.look(this.now());
    const names = new Set(wrong.map(({ device }) => clockOf(device)));
    for (const { part, up } of health.all()) {
      if (part.startsWith(clockOf('')) && !up && !names.has(part)) health.up(part);
    }
    for (const one of wrong.slice(0, devicesTold)) health.down(clockOf(one.device), describeWrongClock(one));
  }

  /** Asks the time service whether it vouches for the wall clock. */
  async ask(): Promise<void> {
    const asked = this.monotonicMs();
    this.#timeline.report(await this.#options.askTimeService(), asked);
  }

  /** Asks the time service, and writes the time down now and then, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    let saved = this.monotonicMs();
    while (!signal.aborted) {
      const { state } = this.#timeline;
      await this.sleep(state === 'synchronised' || state === 'machine' ? askMs : askSoonMs, signal);
      if (signal.aborted) break;
      await this.ask();
      if (this.monotonicMs() - saved < saveMs) continue;
      saved = this.monotonicMs();
      await this.#save();
    }
    await this.#save();
  }

  /** The machine has not been started anew: its monotonic clock, and with it the line, goes on. */
  #goOn(before: ClockFile, floor: number, lastStamped: number): void {
    const timeline = this.#newTimeline(floor, lastStamped, before);
    // A line that was moved since cannot be continued by what was written down before.
    if (timeline.now() < lastStamped - 1000) return;
    this.#timeline = timeline;
    this.#line = before.line;
    const moved = before.moves.get(before.line);
    if (!timeline.known && moved !== undefined) timeline.apply({ kind: 'known', ms: moved });
  }

  /** @param ms by how much the present line is moved */
  #settle(ms: number): void {
    const { begin } = this.#timeline.origin;
    const own = this.#spans.some(({ line }) => line === this.#line);
    if (own) this.#moves.set(this.#line, ms);
    const earlier = this.#spans.filter(({ line }) => line !== this.#line);
    for (const [line, moved] of estimateMoves(earlier, begin + ms, this.#floor)) this.#moves.set(line, moved);
    this.#spans = [];
  }

  /** The present line goes on as another. */
  #settleForGood(): void {
    this.#settle(0);
    this.#line = this.#options.newLine();
  }

  #newTimeline(lastKnown: number, lastStamped: number, before: ClockFile | undefined): Timeline {
    const { clock, mode, hasBattery } = this.#options;
    return new Timeline({
      wall: () => clock.now(),
      monotonicMs: () => clock.monotonicMs(),
      mode,
      patienceMs: hasBattery ? batteryPatienceMs : Infinity,
      before: before?.origin,
      lastKnown,
      lastStamped,
    });
  }

  /** One after the other: each replaces the file. */
  #save(): Promise<boolean> {
    const saved = this.#saving.then(() => this.#write());
    this.#saving = saved;
    return saved;
  }

  async #write(): Promise<boolean> {
    const { disk, machine, logger } = this.#options;
    const time = this.known ? this.now() : this.#floor;
    const file = { machine, line: this.#line, origin: this.#timeline.origin, time, moves: this.#moves };
    try {
      await writeClockFile(disk, this.#path, file);
      return true;
    } catch (error) {
      logger.warn('the time could not be written down', { reason: messageOf(error) });
      return false;
    }
  }
}

/** Devices that get a line of their own. */
const devicesTold = 20;

function clockOf(device: string): string {
  return `clock of ${device}`;
}

/** @returns what is wrong and what to do */
function problemOf(state: ClockState, wallAheadMs: number, service: string | undefined): string | undefined {
  const off = `${roughly(Math.abs(wallAheadMs))} ${wallAheadMs > 0 ? 'ahead' : 'behind'}`;
  if (state === 'unknown') {
    const whom = service === undefined ? 'a plausible time' : `${service} to synchronise`;
    return `waiting for ${whom}: alerts act, and what goes to the hub is held back until then; where there is no time server, settings say clock: machine`;
  }
  if (state === 'estimated')
    return 'too much came in while the time was not known: it is stamped with an estimate; look at the time service';
  if (state === 'holding')
    return `the machine's clock was set ${off} and nobody vouches for it: going on by the time before; look who set it`;
  if (wallAheadMs < -1000) return `was ${off.replace(' behind', '')} ahead: runs at half speed until it is right`;
  return undefined;
}
