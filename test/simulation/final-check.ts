// What the store must hold when everything has come to rest. The readings that are in it are read from the digits of the sums of
// the minute windows (sensor.ts); every other window is then computed from these.

import type { Pane, WindowShape } from '@weir/shared/model/pane.ts';
import { batchStatistic, batchWindows } from '@weir/shared/testing/batch.ts';
import type { Issued } from './sensor.ts';
import { slots } from './sensor.ts';
import { describe } from './oracle.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';
import type { SimulatedStore } from './simulated-store.ts';

export const sumWindow = '1m';

/** What the programs say of a gateway's readings. */
export interface Books {
  readonly taken: number;
  /** By the gateway's count and by the hub's. */
  readonly lost: number;
}

/** @returns what is wrong, in sentences */
export function checkStore(store: SimulatedStore, gateway: SimulatedGateway, { taken, lost }: Books): string[] {
  const wrong: string[] = [];
  const panes = [...store.rows.values()]
    .filter((row) => row.gateway === gateway.name && !row.pane.retracted)
    .map(({ pane }) => pane);
  const there = new Set<Issued>();
  const issued = Map.groupBy(gateway.issued, ({ device }) => device);
  for (const pane of panes.filter(({ window }) => window.id === sumWindow)) {
    for (const found of readingsIn(pane, issued.get(pane.series.device) ?? [], wrong)) there.add(found);
  }
  const missing = gateway.issued.filter((reading) => reading.durable && !there.has(reading));
  if (missing.length > lost)
    wrong.push(
      `${missing.length} readings are missing, ${lost} are counted as lost; the first: ${missing.slice(0, 5).map(describe).join('; ')}`,
    );
  for (const reading of there)
    if (reading.handed === 0) wrong.push(`${describe(reading)} was never handed over, and is in the store`);
  if (there.size + lost !== taken)
    wrong.push(`${taken} readings were taken and ${lost} are lost, but ${there.size} are in the store`);
  if (lost === 0) wrong.push(...checkWindows(panes, there));
  return wrong;
}

/** The readings of one minute, by the digits of its sum. */
function readingsIn(pane: Pane, issued: readonly Issued[], wrong: string[]): Issued[] {
  const name = `${pane.series.device} ${pane.window.id} ${new Date(pane.start).toISOString().slice(11, 19)}`;
  const sum = pane.values[pane.window.compute.indexOf('sum')] ?? Number.NaN;
  const found: Issued[] = [];
  let left = sum;
  for (let slot = 0; slot < slots; slot++) {
    const digit = left % 4;
    left = Math.floor(left / 4);
    if (digit === 0) continue;
    const reading = issued.find(({ time, number }) => number % slots === slot && time >= pane.start && time < pane.end);
    if (digit > 1)
      wrong.push(
        `${name}: a reading is in it ${digit} times (${reading === undefined ? 'none was issued' : describe(reading)})`,
      );
    if (reading === undefined) wrong.push(`${name}: nobody issued what would be digit ${slot} of ${sum}`);
    else found.push(reading);
  }
  if (found.length !== pane.count)
    wrong.push(`${name}: ${pane.count} readings by its count, ${found.length} by its sum`);
  return found;
}

/** Every window, computed from the readings that are there. */
function checkWindows(panes: readonly Pane[], there: ReadonlySet<Issued>): string[] {
  const wrong: string[] = [];
  const windows = new Map(panes.map(({ window }) => [window.id, window]));
  const byDevice = Map.groupBy(there, ({ device }) => device);
  for (const { id, shape, compute } of windows.values()) {
    for (const [device, readings] of byDevice) {
      const stored = new Map(
        panes
          .filter((pane) => pane.window.id === id && pane.series.device === device)
          .map((pane) => [pane.start, pane]),
      );
      for (const window of batchWindows(readings, shape)) {
        const name = `${device} ${id} ${new Date(window.start).toISOString().slice(11, 23)}`;
        const pane = stored.get(window.start);
        stored.delete(window.start);
        if (pane === undefined) {
          wrong.push(`${name}: the pane is missing`);
          continue;
        }
        if (pane.count !== window.rows.length)
          wrong.push(`${name}: ${pane.count} readings instead of ${window.rows.length}`);
        for (const [index, statistic] of compute.entries()) {
          const expected = batchStatistic(statistic, window, {
            shape: shape satisfies WindowShape,
            isOn: (value) => value !== 0,
            expectMs: 1,
          });
          if (!Object.is(pane.values[index], expected))
            wrong.push(`${name}: ${statistic} is ${pane.values[index]} instead of ${expected}`);
        }
      }
      for (const { start } of stored.values())
        wrong.push(`${device} ${id} ${new Date(start).toISOString().slice(11, 23)}: a pane nobody needs`);
    }
  }
  return wrong;
}
