// The kinds of windows: one file and one line each.

import type { WindowSpec } from '../model/pane.ts';
import { CountWindows } from './count.ts';
import { HoppingWindows } from './hopping.ts';
import type { SignalContext, WindowOperator } from './operator.ts';
import { SessionWindows } from './session.ts';
import { TumblingWindows } from './tumbling.ts';

export interface WindowOptions {
  readonly latenessMs: number;
  readonly context: SignalContext;
  /** Whether it accounts for the series' readings. */
  readonly accounts: boolean;
}

export function openWindows(spec: WindowSpec, { latenessMs, context, accounts }: WindowOptions): WindowOperator {
  switch (spec.shape.kind) {
    case 'tumbling':
      return new TumblingWindows(spec, latenessMs, context, accounts);
    case 'hopping':
      return new HoppingWindows(spec, latenessMs, context, accounts);
    case 'session':
      return new SessionWindows(spec, latenessMs, context, accounts);
    case 'count':
      return new CountWindows(spec, latenessMs, context, accounts);
  }
}
