// What the store must hold when everything has come to rest. The readings that are in it are read from the digits of the sums of
// the minute windows (sensor.ts); every other window is then computed from these.

import type { Pane, WindowShape } from '@weir/shared/model/pane.ts';
import { batchStatistic, batchWindows } from '@weir/shared/testing/batch.ts';
import type { Issued } from './sensor.ts';
import { slots } from './sensor.ts';
import { describe, readingKey } from './oracle.ts';
import type { SimulatedHub } from './simulated-hub.ts';
import type { SimulatedGateway } from './simulated-gateway.ts';
import type { SimulatedStore } from './simulated-store.ts';

export const sumWindow = '1m';

export interface End {
  readonly gateway: SimulatedGateway;
  readonly hub: SimulatedHub;
  readonly store: SimulatedStore;
  /** Its outbox was too small for what waited: something was thinned or evicted. */
  readonly crowded: boolean;
}

/** @returns what is wrong, in sentences */
export function checkEnd({ gateway, hub, store, crowded }: End): string[] {
  const status = gateway.agent?.status();
  const view = hub.hub?.status().gateways.find(({ name }) => name === gateway.name);
  if (status === undefined || view === undefined) return ['it does not run, or nobody knows it'];
  const wrong: string[] = [];
  const { taken } = status;
  const losses = { ...status.lost, ...view.lost };
  const lost = Object.values(losses).reduce((sum, count) => sum + count, 0);
  const { stored } = hub.readings(gateway.name);
  const counted = store.countStored(gateway.name);
  // What is evicted while it is on its way may be stored all the same: it is counted as both.
  const twice = stored + lost - taken;
  if (twice < 0 || twice > (status.lost.evicted ?? 0))
    wrong.push(
      `${taken} readings were taken, ${stored} are stored by the hub's count, lost are ${JSON.stringify(losses)}`,
    );
  wrong.push(...checkRaw(store, gateway));
  if (crowded) {
    // Thinned panes cannot be told apart by their digits, and late readings make a store hold some of them twice.
    if (taken > counted + lost)
      wrong.push(`${taken} readings were taken, ${counted} are in the store and ${lost} lost`);
    return wrong;
  }
  if (lost > 0)
    wrong.push(`${lost} readings are lost, and nothing was in a way to lose them: ${JSON.stringify(losses)}`);
  if (counted !== stored) wrong.push(`the hub counts ${stored} stored readings, the store ${counted}`);
  return [...wrong, ...checkStore(store, gateway, { taken, lost })];
}

/** Raw readings are what the sensor has said. */
function checkRaw(store: SimulatedStore, gateway: SimulatedGateway): string[] {
  const issued = new Map(gateway.issued.map((reading) => [readingKey(reading), reading]));
  return [...store.raw.values()].flatMap(({ gateway: of, device, time, value }) => {
    if (of !== gateway.name || issued.get(`${of}/${device}/${time}`)?.value === value) return [];
    return [`nobody issued the raw reading ${value} of ${device} at ${time}`];
  });
}

/** What the programs say of a gateway's readings. */
interface Books {
  readonly taken: number;
  /** By the gateway's count and by the hub's. */
  readonly lost: number;
}

/** @returns what is wrong, in sentences */
function checkStore(store: SimulatedStore, gateway: SimulatedGateway, { taken, lost }: Books): string[] {
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
