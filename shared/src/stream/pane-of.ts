// From an accumulator to the pane that says what is in it, and the accumulator's note that this has been said.

import type { WindowSpec } from '../model/pane.ts';
import type { Accumulator, Span } from './accumulator.ts';
import type { SignalContext, WindowPane } from './operator.ts';

export interface PaneFrame {
  readonly spec: WindowSpec;
  readonly start: number;
  readonly end: number;
  readonly span: Span;
  /** Whether the watermark has passed the end. */
  readonly isOver: boolean;
  readonly accounts: boolean;
}

export function paneOf(accumulator: Accumulator, frame: PaneFrame, context: SignalContext): WindowPane {
  const { spec, start, end, span, isOver, accounts } = frame;
  const pane: WindowPane = {
    window: spec,
    start,
    end,
    timing: !isOver ? 'early' : accumulator.closed ? 'late' : 'on_time',
    revision: accumulator.revision,
    retracted: false,
    count: accumulator.count,
    accounted: accounts ? accumulator.total - accumulator.exempt : 0,
    fresh: accounts ? accumulator.total - accumulator.reported : 0,
    values: spec.compute.map((statistic) => accumulator.value(statistic, span, context)),
  };
  accumulator.reported = accumulator.total;
  accumulator.revision += 1;
  if (isOver) accumulator.closed = true;
  return pane;
}
