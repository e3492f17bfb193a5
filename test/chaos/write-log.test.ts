// The power goes while an agent's engine is under load on a real file system, at any write and with any of the unflushed writes
// lost or torn: what was acknowledged is there, nothing is there twice, and it always starts. power-cuts.test.ts takes disks as
// they are; here they are made from a log of the writes, which goes further than the kernel would by chance.
// `WEIR_CUTS=1000 npm test -- chaos/write-log` takes more.

import { realDisk, type Disk } from '@weir/edge-agent/log/disk.ts';
import { HubModel } from '@weir/edge-agent/testing/hub-model.ts';
import { randomFrom } from '@weir/edge-agent/testing/random.ts';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { WriteLogRig } from '../support/write-log.ts';
import { careless, expectPromise, load, recoverAll, type Found } from './engine-under-load.ts';
import { Notes } from './notes.ts';

const cuts = Number(process.env['WEIR_CUTS'] ?? 60);
const lacking = WriteLogRig.lacks();
/** Every cut gets a stretch of the log of its own. */
const logBytes = 8e6 + cuts * 100e3;

/** Puts an engine under load, and holds disks as cuts would have left them against what was said before. */
async function cutPower(times: number, disk: Disk, judge: (found: Found) => void): Promise<string> {
  using scratch = scratchFolder('write-log');
  const rig = await WriteLogRig.open(scratch.path);
  try {
    const sent = new Notes<number>(rig);
    const acked = new Notes<number>(rig);
    const hubs = new Notes<HubModel>(rig);
    const live = new HubModel();
    const engine = await load(disk, `${rig.folder}/life`, {
      sent: (count) => sent.add(count),
      acked: (count) => acked.add(count),
      deliver: async ({ recovered }) => {
        // A hub of before the acks, for what they free may be gone from the disk.
        await live.receive(recovered.outbox, { acks: false });
        hubs.add(new HubModel(live.panes, live.cursors));
        await live.receive(recovered.outbox);
      },
    });
    try {
      await until('there is enough to cut', () => rig.position > logBytes, 60_000);
    } finally {
      await engine.stop();
    }
    const log = await rig.cuts();
    try {
      const random = randomFrom(20261123);
      for (let cut = 0; cut < times; cut++) {
        const count = Math.floor(((cut + random()) / times) * log.count);
        const position = log.positionAt(count);
        const { panes = [], cursors } = hubs.at(position) ?? {};
        const ackedBefore = acked.at(position) ?? 0;
        const sentAfter = sent.at(position) ?? 0;
        await log.inspect(count, random, async (mounted) => {
          const taken = await recoverAll(`${mounted}/life`, engine.now(), new HubModel(panes, cursors));
          judge({ ackedBefore, sentAfter, taken });
        });
      }
      return `${log.count} writes and flushes, ${log.flushes} of them flushes; ${acked.count} acks`;
    } finally {
      await log.close();
    }
  } finally {
    await rig.close();
  }
}

describe.skipIf(lacking !== undefined)('on ext4 with its writes logged (needs root, loop devices, nbdfuse)', () => {
  it(`of ${cuts} power cuts, with unflushed writes lost and torn, none takes what was acknowledged, or doubles anything`, async ({
    annotate,
  }) => {
    let lost = 0;
    const figures = await cutPower(cuts, realDisk, (found) => {
      expectPromise(found);
      lost += found.sentAfter - found.taken;
    });
    await annotate(figures);
    // It was under load: cuts hit what was not acknowledged yet.
    expect(lost).toBeGreaterThan(0);
  }, 900_000);

  it('an agent that does not sync is found out', async () => {
    await expect(cutPower(10, careless, expectPromise)).rejects.toThrow('expected');
  }, 120_000);
});
