// The first promise as a station's own books tell it.

import { expect } from 'vitest';
import type { Station } from './station.ts';

/** Every reading taken in is at the hub, waits, is in an open window, or is lost for a reason. */
export function expectBalanced(station: Station): void {
  const { taken, open, pending, delivered, lost } = station.reporter.status();
  const lostReadings = Object.values(lost).reduce((sum, count) => sum + count, 0);
  expect(delivered + pending + open + lostReadings).toBe(taken);
  expect(open).toBe(station.recovered.pipeline.countOpen());
}
