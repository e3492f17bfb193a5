// The same readings once more, with their true times: what came in while the time was not known goes from the journal through a twin
// of the pipeline that starts where this one did, and the twin's outputs are what the hub gets.
//
// It runs beside the pipeline that has acted on all this already, block by block as they are on disk, until it has caught up. Then the
// engine hands it the block that is just being closed, and the pipeline goes on with the twin's state. A crash on the way does
// no harm: recovery replays the same blocks moved by as much, and the outbox passes over what it has.

import { unremarkable, type Transition } from '@weir/shared/model/alert.ts';
import type { AlarmView } from '@weir/shared/pipeline/alarm-measures.ts';
import { Pipeline, type Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { restore } from '@weir/shared/pipeline/snapshot.ts';
import { readCheckpoint, type Checkpoint } from './log/checkpoint.ts';
import type { Disk } from './log/disk.ts';
import type { Block } from './log/journal-block.ts';
import type { Log, Seq } from './log/log.ts';
import type { Outbox } from './log/outbox.ts';
import type { Logger } from './logger.ts';
import { readBlock, replayBlock } from './recovery.ts';
import { nextTurn } from './time/clock.ts';
import { DeviceClocks } from './time/device-clocks.ts';
import { restamp } from './time/restamp.ts';

export interface RestampingParts {
  readonly disk: Disk;
  readonly checkpointPath: string;
  readonly journal: Log;
  readonly outbox: Outbox;
  /** The one that runs; its plan and its series are the twin's. */
  readonly pipeline: Pipeline;
  /** Where the pipeline started, if no checkpoint could be written. */
  readonly base: Checkpoint | undefined;
  readonly moves: ReadonlyMap<string, number>;
  readonly logger: Logger;
}

export class Restamping {
  readonly clocks: DeviceClocks;
  readonly #parts: RestampingParts;
  readonly #twin: Pipeline;
  /** The last transition of every rule and series, by both. */
  readonly #last = new Map<string, Transition>();
  #through: Seq;
  #given = 0;

  private constructor(parts: RestampingParts, twin: Pipeline, from: Seq) {
    this.#parts = parts;
    this.#twin = twin;
    this.#through = from;
    this.clocks = new DeviceClocks(parts.pipeline.plan.maxAheadMs);
  }

  static async begin(parts: RestampingParts): Promise<Restamping> {
    const { disk, checkpointPath, journal, pipeline } = parts;
    const base = parts.base ?? (await readCheckpoint(disk, checkpointPath));
    const twin = typeof base === 'object' ? restored(pipeline, base) : undefined;
    // As recovery did: without a checkpoint that can be used, from the beginning.
    if (typeof base !== 'object' || twin === undefined) {
      return new Restamping(parts, new Pipeline(pipeline.plan, pipeline.series), 0);
    }
    return new Restamping(parts, twin, base.journalIncarnation === journal.incarnation ? base.seq : 0);
  }

  /** Readings in panes that are in the outbox now. */
  get given(): number {
    return this.#given;
  }

  /** Nothing on disk is left to be replayed. */
  get isThrough(): boolean {
    return this.#through >= this.#parts.journal.synced;
  }

  /** Replays every block on disk that was not replayed yet. One at a time. */
  async catchUp(signal: AbortSignal): Promise<void> {
    const { journal, outbox, logger } = this.#parts;
    for await (const { seq, payload } of journal.entries(this.#through)) {
      const block = readBlock(payload, seq, logger);
      if (block !== undefined) this.#give(seq, this.#replay(block));
      this.#through = seq;
      // Alerts do not wait.
      await nextTurn();
      if (signal.aborted) return;
    }
    // Numbers no block has.
    this.#through = Math.max(this.#through, journal.synced);
    await outbox.sync();
  }

  /** The block that is just being closed, and the last that is provisional. @returns what it gives */
  finish(block: Block): Outputs {
    return this.#replay(block);
  }

  /**
   * The pipeline goes on with the twin's state. Alerts it saw otherwise, and acted on, are put right.
   * @returns transitions to be acted on
   */
  takeOver(): Transition[] {
    const { pipeline } = this.#parts;
    const corrections: Transition[] = [];
    const truth = new Map(this.#twin.alerts.views().map((view) => [keyOf(view), view]));
    for (const was of pipeline.alerts.views()) {
      const is = truth.get(keyOf(was));
      if (is === undefined || isOn(is) === isOn(was)) continue;
      const last = this.#last.get(keyOf(was));
      const correction = isOn(is) || last?.state === 'cleared' ? last : endOf(was);
      if (correction !== undefined) corrections.push(correction);
    }
    pipeline.takeOver(this.#twin);
    return corrections;
  }

  #give(seq: Seq, outputs: Outputs): void {
    const { outbox } = this.#parts;
    const before = outbox.pendingReadings;
    outbox.append(seq, outputs);
    this.#given += outbox.pendingReadings - before;
  }

  #replay(block: Block): Outputs {
    const ms = block.line === undefined ? undefined : (this.#parts.moves.get(block.line) ?? 0);
    replayBlock(this.#twin, ms === undefined ? block : restamp(block, ms, this.clocks));
    const outputs = this.#twin.drain();
    for (const transition of outputs.transitions) this.#last.set(keyOf(transition), transition);
    return outputs;
  }
}

function isOn({ phase }: AlarmView): boolean {
  return phase === 'firing' || phase === 'latched';
}

/** What ends an alarm that never was. */
function endOf({ rule, series, severity, since }: AlarmView): Transition {
  return { rule, series, severity, state: 'cleared', time: since, since, value: NaN, ...unremarkable };
}

function keyOf({ rule, series }: Pick<Transition, 'rule' | 'series'>): string {
  return `${rule}/${series.device}/${series.signal}`;
}

/** @returns undefined when the snapshot is of another version or damaged */
function restored({ plan, series }: Pipeline, { snapshot }: Checkpoint): Pipeline | undefined {
  try {
    return restore(plan, snapshot, series).pipeline;
  } catch {
    return undefined;
  }
}
