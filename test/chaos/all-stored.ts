// What a hub's store has, held against what the sensors' broker took: every reading once.

import { expect } from 'vitest';
import { batchPanes } from '../support/batch.ts';
import type { HubProcess } from '../support/hub.ts';
import type { Issued } from './sensors.ts';

/** @param hub has stopped @param windowMs length of the windows `gateway` makes of the signal `temperature` */
export async function expectAllStored(
  hub: HubProcess,
  gateway: string,
  issued: readonly Issued[],
  windowMs: number,
): Promise<void> {
  const store = await hub.openStore();
  try {
    const of = { gateway, signal: 'temperature', window: `${windowMs / 1000}s` };
    for (const [device, readings] of Map.groupBy(issued, (reading) => reading.device)) {
      const panes = await store.panes({ ...of, device, from: 0, to: Date.UTC(2100, 0), limit: 1_000_000 });
      const inStore = panes.map(({ start, count, values: { min, max } }) => ({ start, count, min, max }));
      const expected = batchPanes(readings, windowMs).map(({ start, count, min, max }) => ({ start, count, min, max }));
      expect(inStore).toEqual(expected);
    }
    expect(await store.countStored()).toBe(issued.length);
  } finally {
    await store.close();
  }
}
