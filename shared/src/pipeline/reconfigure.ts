// The same state under another plan: what both have is kept, what goes is named, and an alert whose rule is gone is cleared,
// because nobody else would ever clear it.

import type { Transition } from '../model/alert.ts';
import type { Pipeline } from './pipeline.ts';
import type { Plan } from './plan.ts';
import { restore, snapshot } from './snapshot.ts';

export interface Reconfigured {
  readonly pipeline: Pipeline;
  /** What had state and is not in the plan any more, for the log. */
  readonly dropped: readonly string[];
  /** For alerts that were firing and whose rule the plan does not have, or has with other conditions. */
  readonly cleared: readonly Transition[];
}

/** @param pipeline drained: what is in no snapshot would be lost */
export function reconfigure(pipeline: Pipeline, plan: Plan): Reconfigured {
  const cleared = pipeline.alerts.abandoned(plan);
  return { ...restore(plan, snapshot(pipeline)), cleared };
}
