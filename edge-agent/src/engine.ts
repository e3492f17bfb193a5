// The order of work, delivery by delivery and interval by interval. This file is where Weir's promises are kept:
//
//   take     step the pipeline -> act on transitions at once -> remember everything for the next commit
//   prepare  tick, drain the pipeline, close the block: one commit, handed to the committer, which takes it to disk and
//            acknowledges the sources (committer.ts)
//
// No reading and no alert waits for the disk: commits are prepared at every interval, whether the one before is on disk or
// not. Only a disk that is slower than the sources makes `take` wait, and with it the source, and with it the broker; one
// that does not work at all does not.
//
// A critical transition asks for a commit at once, and so does a sender that waits for acks.
//
// While nobody knows what time it is, blocks are provisional and what they give is held back (provisional.ts).

import type { Operation } from '@weir/shared/model/alert.ts';
import type { DeadLetter, Reading } from '@weir/shared/model/reading.ts';
import type { Outputs, Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import { planToJson } from '@weir/shared/pipeline/plan-json.ts';
import { snapshot } from '@weir/shared/pipeline/snapshot.ts';
import type { Actions } from './actions/actions.ts';
import { Committer, type Ack, type Commit } from './committer.ts';
import type { Health } from './health.ts';
import type { BlackBox } from './log/black-box.ts';
import { writeCheckpoint, type Checkpoint } from './log/checkpoint.ts';
import type { Disk } from './log/disk.ts';
import { BlockBuilder } from './log/journal-block.ts';
import type { Log, Seq } from './log/log.ts';
import type { Outbox } from './log/outbox.ts';
import { messageOf, type Logger } from './logger.ts';
import { MissingSeries } from './missing.ts';
import { Provisional } from './provisional.ts';
import type { RecentReadings } from './recent-readings.ts';
import { refusedLetter } from './refused-letter.ts';
import type { Delivery } from './sources/source.ts';
import type { TimeKeeper } from './time/time-keeper.ts';
import type { TimeChange } from './time/timeline.ts';

/** So many readings in memory make the sources wait for the disk, as long as it works. */
const maxReadings = 100_000;
/** The disk may take so long before sources get their acks without it. */
const usualPatienceMs = 2000;
/** The tail a restart has to replay. */
const defaultTailBytes = 4e6;
/** The tail that may wait for the time to be known; never more than half the journal. */
const maxHeldBytes = 64e6;
const deadLettersKept = 50;

export interface EngineParts {
  readonly pipeline: Pipeline;
  readonly journal: Log;
  readonly outbox: Outbox;
  readonly blackBox: Pick<BlackBox, 'pack'>;
  readonly actions: Actions;
  readonly recent: RecentReadings;
  readonly health: Health;
  readonly time: TimeKeeper;
  readonly logger: Logger;
  readonly disk: Disk;
  readonly checkpointPath: string;
  /** Size of the tail the start had to replay. */
  readonly replayedBytes: number;
  /** What recovery has held back, as long as the time is not known, and where a replay starts if no checkpoint could be written. */
  readonly held: { readonly bytes: number; readonly readings: number };
  readonly base: Checkpoint | undefined;
  /** How long to wait between commits at present. */
  readonly commitMs: () => number;
  readonly journalMaxBytes: number;
  /** How long sources wait for a disk that takes nothing, before they are acknowledged without it. */
  readonly patienceMs?: number | undefined;
  /** Of the journal: after so much there is a checkpoint. */
  readonly tailBytes?: number | undefined;
  /** Something new may be sent. */
  readonly outboxGrew: () => void;
}

export class Engine {
  readonly #parts: EngineParts;
  readonly #missing: MissingSeries;
  readonly #deadLetters: DeadLetter[] = [];
  readonly #committer: Committer;
  #block: BlockBuilder;
  #acks: Ack[] = [];
  #acted = 0;
  /** Readings that are in the pipeline and, for want of memory, not in the block. */
  #leftOut = 0;
  #bytesSinceCheckpoint = 0;
  #duplicates = 0;
  #hurried = false;
  #nudge: (() => void) | undefined;
  /** As long as the time is not known. */
  #provisional: Provisional | undefined = undefined;
  #room: (() => void)[] = [];
  #operations: { operation: Operation; resolve: (changed: number | undefined) => void }[] = [];

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#missing = new MissingSeries(parts.pipeline, parts.health);
    this.#block = new BlockBuilder(parts.pipeline.series);
    const begun = parts.time.now();
    parts.pipeline.awake(begun);
    this.#block.awake(begun);
    this.#bytesSinceCheckpoint = parts.replayedBytes;
    const { journal, outbox, pipeline, health, time } = parts;
    if (!time.known)
      this.#provisional = new Provisional({ ...parts, maxBytes: Math.min(maxHeldBytes, parts.journalMaxBytes / 2) });
    this.#committer = new Committer({
      journal,
      outbox,
      pipeline,
      health,
      clock: time,
      patienceMs: parts.patienceMs ?? usualPatienceMs,
      checkpoint: async (checkpoint) => {
        const through = await writeCheckpoint(parts.disk, parts.checkpointPath, checkpoint);
        this.#pack(through);
      },
      stored: ({ panes, transitions }) => {
        if (panes.length > 0 || transitions.length > 0) parts.outboxGrew();
      },
    });
  }

  /** The last things that came in and were no readings, newest last. */
  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  /** Readings that are in memory only: the next commits take them to disk. */
  get uncommitted(): number {
    return this.#block.readings + this.#leftOut + this.#committer.readings;
  }

  /** Readings in panes that are on their way to the outbox. */
  get drained(): number {
    return this.#committer.drained;
  }

  /** Readings in panes that count as evicted already and go when the commit under way has said so. */
  get evicting(): number {
    return this.#committer.evicting;
  }

  /** Readings in panes that are held back until the time is known. */
  get held(): number {
    return this.#provisional?.readings ?? 0;
  }

  /** Readings acknowledged to their source while the disk could not take them, since the start. */
  get atRisk(): number {
    return this.#committer.atRisk;
  }

  /** Readings that came again and were known. */
  get duplicates(): number {
    return this.#duplicates;
  }

  /** Takes one delivery in; resolves when the next one may be pulled. */
  async take(delivery: Delivery): Promise<void> {
    this.#step(delivery);
    this.#act(delivery.received);
    // The bare function: a delivery would keep all its readings in memory until the commit.
    this.#acks.push({ readings: delivery.readings.length, call: delivery.ack });
    if (this.#committer.isStuck) this.#committer.acknowledgeAtRisk(this.#acks);
    else if (this.uncommitted >= maxReadings) await this.#waitForRoom();
  }

  /** Commits as soon as the disk allows, instead of at the next interval. */
  hurry(): void {
    this.#hurried = true;
    this.#wakeUp();
  }

  /** An action is done: after a crash it is not to be done again. */
  acted(key: string): void {
    this.#block.acted(key);
  }

  /** What an operator does to alarms; it is in the journal like a reading. @returns how many it changed; undefined when there is no such rule */
  operate(operation: Operation): Promise<number | undefined> {
    this.hurry();
    return new Promise((resolve) => this.#operations.push({ operation, resolve }));
  }

  /** Commits every interval, and whenever hurried, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { time: clock, commitMs } = this.#parts;
    signal.addEventListener('abort', () => this.#wakeUp());
    let due = clock.monotonicMs() + commitMs();
    const watching = this.#watch(signal);
    while (!signal.aborted) {
      const waitMs = due - clock.monotonicMs();
      // What hurries goes along with what the disk takes next: a commit of its own for each would be slower for all.
      if (waitMs > 0 && (!this.#hurried || this.#committer.busy)) {
        const wait = new AbortController();
        this.#nudge = () => wait.abort();
        await clock.sleep(waitMs, wait.signal);
        continue;
      }
      this.#hurried = false;
      due = clock.monotonicMs() + commitMs();
      void this.commit();
    }
    await watching;
    await this.#provisional?.stop();
    await this.#committer.flush();
  }

  /** Commits what there is. With `checkpoint`, a restart has nothing to replay. Never rejects: a failing disk is health. */
  async commit({ checkpoint = false } = {}): Promise<void> {
    this.#prepare(checkpoint || this.#committer.wantsCheckpoint);
    await this.#committer.flush();
    this.#release();
    void this.#provisional?.catchUp(() => this.#committer.isIdle);
    if (this.#hurried) this.#wakeUp();
  }

  /** A disk that stalls must not make senders stop for longer than they have patience. */
  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#parts.time.sleep(usualPatienceMs / 4, signal);
      // Commits may be far apart; what falls due by the clock is not to wait for one.
      if (this.#parts.pipeline.alerts.nextTick <= this.#parts.time.now()) this.hurry();
      if (!this.#committer.isStuck) continue;
      this.#committer.acknowledgeStuck();
      this.#committer.acknowledgeAtRisk(this.#acks);
      this.#release();
    }
  }

  #step(delivery: Delivery): void {
    const { pipeline, recent, time } = this.#parts;
    const { arrival, journaled, stamped } = time.receive(delivery.readings, delivery, pipeline.series);
    for (let index = 0; index < stamped.length; index++) {
      const reading = stamped[index];
      if (reading === undefined) break;
      // A repetition is known by what the sender said.
      const said = delivery.readings[index] ?? reading;
      if (delivery.attempt === 'again' && recent.has(said.series, said.time, said.value)) {
        this.#duplicates += 1;
        continue;
      }
      if (delivery.attempt !== 'only') recent.add(said.series, said.time, said.value);
      this.#keep(journaled[index] ?? reading, arrival);
      const refused = pipeline.ingest(reading, arrival);
      // A repetition of a source that may repeat itself is nothing to look at.
      if (refused !== undefined && refused !== 'repeated')
        this.#remember(refusedLetter(refused, pipeline.series.at(reading.series), reading, arrival));
    }
    for (const letter of delivery.deadLetters) {
      pipeline.reject(letter.reason, letter.count ?? 1);
      this.#block.refuse(letter.reason, letter.count ?? 1);
      this.#remember(letter);
    }
  }

  /** For the journal, as long as memory allows. */
  #keep(reading: Reading, arrival: number): void {
    if (!this.#committer.isFull) this.#block.add(reading, arrival);
    // Only what is in the journal can be replayed.
    else if (this.#provisional !== undefined) this.#block.refuse('evicted', 1);
    else this.#leftOut += 1;
  }

  #act(received: number): void {
    const { pipeline, actions } = this.#parts;
    const { transitions } = pipeline;
    for (; this.#acted < transitions.length; this.#acted++) {
      const transition = transitions[this.#acted];
      if (transition === undefined) break;
      actions.dispatch(transition, received);
      if (transition.severity === 'critical') this.hurry();
    }
  }

  /** Closes the block. Everything in here is one step: nothing may come in between the drain and the snapshot. */
  #prepare(checkpoint: boolean): void {
    const { pipeline, outbox, time, health, actions } = this.#parts;
    const now = time.now();
    this.#operate(now);
    pipeline.tick(now);
    this.#act(time.monotonicMs());
    this.#missing.look(now);
    time.tell(health);
    const change = time.look();
    this.#provisional?.look(change);
    const ends = this.#provisional?.canEnd === true;
    const quiet = this.#block.isEmpty && this.#leftOut === 0 && !pipeline.hasWork && !ends;
    const drained = pipeline.drain();
    this.#acted = 0;
    if (quiet && !(checkpoint && this.#bytesSinceCheckpoint > 0) && !this.#committer.wantsCheckpoint) {
      // Nothing but repetitions of what is on disk already, or on its way there.
      if (!this.#committer.busy) for (const { call } of this.#acks.splice(0)) call();
      this.#jump(change);
      return;
    }
    // One at a time: the next is the oldest only when this one is gone.
    const evicted = this.#committer.evicting > 0 ? undefined : outbox.overdue();
    if (evicted !== undefined) {
      pipeline.evict(evicted.readings);
      this.#block.evict(evicted);
    }
    const { readings } = this.#block;
    const block = this.#block.finish(now, this.#provisional && time.line);
    this.#block = new BlockBuilder(pipeline.series);
    this.#bytesSinceCheckpoint += block.length;
    const outputs = this.#provisional === undefined ? drained : this.#hold(this.#provisional, block, drained);
    const wanted = checkpoint || ends || this.#bytesSinceCheckpoint > (this.#parts.tailBytes ?? defaultTailBytes);
    // While the time is not known, the state is what will not stay.
    const due = wanted && this.#provisional === undefined;
    const commit: Commit = {
      readings: readings + this.#leftOut,
      block,
      outputs,
      evicted,
      acks: this.#acks,
      checkpoint: due
        ? { plan: planToJson(pipeline.plan), snapshot: snapshot(pipeline), unacted: actions.unfinished() }
        : undefined,
    };
    this.#committer.add(commit, this.#leftOut === 0);
    this.#acks = [];
    this.#leftOut = 0;
    if (due) this.#bytesSinceCheckpoint = 0;
    this.#jump(change);
  }

  #operate(now: number): void {
    for (const { operation, resolve } of this.#operations.splice(0)) {
      this.#block.operate(operation);
      resolve(this.#parts.pipeline.operate(operation, now));
    }
  }

  /** @returns what the hub may get of the block: nothing, until the time is known */
  #hold(provisional: Provisional, block: Uint8Array, drained: Outputs): Outputs {
    const { actions, time } = this.#parts;
    if (!provisional.canEnd) {
      provisional.hold(block, drained);
      return { panes: [], transitions: [] };
    }
    const { outputs, corrections } = provisional.end(block);
    this.#provisional = undefined;
    for (const transition of corrections) actions.dispatch(transition, time.monotonicMs());
    return outputs;
  }

  /** The time line was behind. The next block says so first. */
  #jump(change: TimeChange | undefined): void {
    if (change?.kind !== 'jump') return;
    const { time, pipeline } = this.#parts;
    time.apply(change);
    pipeline.jump(change.ms);
    this.#block.jump(change.ms);
  }

  /** What recovery needs no more goes from the journal into the black box: beside everything else, and again with the next checkpoint. */
  #pack(through: Seq): void {
    const { blackBox, health } = this.#parts;
    blackBox.pack(through).then(
      () => health.up('black box'),
      (error: unknown) => health.down('black box', `raw readings stay in the journal: ${messageOf(error)}`),
    );
  }

  async #waitForRoom(): Promise<void> {
    this.hurry();
    await new Promise<void>((resolve) => this.#room.push(resolve));
  }

  #release(): void {
    const waiting = this.#room;
    this.#room = [];
    for (const resolve of waiting) resolve();
  }

  #wakeUp(): void {
    const nudge = this.#nudge;
    this.#nudge = undefined;
    nudge?.();
  }

  #remember(letter: DeadLetter): void {
    this.#deadLetters.push(letter);
    if (this.#deadLetters.length > deadLettersKept) this.#deadLetters.shift();
  }
}
