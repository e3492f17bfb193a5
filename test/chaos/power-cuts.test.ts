// The power goes while an agent's engine is under load on a real file system: what was acknowledged is there, nothing is
// there twice, and it always starts. The points in time are chance's; `WEIR_CUTS=1000 npm test -- chaos/power` takes more.

import { setTimeout as sleep } from 'node:timers/promises';
import { realDisk, type Disk } from '@weir/edge-agent/log/disk.ts';
import { HubModel } from '@weir/edge-agent/testing/hub-model.ts';
import { describe, expect, it } from 'vitest';
import { PowerRig } from '../support/power.ts';
import { scratchFolder } from '../support/processes.ts';
import { careless, expectPromise, load, recoverAll, type Found } from './engine-under-load.ts';

const cuts = Number(process.env['WEIR_CUTS'] ?? 200);
const cutsPerLife = 20;
const lacking = PowerRig.lacks();

/** Cuts the power so often under load, and holds each disk as it was left against what was said before. */
async function cutPower(rig: PowerRig, times: number, disk: Disk, judge: (found: Found) => void): Promise<void> {
  for (let done = 0; done < times;) {
    const folder = `${rig.folder}/life-${done}`;
    const live = new HubModel();
    let hubMay = true;
    let receiving = Promise.resolve();
    let sent = 0;
    let acked = 0;
    const engine = await load(disk, folder, {
      sent: (count) => (sent = count),
      acked: (count) => (acked = count),
      deliver: async ({ recovered }) => {
        if (!hubMay) return;
        receiving = live.receive(recovered.outbox);
        await receiving;
      },
    });
    try {
      for (let index = 0; index < cutsPerLife && done < times; index++, done++) {
        await sleep(10 + ((done * 7919) % 60));
        // What the hub has must be older than the disk it is held against.
        hubMay = false;
        await receiving;
        const hub = new HubModel(live.panes, live.cursors);
        const ackedBefore = acked;
        const copy = await rig.cut();
        const sentAfter = sent;
        hubMay = true;
        await rig.inspect(copy, async (mounted) => {
          const taken = await recoverAll(`${mounted}${folder.slice(rig.folder.length)}`, engine.now(), hub);
          judge({ ackedBefore, sentAfter, taken });
        });
      }
    } finally {
      await engine.stop();
    }
  }
}

describe.skipIf(lacking !== undefined)('on ext4 (needs root, loop devices, xfsprogs)', () => {
  it(`the power is cut ${cuts} times under load: all that was acknowledged is there, nothing twice, and it always starts`, async () => {
    using scratch = scratchFolder('power');
    const rig = await PowerRig.open(scratch.path);
    let lost = 0;
    try {
      await cutPower(rig, cuts, realDisk, (found) => {
        expectPromise(found);
        lost += found.sentAfter - found.taken;
      });
    } finally {
      await rig.close();
    }
    // It was under load: cuts hit what was not acknowledged yet.
    expect(lost).toBeGreaterThan(0);
  }, 900_000);

  it('an agent that does not sync is found out', async () => {
    using scratch = scratchFolder('power');
    const rig = await PowerRig.open(scratch.path);
    try {
      await expect(cutPower(rig, 10, careless, expectPromise)).rejects.toThrow('expected');
    } finally {
      await rig.close();
    }
  }, 120_000);
});
