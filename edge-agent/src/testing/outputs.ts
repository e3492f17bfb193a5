// Outputs of a pipeline, made up for tests of what comes behind it.

import type { Transition } from '@weir/shared/model/alert.ts';
import type { Pane, WindowSpec } from '@weir/shared/model/pane.ts';
import { decodeFrame } from '@weir/shared/wire/codec.ts';
import type { OutboxLane } from '../log/outbox.ts';

const window: WindowSpec = { id: '1s', sizeMs: 1000, compute: ['mean'] };

/** The pane of the `index`th second; it reports `fresh` readings. */
export function pane(index: number, fresh = 1): Pane {
  const series = { device: 'press', signal: 'temperature' };
  return { series, window, start: index * 1000, revision: 0, count: fresh, fresh, values: [index] };
}

export function transition(index: number, rule = 'too_hot'): Transition {
  const series = { device: 'press', signal: 'temperature' };
  return { rule, series, state: 'firing', severity: 'critical', time: index, since: index, value: 99 };
}

/** Starts of the panes and times of the transitions in a lane, in order. */
export async function contentOf(lane: OutboxLane, after = lane.acked): Promise<number[]> {
  const content: number[] = [];
  for (let position = after; ;) {
    const entries = await lane.read(position, 1);
    for (const { seq, frame } of entries) {
      const { panes, transitions } = decodeFrame(frame);
      content.push(...panes.map(({ start }) => start / 1000), ...transitions.map(({ time }) => time));
      position = seq;
    }
    if (entries.length === 0) return content;
  }
}
