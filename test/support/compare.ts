// Holds what a store has against the oracle: count, min and max to the last digit, mean to 1e-9, percentiles within the
// sketch's stated error.

import type { StoredPane } from '@weir/hub/store/store.ts';
import { sketchAccuracy } from '@weir/shared/stream/sketch.ts';
import { expect } from 'vitest';
import type { BatchPane } from './batch.ts';

export function expectSamePanes(stored: readonly StoredPane[], expected: readonly BatchPane[]): void {
  expect(stored.map(({ start }) => start)).toEqual(expected.map(({ start }) => start));
  expect(stored.map((pane) => exact({ ...pane, min: pane.values.min, max: pane.values.max }))).toEqual(
    expected.map(exact),
  );
  for (const [index, pane] of expected.entries()) {
    const { mean = NaN, stddev = NaN, p95 = NaN } = stored[index]?.values ?? {};
    expect(relative(mean, pane.mean), `mean at ${pane.start}`).toBeLessThan(1e-9);
    expect(relative(p95, pane.p95), `p95 at ${pane.start}`).toBeLessThanOrEqual(sketchAccuracy);
    if (pane.count > 1) expect(Math.abs(stddev - pane.stddev), `stddev at ${pane.start}`).toBeLessThan(1e-6);
    else expect(stddev).toBeNaN();
  }
}

function exact({
  start,
  count,
  min,
  max,
}: {
  start: number;
  count: number;
  min: number | undefined;
  max: number | undefined;
}) {
  return { start, count, min, max };
}

function relative(actual: number, expected: number): number {
  return Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-300);
}
