// The power goes at the hub while gateways deliver, at any write and with any of the unflushed writes lost or torn: what a gateway
// was told is stored is in the store, once and in order, and the hub's cursors promise no more than the store has.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@weir/hub/clock.ts';
import { parseHubConfig } from '@weir/hub/config.ts';
import { silentLog } from '@weir/hub/log.ts';
import { State } from '@weir/hub/state/state.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { describe, expect, it } from 'vitest';
import { startHubProcess } from '../support/hub.ts';
import { scratchFolder } from '../support/processes.ts';
import { WriteLogRig } from '../support/write-log.ts';
import { addGateways, gatewayName, startGateways } from './gateways.ts';
import { Notes } from './notes.ts';

const cuts = Number(process.env['WEIR_CUTS'] ?? 60);
const lacking = WriteLogRig.lacks();
const gateways = 4;
const perPut = 3;
const logBytes = 4e6 + cuts * 150e3;

/** Readings that may wait at the gateways. */
const maxWaiting = 60;

interface Left {
  /** Readings in the store, gateway by gateway. */
  readonly stored: readonly number[];
  /** Readings the cursors say are in the store. */
  readonly promised: readonly number[];
}

/** What a hub finds that starts from there. */
async function look(folder: string): Promise<Left> {
  const config = parseHubConfig('data: ./hub-data\nstore: { sqlite: true }', 'hub.yaml', folder);
  const { dataFolder, raw } = config;
  const state = State.open(dataFolder);
  const store = await config.store({ dataFolder, rawKeepMs: raw.keepMs, clock: systemClock, log: silentLog });
  try {
    const stored: number[] = [];
    const promised: number[] = [];
    for (let index = 0; index < gateways; index++) {
      const gateway = gatewayName(index);
      const of = { gateway, device: 'press', signal: 'temperature', window: '1s' };
      const panes = await store.panes({ ...of, from: 0, to: Date.UTC(2100, 0), limit: 1_000_000 });
      expect(panes.map(({ start, count }) => [start, count])).toEqual(panes.map((_, second) => [second * 1000, 1]));
      stored.push(panes.length);
      promised.push(state.cursors.readings(gateway).stored);
    }
    return { stored, promised };
  } finally {
    state.close();
    await store.close();
  }
}

/** Lets gateways deliver until the log is long enough. Notes for each how much was sent and how much acknowledged. */
async function deliver(rig: WriteLogRig, sent: Notes<number>, acked: Notes<readonly number[]>): Promise<void> {
  const folder = join(rig.folder, 'hub');
  mkdirSync(folder);
  const key = await addGateways(join(folder, 'hub-data'), gateways);
  await using hub = await startHubProcess(folder);
  await using many = await startGateways(`mqtt://127.0.0.1:${hub.mqttPort}`, key, gateways, perPut);
  for (let total = 0; rig.position < logBytes;) {
    const { delivered } = await many.status();
    acked.add(delivered);
    if (total > Math.min(...delivered) + maxWaiting) continue;
    sent.add((total += perPut));
    many.put();
  }
}

describe.skipIf(lacking !== undefined)(
  'a hub on ext4 with its writes logged (needs root, loop devices, nbdfuse)',
  () => {
    it(`has after each of ${cuts} power cuts what it had acknowledged, once and in order`, async ({ annotate }) => {
      using scratch = scratchFolder('hub-power');
      const rig = await WriteLogRig.open(scratch.path);
      let lost = 0;
      try {
        const sent = new Notes<number>(rig);
        const acked = new Notes<readonly number[]>(rig);
        await deliver(rig, sent, acked);
        const log = await rig.cuts();
        await annotate(
          `${log.count} writes and flushes, ${log.flushes} of them flushes; ${sent.count * perPut} readings each`,
        );
        const random = randomFrom(20261124);
        for (let cut = 0; cut < cuts; cut++) {
          const count = Math.floor(((cut + random()) / cuts) * log.count);
          const position = log.positionAt(count);
          const { stored, promised } = await log.inspect(count, random, (mounted) => look(join(mounted, 'hub')));
          const sentBefore = sent.at(position) ?? 0;
          for (const [index, ackedBefore] of (acked.at(position) ?? []).entries()) {
            const inStore = stored[index] ?? NaN;
            expect(inStore, 'readings in the store, and acknowledged').toBeGreaterThanOrEqual(ackedBefore);
            expect(inStore, 'readings in the store, and sent').toBeLessThanOrEqual(sentBefore);
            expect(inStore, 'readings in the store, and by the cursor').toBeGreaterThanOrEqual(promised[index] ?? NaN);
            expect(promised[index], 'readings by the cursor, and acknowledged').toBeGreaterThanOrEqual(ackedBefore);
            lost += sentBefore - inStore;
          }
        }
        await log.close();
      } finally {
        await rig.close();
      }
      expect(lost).toBeGreaterThan(0);
    }, 900_000);
  },
);
