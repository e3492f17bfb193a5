// The order of work, delivery by delivery and commit by commit. This file is where Weir's promises are kept:
//
//   take     step the pipeline -> act on transitions at once -> remember everything for the next commit
//   commit   tick, drain the pipeline -> journal.append, journal.sync -> ack the sources
//            -> outbox.append, outbox.sync -> the uplink may read -> now and then: checkpoint, trim
//
// No reading and no alert waits for the disk: while a commit is under way, deliveries go on into the next block. Only when
// that block has grown to its limit does `take` wait, and with it the source, and with it the broker. A commit that fails
// keeps its block and is tried again; the sources are acknowledged later, alerts are not touched.
//
// A critical transition asks for a commit at once, and so does a sender that waits for acks.

import type { DeadLetter } from '@weir/shared/model/reading.ts';
import type { Outputs, Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import { planToJson } from '@weir/shared/pipeline/plan-json.ts';
import { snapshot } from '@weir/shared/pipeline/snapshot.ts';
import type { Actions } from './actions/actions.ts';
import type { Health } from './health.ts';
import { writeCheckpoint } from './log/checkpoint.ts';
import type { Disk } from './log/disk.ts';
import { BlockBuilder } from './log/journal-block.ts';
import type { Log, Seq } from './log/log.ts';
import type { Eviction, Outbox } from './log/outbox.ts';
import { messageOf } from './logger.ts';
import { MissingSeries } from './missing.ts';
import type { RecentReadings } from './recent-readings.ts';
import { refusedLetter } from './refused-letter.ts';
import type { Delivery } from './sources/source.ts';
import type { Clock } from './time/clock.ts';

/** A block as large as this makes the sources wait until it is committed. */
const maxBlockReadings = 100_000;
/** The tail a restart has to replay. */
const checkpointEveryBytes = 8e6;
const deadLettersKept = 50;

export interface EngineParts {
  readonly pipeline: Pipeline;
  readonly journal: Log;
  readonly outbox: Outbox;
  readonly actions: Actions;
  readonly recent: RecentReadings;
  readonly health: Health;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly checkpointPath: string;
  /** Size of the tail the start had to replay. */
  readonly replayedBytes: number;
  readonly commitMs: number;
  readonly journalMaxBytes: number;
  /** Something new may be sent. */
  readonly outboxGrew: () => void;
}

/** A commit on its way to disk: kept until it is there. */
interface Commit {
  readonly readings: number;
  readonly block: Uint8Array;
  readonly outputs: Outputs;
  readonly evicted: Eviction | undefined;
  /** Emptied when called: a commit that is tried again must not acknowledge again. */
  readonly acks: (() => void)[];
  readonly checkpoint: { readonly snapshot: Uint8Array; readonly unacted: string } | undefined;
  seq: Seq | undefined;
}

export class Engine {
  readonly #parts: EngineParts;
  readonly #missing: MissingSeries;
  readonly #deadLetters: DeadLetter[] = [];
  #block: BlockBuilder;
  #acks: (() => void)[] = [];
  #acted = 0;
  #unfinished: Commit | undefined;
  #bytesSinceCheckpoint = 0;
  #duplicates = 0;
  #drained = 0;
  #hurried = false;
  #nudge: (() => void) | undefined;
  #room: (() => void)[] = [];
  #committing: Promise<void> = Promise.resolve();

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#missing = new MissingSeries(parts.pipeline, parts.health);
    this.#block = new BlockBuilder(parts.pipeline.series);
    this.#bytesSinceCheckpoint = parts.replayedBytes;
  }

  /** The last things that came in and were no readings, newest last. */
  get deadLetters(): readonly DeadLetter[] {
    return this.#deadLetters;
  }

  /** Readings that are in memory only: the next commit takes them to disk. */
  get uncommitted(): number {
    return this.#block.readings + (this.#unfinished?.readings ?? 0);
  }

  /** Readings in panes that are on their way to the outbox. */
  get drained(): number {
    return this.#drained;
  }

  /** Readings in panes that count as evicted already and go when the commit under way has said so. */
  get evicting(): number {
    return this.#unfinished?.evicted?.readings ?? 0;
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
    this.#acks.push(delivery.ack);
    if (this.#block.readings < maxBlockReadings) return;
    this.hurry();
    await new Promise<void>((resolve) => this.#room.push(resolve));
  }

  /** Commits as soon as the disk allows, instead of at the next interval. */
  hurry(): void {
    this.#hurried = true;
    const nudge = this.#nudge;
    this.#nudge = undefined;
    nudge?.();
  }

  /** An action is done: after a crash it is not to be done again. */
  acted(key: string): void {
    this.#block.acted(key);
  }

  /** Commits every interval, and whenever hurried, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, commitMs } = this.#parts;
    signal.addEventListener('abort', () => this.hurry());
    while (!signal.aborted) {
      const wait = new AbortController();
      this.#nudge = () => wait.abort();
      // Hurried during the commit before: what it was about came too late for that one.
      if (!this.#hurried) await clock.sleep(commitMs, wait.signal);
      this.#hurried = false;
      if (!signal.aborted) await this.commit();
    }
  }

  /** Commits what there is. With `checkpoint`, a restart has nothing to replay. Never rejects: a failing disk is health. */
  commit({ checkpoint = false } = {}): Promise<void> {
    this.#committing = this.#committing.then(() => this.#commit(checkpoint));
    return this.#committing;
  }

  #step(delivery: Delivery): void {
    const { pipeline, recent } = this.#parts;
    for (const reading of delivery.readings) {
      if (delivery.attempt === 'again' && recent.has(reading.series, reading.time, reading.value)) {
        this.#duplicates += 1;
        continue;
      }
      if (delivery.attempt !== 'only') recent.add(reading.series, reading.time, reading.value);
      this.#block.add(reading, delivery.arrival);
      const refused = pipeline.ingest(reading, Math.round(delivery.arrival));
      // A repetition of a source that may repeat itself is nothing to look at.
      if (refused !== undefined && refused !== 'repeated')
        this.#remember(refusedLetter(refused, pipeline.series.at(reading.series), reading, delivery.arrival));
    }
    for (const letter of delivery.deadLetters) {
      pipeline.reject(letter.reason, 1);
      this.#block.refuse(letter.reason, 1);
      this.#remember(letter);
    }
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

  async #commit(checkpoint: boolean): Promise<void> {
    const { health } = this.#parts;
    try {
      if (this.#unfinished !== undefined) await this.#write(this.#unfinished);
      const commit = this.#prepare(checkpoint);
      if (commit !== undefined) await this.#write(commit);
      health.up('journal');
    } catch (error) {
      health.down('journal', `${messageOf(error)}; what comes in is kept in memory until the disk works again`);
    }
  }

  /** Closes the block. Everything in here is one step: nothing may come in between the drain and the snapshot. */
  #prepare(checkpoint: boolean): Commit | undefined {
    const { pipeline, outbox, clock, actions } = this.#parts;
    const now = clock.now();
    pipeline.tick(now);
    this.#missing.look(now);
    const quiet = this.#block.isEmpty && !pipeline.hasWork;
    const outputs = pipeline.drain();
    this.#acted = 0;
    if (quiet && !(checkpoint && this.#bytesSinceCheckpoint > 0)) {
      // Nothing but repetitions of what is on disk already.
      this.#acknowledge();
      this.#release();
      return undefined;
    }
    const evicted = outbox.overdue();
    if (evicted !== undefined) {
      pipeline.evict(evicted.readings);
      this.#block.evict(evicted);
    }
    const { readings } = this.#block;
    const block = this.#block.finish(now);
    this.#block = new BlockBuilder(pipeline.series);
    this.#bytesSinceCheckpoint += block.length;
    const due = checkpoint || this.#bytesSinceCheckpoint > checkpointEveryBytes;
    const commit: Commit = {
      readings,
      block,
      outputs,
      evicted,
      acks: this.#acks,
      checkpoint: due ? { snapshot: snapshot(pipeline), unacted: actions.unfinished() } : undefined,
      seq: undefined,
    };
    this.#acks = [];
    if (due) this.#bytesSinceCheckpoint = 0;
    this.#drained = outputs.panes.reduce((sum, pane) => sum + pane.fresh, 0);
    this.#unfinished = commit;
    return commit;
  }

  #acknowledge(): void {
    const acks = this.#acks;
    this.#acks = [];
    for (const ack of acks) ack();
  }

  async #write(commit: Commit): Promise<void> {
    const { journal, outbox, disk, checkpointPath, journalMaxBytes, outboxGrew } = this.#parts;
    if (commit.seq === undefined) commit.seq = journal.append(commit.block);
    await journal.sync();
    for (const ack of commit.acks.splice(0)) ack();
    outbox.append(commit.seq, commit.outputs);
    this.#drained = 0;
    await outbox.sync();
    // Before the checkpoint: behind it, nobody would know that these were to go.
    if (commit.evicted !== undefined) await outbox.evict(commit.evicted.through);
    this.#unfinished = undefined;
    this.#release();
    if (commit.outputs.panes.length > 0 || commit.outputs.transitions.length > 0) outboxGrew();
    if (commit.checkpoint !== undefined) {
      await writeCheckpoint(disk, checkpointPath, {
        journalIncarnation: journal.incarnation,
        seq: commit.seq,
        plan: planToJson(this.#parts.pipeline.plan),
        ...commit.checkpoint,
      });
      await this.#trimJournal(commit.seq, journalMaxBytes);
    }
  }

  /** The journal is the black box of the last days: only what is beyond its limit goes, and only behind a checkpoint. */
  async #trimJournal(checkpoint: Seq, maxBytes: number): Promise<void> {
    const { journal } = this.#parts;
    while (journal.bytes > maxBytes) {
      const end = journal.endOfOldest();
      if (end === undefined || end > checkpoint) return;
      await journal.trim(end);
    }
  }

  #release(): void {
    const waiting = this.#room;
    this.#room = [];
    for (const resolve of waiting) resolve();
  }

  #remember(letter: DeadLetter): void {
    this.#deadLetters.push(letter);
    if (this.#deadLetters.length > deadLettersKept) this.#deadLetters.shift();
  }
}
