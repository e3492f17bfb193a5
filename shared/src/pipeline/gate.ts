// The quality gate: what may enter windows and rules.

import type { LossReason, Reading } from '../model/reading.ts';
import type { Plan } from './plan.ts';
import type { SeriesState } from './series-state.ts';

/** Event times after the year 9999, or as far before 1970, have no date anybody could read. */
const maxTime = Date.UTC(9999, 11, 31);

/** @returns why the reading may not enter, or undefined when it may */
export function refusal(reading: Reading, arrival: number, state: SeriesState, plan: Plan): LossReason | undefined {
  const { time, value } = reading;
  if (!Number.isFinite(value)) return 'not_a_number';
  if (!(time >= -maxTime && time <= maxTime)) return 'bad_time';
  if (reading.quality === 'bad') return 'bad_quality';
  const { range } = state.plan;
  if (value < range[0] || value > range[1]) return 'out_of_range';
  if (time > arrival + plan.maxAheadMs) return 'future';
  if (time < state.oldest) return 'too_late';
  return undefined;
}
