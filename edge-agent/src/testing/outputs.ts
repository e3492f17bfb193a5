// Outputs of a pipeline, made up for tests of what comes behind it.

import { unremarkable, type Transition } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { decodeFrame } from '@weir/shared/wire/codec.ts';
import type { OutboxLane } from '../log/outbox.ts';

const window: Pane['window'] = {
  id: '1s',
  shape: { kind: 'tumbling', sizeMs: 1000, zone: undefined },
  compute: ['mean'],
};

/** The pane of the `index`th second; it reports `fresh` readings. */
export function pane(index: number, fresh = 1): Pane {
  const series = { device: 'press', signal: 'temperature' };
  const bounds = { start: index * 1000, end: index * 1000 + 1000 };
  const made = { timing: 'on_time', revision: 0, retracted: false } as const;
  return { series, window, ...bounds, ...made, count: fresh, accounted: fresh, fresh, values: [index] };
}

export function transition(index: number, rule = 'too_hot'): Transition {
  const series = { device: 'press', signal: 'temperature' };
  return { rule, series, state: 'firing', severity: 'critical', time: index, since: index, value: 99, ...unremarkable };
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
