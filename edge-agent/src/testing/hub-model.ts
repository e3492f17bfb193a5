// What a hub does with outboxes, without a network: takes entries it does not know, in order, and acknowledges.

import { transitionKey, type Transition } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { decodeFrame } from '@weir/shared/wire/codec.ts';
import type { Outbox } from '../log/outbox.ts';

export class HubModel {
  /** Everything taken, in order. */
  readonly panes: Pane[] = [];
  readonly transitions: Transition[] = [];
  readonly #cursors = new Map<string, number>();

  /** Readings the panes report. */
  get readings(): number {
    return this.panes.reduce((sum, pane) => sum + pane.fresh, 0);
  }

  /** The last revision of every window that is there, as a store has it. */
  get windows(): Map<string, Pane> {
    const windows = new Map<string, Pane>();
    for (const pane of this.panes) {
      const key = `${pane.series.device} ${pane.window.id} ${pane.start}`;
      windows.delete(key);
      if (!pane.retracted) windows.set(key, pane);
    }
    return windows;
  }

  get transitionKeys(): string[] {
    return this.transitions.map(transitionKey);
  }

  async receive(outbox: Outbox): Promise<void> {
    for (const lane of outbox.lanes) {
      const key = `${lane.lane} ${lane.incarnation}`;
      let cursor = this.#cursors.get(key) ?? 0;
      for (let position = lane.acked; ;) {
        const entries = await lane.read(position, 64 * 1024);
        for (const { seq, frame } of entries) {
          position = seq;
          if (seq <= cursor) continue;
          cursor = seq;
          this.#cursors.set(key, cursor);
          const { panes, transitions } = decodeFrame(frame);
          this.panes.push(...panes);
          this.transitions.push(...transitions);
        }
        if (entries.length === 0) break;
      }
      await lane.ack(cursor);
    }
  }
}
