// The power goes while an agent's engine is under load on a real file system: what was acknowledged is there, nothing is
// there twice, and it always starts. The points in time are chance's; `WEIR_CUTS=1000 npm test -- chaos/power` takes more.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Pane } from '@weir/shared/model/pane.ts';
import { realDisk, type Disk } from '@weir/edge-agent/log/disk.ts';
import { FakeClock } from '@weir/edge-agent/testing/fake-clock.ts';
import { finalPanes } from '@weir/edge-agent/testing/final-panes.ts';
import { HubModel } from '@weir/edge-agent/testing/hub-model.ts';
import { Station, type Sample } from '@weir/edge-agent/testing/station.ts';
import { describe, expect, it } from 'vitest';
import { PowerRig } from '../support/power.ts';
import { scratchFolder } from '../support/processes.ts';

const cuts = Number(process.env['WEIR_CUTS'] ?? 200);
const cutsPerLife = 20;
const lacking = PowerRig.lacks();
const started = 1_700_000_000_000;
const perTurn = 7;
const turnMs = 300;

/** The nth reading of the one sensor there is. */
const reading = (n: number): Sample => ({
  device: 'press',
  time: started + Math.floor(n / perTurn) * turnMs + (n % perTurn) * 40,
  value: (n * 37) % 40,
});

interface Life {
  readonly station: Station;
  readonly clock: FakeClock;
  readonly hub: HubModel;
  sent: number;
  /** Readings that are acknowledged: all before this one. */
  acked: number;
  receiving: Promise<void>;
}

/** Goes on as long as `signal` says, as fast as the disk allows; the hub takes what is there while it may. */
async function work(life: Life, signal: AbortSignal, hubMay: () => boolean): Promise<void> {
  const { station, clock, hub } = life;
  for (let turn = 0; !signal.aborted; turn++) {
    clock.advance(turnMs);
    const first = life.sent;
    life.sent += perTurn;
    const samples = Array.from({ length: perTurn }, (_, index) => reading(first + index));
    await station.take(samples, { attempt: 'first', ack: () => (life.acked = first + perTurn) });
    await station.engine.commit({ checkpoint: turn % 50 === 49 });
    expect(station.health.all()).toContainEqual(expect.objectContaining({ part: 'journal', up: true }));
    if (turn % 9 !== 0 || !hubMay()) continue;
    life.receiving = hub.receive(station.recovered.outbox);
    await life.receiving;
  }
}

/** What the first so many readings make, window by window. */
function expected(count: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let n = 0; n < count; n++) {
    const start = Math.floor(reading(n).time / 1000) * 1000;
    counts.set(`1s ${start}`, (counts.get(`1s ${start}`) ?? 0) + 1);
  }
  return counts;
}

const counted = (panes: Iterable<Pane>): Map<string, number> =>
  new Map([...panes].filter(({ window }) => window.id === '1s').map((pane) => [`1s ${pane.start}`, pane.count]));

interface Found {
  readonly ackedBefore: number;
  readonly sentAfter: number;
  readonly taken: number;
}

/** Cuts the power so often under load, and holds each disk as it was left against what was said before. */
async function cutPower(rig: PowerRig, times: number, disk: Disk, judge: (found: Found) => void): Promise<void> {
  for (let done = 0; done < times;) {
    const folder = `${rig.folder}/life-${done}`;
    const clock = new FakeClock(started);
    const station = await Station.start({ disk, clock, folder, packs: true });
    const life: Life = { station, clock, hub: new HubModel(), sent: 0, acked: 0, receiving: Promise.resolve() };
    const end = new AbortController();
    let hubMay = true;
    const working = work(life, end.signal, () => hubMay);
    try {
      for (let index = 0; index < cutsPerLife && done < times; index++, done++) {
        await sleep(10 + ((done * 7919) % 60));
        // What the hub has must be older than the disk it is held against.
        hubMay = false;
        await life.receiving;
        const hub = new HubModel(life.hub.panes, life.hub.cursors);
        const ackedBefore = life.acked;
        const copy = await rig.cut();
        const sentAfter = life.sent;
        hubMay = true;
        await rig.inspect(copy, async (mounted) => {
          const taken = await recover(`${mounted}${folder.slice(rig.folder.length)}`, clock.now(), hub);
          judge({ ackedBefore, sentAfter, taken });
        });
      }
    } finally {
      end.abort();
      await working;
      await station.kill();
    }
  }
}

/** Starts from what a cut has left, and lets the hub have all of it. @returns how many readings there were */
async function recover(folder: string, now: number, hub: HubModel): Promise<number> {
  const clock = new FakeClock(now + 3_600_000);
  const station = await Station.start({ disk: realDisk, clock, folder });
  try {
    const { taken } = station.reporter.status();
    clock.advance(60_000);
    await station.engine.commit();
    await hub.receive(station.recovered.outbox);
    const { open, pending, delivered } = station.reporter.status();
    expect({ open, pending, delivered }).toEqual({ open: 0, pending: 0, delivered: taken });
    expect(counted(finalPanes(hub.panes).values())).toEqual(expected(taken));
    expect(hub.readings).toBe(taken);
    return taken;
  } finally {
    await station.kill();
  }
}

function expectPromise({ ackedBefore, sentAfter, taken }: Found): void {
  expect(taken, 'readings that are there, and were acknowledged').toBeGreaterThanOrEqual(ackedBefore);
  expect(taken, 'readings that are there, and were sent').toBeLessThanOrEqual(sentAfter);
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
    const careless: Disk = {
      ...realDisk,
      create: async (path) => ({ ...(await realDisk.create(path)), sync: () => Promise.resolve() }),
    };
    try {
      await expect(cutPower(rig, 10, careless, expectPromise)).rejects.toThrow('expected');
    } finally {
      await rig.close();
    }
  }, 120_000);
});
