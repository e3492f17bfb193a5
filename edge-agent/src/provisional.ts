// While the time is not known: blocks are provisional, alerts act, and what the pipeline gives is held back. When it becomes known, all
// of it is replayed with true times beside the running pipeline, and takes its place between two commits.
//
// Held back is nothing but the journal's tail: no memory grows with it. When the tail has reached its limit, the provisional times
// are taken for the true ones, and health says so.

import type { Transition } from '@weir/shared/model/alert.ts';
import type { Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { decodeBlock } from './log/journal-block.ts';
import { messageOf } from './logger.ts';
import { Restamping, type RestampingParts } from './restamping.ts';
import type { TimeKeeper } from './time/time-keeper.ts';
import type { TimeChange } from './time/timeline.ts';

export interface ProvisionalParts extends Omit<RestampingParts, 'moves'> {
  readonly time: TimeKeeper;
  /** Of the journal's tail. */
  readonly maxBytes: number;
  /** What recovery has held back already. */
  readonly held: { readonly bytes: number; readonly readings: number };
}

export class Provisional {
  readonly #parts: ProvisionalParts;
  #bytes: number;
  #readings: number;
  /** Of these, what a replay that did not come to its end has put into the outbox. */
  #given = 0;
  #change: TimeChange | undefined = undefined;
  #restamping: Restamping | undefined = undefined;
  /** The twin has replayed every block there is. */
  #caughtUp = false;
  #work: Promise<void> | undefined = undefined;
  readonly #stop = new AbortController();

  constructor(parts: ProvisionalParts) {
    this.#parts = parts;
    this.#bytes = parts.held.bytes;
    this.#readings = parts.held.readings;
  }

  /** Readings in panes that are held back; less than none when the true times close more windows than the provisional ones. */
  get readings(): number {
    return this.#readings - this.#given - (this.#restamping?.given ?? 0);
  }

  /** The block that is closed next is the last provisional one. */
  get canEnd(): boolean {
    return this.#caughtUp;
  }

  /** @param change what the time line has to say */
  look(change: TimeChange | undefined): void {
    const { time, maxBytes, logger } = this.#parts;
    this.#change ??= change;
    if (this.#change !== undefined || this.#bytes <= maxBytes) return;
    logger.warn('too much came in while the time is not known: it is taken as it seems', { bytes: this.#bytes });
    this.#change = time.giveUp();
  }

  /** A block was closed, and what it gave is held back. */
  hold(block: Uint8Array, { panes }: Outputs): void {
    this.#caughtUp = false;
    this.#bytes += block.length;
    this.#readings += freshOf(panes);
  }

  /** The last block. @returns what the hub is to get for it, and alerts that are otherwise than they seemed */
  end(block: Uint8Array): { readonly outputs: Outputs; readonly corrections: readonly Transition[] } {
    const restamping = this.#restamping;
    const change = this.#change;
    if (restamping === undefined || change === undefined) throw new Error('the time is not known yet');
    const outputs = restamping.finish(decodeBlock(block));
    const corrections = restamping.takeOver();
    this.#parts.time.apply(change, restamping.clocks);
    return { outputs, corrections };
  }

  /**
   * Once the time is known: replays what is on disk. Never rejects: it is tried again.
   * @param isAll whether every block that was closed is on disk
   */
  catchUp(isAll: () => boolean): Promise<void> {
    if (this.#change === undefined || this.#stop.signal.aborted) return Promise.resolve();
    this.#work ??= this.#catchUp(this.#change, isAll).finally(() => (this.#work = undefined));
    return this.#work;
  }

  /** Gives up what it is doing; the next start does it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #catchUp(change: TimeChange, isAll: () => boolean): Promise<void> {
    try {
      this.#restamping ??= await this.#begin(change);
      await this.#restamping?.catchUp(this.#stop.signal);
      this.#caughtUp = this.#restamping?.isThrough === true && isAll() && !this.#stop.signal.aborted;
    } catch (error) {
      // The twin may have seen a block whose outputs went nowhere: another begins anew.
      this.#given += this.#restamping?.given ?? 0;
      this.#restamping = undefined;
      this.#caughtUp = false;
      this.#parts.logger.warn('what is stamped provisionally cannot be replayed now', { reason: messageOf(error) });
    }
  }

  async #begin(change: TimeChange): Promise<Restamping | undefined> {
    const { time } = this.#parts;
    if (!(await time.settle(change))) return undefined;
    return Restamping.begin({ ...this.#parts, moves: time.moves });
  }
}

function freshOf(panes: Outputs['panes']): number {
  return panes.reduce((sum, { fresh }) => sum + fresh, 0);
}
