// Notices made up for tests of what is told.

import type { Transition } from '@weir/shared/model/alert.ts';
import type { Notice, Told } from '../actions/notice.ts';

export function noticeOf(first: Transition, ...others: readonly Transition[]): Notice {
  return [told(first), ...others.map((transition) => told(transition))];
}

function told(transition: Transition): Told {
  return { transition, count: 1, lastTime: transition.time };
}
