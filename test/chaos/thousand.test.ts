// A thousand gateways lose the same hub in the same instant, and come back to it. `WEIR_GATEWAYS=2000 npm test -- chaos/thousand`
// takes more.

import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GatewayView } from '@weir/hub/http/views.ts';
import { describe, expect, it } from 'vitest';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { addGateways, gatewayName, startGateways } from './gateways.ts';

const count = Number(process.env['WEIR_GATEWAYS'] ?? 1000);
const perPut = 10;
/** A hub alone, and what a gateway's connection may cost. */
const memoryLimitBytes = 150e6 + count * 300e3;

/** The most memory the process has ever had resident. */
function peakBytes(pid = 0): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}

describe(`${count} gateways`, () => {
  it('come back to a hub that was killed: everything is stored, nothing twice, and the hub stays small', async ({
    annotate,
  }) => {
    using scratch = scratchFolder('thousand');
    const folder = join(scratch.path, 'hub');
    mkdirSync(folder);
    const key = await addGateways(join(folder, 'hub-data'), count);
    await using hub = await startHubProcess(folder);
    const aloneBytes = peakBytes(hub.pid);
    await using gateways = await startGateways(`mqtt://127.0.0.1:${hub.mqttPort}`, key, count, perPut);
    const figures: string[] = [];
    /** Until the last is served, and half of them. */
    const served = async (what: string): Promise<void> => {
      const from = performance.now();
      const seconds = (): string => ((performance.now() - from) / 1000).toFixed(1);
      let half: string | undefined;
      await until(
        what,
        async () => {
          const { connected, waiting } = await gateways.status();
          if (connected - waiting >= count / 2) half ??= seconds();
          return connected === count && waiting === 0;
        },
        60_000,
      );
      figures.push(`${what}: half after ${half} s, the last after ${seconds()} s`);
    };

    gateways.put();
    await served('all have come');
    const cameBytes = peakBytes(hub.pid);

    // In the middle of it: some of it is stored and not acknowledged.
    gateways.put();
    await until('some is stored', async () => {
      const { delivered } = await gateways.status();
      const again = delivered.filter((readings) => readings > perPut).length;
      return again > 0.2 * count && again < count;
    });
    await hub.kill();
    await until('all have noticed', async () => (await gateways.status()).connected === 0);
    gateways.put();
    await hub.restart();
    await served('all have come back');
    const returnedBytes = peakBytes(hub.pid);

    const response = await fetch(`${hub.url}/api/gateways`);
    const views = (await response.json()) as GatewayView[];
    expect(views).toHaveLength(count);
    expect(views.filter(({ gaps, lost }) => gaps.count > 0 || Object.keys(lost).length > 0)).toEqual([]);
    expect(new Set(views.map(({ stored }) => stored))).toEqual(new Set([3 * perPut]));
    await hub.stop();
    const store = await hub.openStore();
    expect(await store.countStored()).toBe(count * 3 * perPut);
    const of = { device: 'press', signal: 'temperature', window: '1s', from: 0, to: 1e6, limit: 1000 };
    const panes = await store.panes({ gateway: gatewayName(count - 1), ...of });
    expect(panes.map(({ start, count: readings }) => [start, readings])).toEqual(
      Array.from({ length: 3 * perPut }, (_, index) => [index * 1000, 1]),
    );
    await store.close();
    const megabytes = [aloneBytes, cameBytes, returnedBytes].map((bytes) => Math.round(bytes / 1e6));
    figures.push(`MB resident in the hub at most: ${megabytes.join(', ')} (alone, all there, all back)`);
    await annotate(figures.join('; '));
    expect(Math.max(cameBytes, returnedBytes)).toBeLessThan(memoryLimitBytes);
  }, 150_000);
});
