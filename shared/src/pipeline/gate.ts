// The quality gate: what may enter windows and rules at all. judge.ts says which of those are uncertain.

import type { LossReason, Reading } from '../model/reading.ts';
import type { SeriesState } from './series-state.ts';

/** Event times after the year 9999, or as far before 1970, have no date anybody could read. */
const maxTime = Date.UTC(9999, 11, 31);

/**
 * @param value in the signal's unit
 * @param latest the event time beyond which a reading comes from the future
 * @returns why the reading may not enter, or undefined when it may
 */
export function refusal(
  { time, quality }: Reading,
  value: number,
  latest: number,
  state: SeriesState,
): LossReason | undefined {
  if (!Number.isFinite(value)) return 'not_a_number';
  if (!(time >= -maxTime && time <= maxTime)) return 'bad_time';
  if (quality === 'bad') return 'bad_quality';
  const { range } = state.plan;
  if (value < range[0] || value > range[1]) return 'out_of_range';
  if (time > latest) return 'future';
  if (time < state.oldest) return 'too_late';
  return undefined;
}
