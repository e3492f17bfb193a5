// Moves what was stamped by a provisional time line to its place, block by block, when the time has become known.
//
// Arrivals and the tick move by as much as the line was off. So does the event time of a reading that had none of its own: it is
// its arrival time, to the millisecond. What a sensor has stamped stays, and is looked at again now that it can be said which
// clocks are wrong; the journal holds such readings as they came.

import type { Block, BlockReading } from '../log/journal-block.ts';
import type { DeviceClocks } from './device-clocks.ts';

/** @param ms by how much; 0 where it is not known yet @param clocks told of every provisional block, in order */
export function restamp(block: Block, ms: number, clocks: DeviceClocks): Block {
  const readings: BlockReading[] = [];
  for (let at = 0; at < block.readings.length;) {
    const end = endOfDelivery(block.readings, at);
    const moved = block.readings.slice(at, end).map((reading) => move(reading, ms));
    const arrival = moved[0]?.arrival ?? 0;
    for (const reading of clocks.stamp(moved, arrival, deviceOf)) readings.push(reading);
    at = end;
  }
  return { ...block, tick: block.tick + ms, awake: block.awake + ms, readings };
}

/** Readings that arrived at the same time are looked at together, as they were when they came. */
function endOfDelivery(readings: readonly BlockReading[], from: number): number {
  let end = from + 1;
  while (end < readings.length && readings[end]?.arrival === readings[from]?.arrival) end += 1;
  return end;
}

function move(reading: BlockReading, ms: number): BlockReading {
  const arrival = reading.arrival + ms;
  return { ...reading, arrival, time: reading.time === reading.arrival ? arrival : reading.time };
}

export function deviceOf({ device }: { readonly device: string }): string {
  return device;
}

/** What is known of a provisional line: from when to when it was used, in its own time. */
export interface LineSpan {
  readonly line: string;
  readonly begin: number;
  readonly end: number;
}

/**
 * Lines of earlier starts that ended before the time was known, one after the other, the oldest first. How long the machine
 * was off between them nobody can say; they stay where they are as far as they fit in before the one that follows.
 * @param begin true time at which the line began that is known @param floor the latest time known before all of them
 */
export function estimateMoves(spans: readonly LineSpan[], begin: number, floor: number): Map<string, number> {
  const moves = new Map<string, number>();
  let next = begin;
  for (const span of spans.toReversed()) {
    const ms = Math.round(Math.max(Math.min(0, next - span.end), Math.min(0, floor - span.begin)));
    moves.set(span.line, ms);
    next = span.begin + ms;
  }
  return moves;
}
