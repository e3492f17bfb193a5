// Commits on their way to disk, in order, as many as there are with one sync.
//
//   journal.append, journal.sync -> ack the sources -> outbox.append, outbox.sync -> evict -> now and then: checkpoint, pack
//
// Nobody waits for this: commits are prepared at every interval and queue here. A disk that stalls or fails is tried again
// with each commit to come. What that costs, step by step:
//
// - for `patienceMs` the sources wait for their acks, as always;
// - then they are acknowledged from memory, for a sender with a small window would stop sending, and alerts would stop with
//   it. What is acknowledged so is counted `atRisk`: a power cut before the disk works again loses it;
// - beyond `maxQueuedBytes` the readings are left out of the blocks. They are in the windows and in what is sent, but not in
//   the black box; a checkpoint with the first commit that succeeds puts them beyond the reach of a crash;
// - beyond `maxQueuedPanes` the oldest panes give way, and are counted as evicted.

import type { Outputs, Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import type { Health } from './health.ts';
import type { Checkpoint } from './log/checkpoint.ts';
import type { Log, Seq } from './log/log.ts';
import type { Eviction, Outbox } from './log/outbox.ts';
import { messageOf } from './logger.ts';
import type { Clock } from './time/clock.ts';

const maxQueuedBytes = 32e6;
const maxQueuedPanes = 50_000;

/** What one interval brought. */
export interface Commit {
  readonly readings: number;
  readonly block: Uint8Array;
  readonly outputs: Outputs;
  readonly evicted: Eviction | undefined;
  /** Emptied when called: a commit that is tried again must not acknowledge again. */
  readonly acks: Ack[];
  readonly checkpoint: Omit<Checkpoint, 'journalIncarnation' | 'seq'> | undefined;
}

/** Says to a source that a delivery is durable. */
export interface Ack {
  readonly readings: number;
  readonly call: () => void;
}

export interface CommitterParts {
  readonly journal: Log;
  readonly outbox: Outbox;
  readonly pipeline: Pipeline;
  readonly health: Health;
  readonly clock: Clock;
  /** Replaces the checkpoint. */
  readonly checkpoint: (checkpoint: Checkpoint) => Promise<void>;
  /** How long a disk may take before sources are acknowledged without it. */
  readonly patienceMs: number;
  /** Outputs are in the outbox and durable. */
  readonly stored: (outputs: Outputs) => void;
}

interface Queued {
  readonly commit: Commit;
  readonly since: number;
  seq: Seq | undefined;
  /** Its block survives a power cut. */
  synced: boolean;
  /** The outbox has its outputs. */
  appended: boolean;
}

export class Committer {
  readonly #parts: CommitterParts;
  /** In order; what is being written comes first. */
  readonly #queue: Queued[] = [];
  /** How many of them are being written, or have to be finished before others may. */
  #begun = 0;
  #work: Promise<void> = Promise.resolve();
  #busy = false;
  #atRisk = 0;
  #panes = 0;
  #bytes = 0;
  #wantsCheckpoint = false;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  /** A write is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Everything is on disk. */
  get isIdle(): boolean {
    return this.#queue.length === 0;
  }

  /** Readings that are in memory only. */
  get readings(): number {
    return this.#queue.reduce((sum, { commit, synced }) => sum + (synced ? 0 : commit.readings), 0);
  }

  /** Readings in panes that are on their way to the outbox. */
  get drained(): number {
    return this.#queue.reduce((sum, { commit, appended }) => sum + (appended ? 0 : freshOf(commit.outputs)), 0);
  }

  /** Readings in panes that count as evicted already and go when the commit that says so is on disk. */
  get evicting(): number {
    return this.#queue.reduce((sum, { commit }) => sum + (commit.evicted?.readings ?? 0), 0);
  }

  /** Readings acknowledged while the disk could not take them, since the start. */
  get atRisk(): number {
    return this.#atRisk;
  }

  /** The disk has not taken anything for longer than sources can be made to wait. */
  get isStuck(): boolean {
    const [oldest] = this.#queue;
    return oldest !== undefined && this.#parts.clock.monotonicMs() - oldest.since >= this.#parts.patienceMs;
  }

  /** Readings have to be left out of blocks: memory has its limit. The next commit must bring a checkpoint. */
  get isFull(): boolean {
    return this.#bytes > maxQueuedBytes;
  }

  /** What is in the windows is not in the journal, or a checkpoint could not be written: the next commit is to bring one. */
  get wantsCheckpoint(): boolean {
    return this.#wantsCheckpoint;
  }

  /** @param isWhole whether the block has all its readings */
  add(commit: Commit, isWhole: boolean): void {
    this.#queue.push({
      commit,
      since: this.#parts.clock.monotonicMs(),
      seq: undefined,
      synced: false,
      appended: false,
    });
    this.#bytes += commit.block.length;
    this.#panes += commit.outputs.panes.length;
    if (commit.checkpoint !== undefined) this.#wantsCheckpoint = false;
    else if (!isWhole) this.#wantsCheckpoint = true;
    this.#keepWithinMemory();
  }

  /** Writes what is queued. Never rejects: a failing disk is health. */
  flush(): Promise<void> {
    this.#work = this.#work.then(() => this.#flush());
    return this.#work;
  }

  /** Acknowledges from memory what the disk has kept waiting for too long. */
  acknowledgeStuck(): void {
    if (!this.isStuck) return;
    for (const { commit } of this.#queue) this.acknowledgeAtRisk(commit.acks);
  }

  acknowledgeAtRisk(acks: Ack[]): void {
    for (const { readings, call } of acks.splice(0)) {
      this.#atRisk += readings;
      call();
    }
  }

  async #flush(): Promise<void> {
    const { health } = this.#parts;
    this.#busy = true;
    try {
      while (this.#queue.length > 0) {
        if (this.#begun === 0) this.#begun = this.#queue.length;
        await this.#write(this.#queue.slice(0, this.#begun));
      }
      health.up('journal');
    } catch (error) {
      health.down('journal', `${messageOf(error)}; what comes in is kept in memory until the disk works again`);
    } finally {
      this.#busy = false;
    }
  }

  /** Begun once and gone on with until it is done, so that no more than one group waits inside the logs. */
  async #write(group: readonly Queued[]): Promise<void> {
    const { journal, outbox, stored } = this.#parts;
    for (const queued of group) queued.seq ??= journal.append(queued.commit.block);
    await journal.sync();
    for (const queued of group) {
      queued.synced = true;
      for (const { call } of queued.commit.acks.splice(0)) call();
    }
    for (const queued of group) {
      outbox.append(queued.seq ?? 0, queued.commit.outputs);
      queued.appended = true;
    }
    await outbox.sync();
    // Before the checkpoint: behind it, nobody would know that these were to go.
    for (const { commit } of group) if (commit.evicted !== undefined) await outbox.evict(commit.evicted.through);
    this.#queue.splice(0, group.length);
    this.#begun = 0;
    for (const { commit } of group) {
      this.#bytes -= commit.block.length;
      this.#panes -= commit.outputs.panes.length;
      stored(commit.outputs);
    }
    const newest = group.findLast(({ commit }) => commit.checkpoint !== undefined);
    if (newest !== undefined) await this.#checkpoint(newest);
    if (outbox.isCrowded) await this.#relieve();
  }

  /** In the background, unless the outbox is full: then it may not grow faster than room is made. */
  async #relieve(): Promise<void> {
    const { outbox, health } = this.#parts;
    const relieved = outbox.relieve().then(
      () => health.up('outbox'),
      (error: unknown) => health.down('outbox', messageOf(error)),
    );
    if (outbox.isFull) await relieved;
  }

  async #checkpoint({ commit, seq = 0 }: Queued): Promise<void> {
    const { journal, outbox, checkpoint } = this.#parts;
    if (commit.checkpoint === undefined) return;
    try {
      await checkpoint({ journalIncarnation: journal.incarnation, seq, ...commit.checkpoint });
      await outbox.remember(seq);
    } catch (error) {
      this.#wantsCheckpoint = true;
      throw error;
    }
  }

  #keepWithinMemory(): void {
    for (const { commit } of this.#queue.slice(this.#begun)) {
      const over = this.#panes - maxQueuedPanes;
      if (over <= 0) return;
      const gone = commit.outputs.panes.splice(0, over);
      this.#panes -= gone.length;
      if (gone.length > 0) this.#wantsCheckpoint = true;
      this.#parts.pipeline.evict(gone.reduce((sum, pane) => sum + pane.fresh, 0));
    }
  }
}

function freshOf({ panes }: Outputs): number {
  return panes.reduce((sum, pane) => sum + pane.fresh, 0);
}
