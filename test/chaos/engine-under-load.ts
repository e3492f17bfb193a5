// An agent's engine at work on a real disk, as fast as that allows, and what is expected of the disk when the power is cut.

import type { Pane } from '@weir/shared/model/pane.ts';
import { realDisk, type Disk } from '@weir/edge-agent/log/disk.ts';
import { FakeClock } from '@weir/edge-agent/testing/fake-clock.ts';
import { finalPanes } from '@weir/edge-agent/testing/final-panes.ts';
import type { HubModel } from '@weir/edge-agent/testing/hub-model.ts';
import { Station, type Sample } from '@weir/edge-agent/testing/station.ts';
import { expect } from 'vitest';

const started = 1_700_000_000_000;
const perTurn = 7;
const turnMs = 300;
/** The outbox is delivered every so many turns, and the state checkpointed. */
const deliverEvery = 9;
const checkpointEvery = 50;

/** The nth reading of the one sensor there is. */
const reading = (n: number): Sample => ({
  device: 'press',
  time: started + Math.floor(n / perTurn) * turnMs + (n % perTurn) * 40,
  value: (n * 37) % 40,
});

export interface Watcher {
  /** So many readings have been sent; the disk has not seen the last of them yet. */
  readonly sent: (count: number) => void;
  /** So many readings are acknowledged. */
  readonly acked: (count: number) => void;
  /** Lets the hub have what is in the outbox, if it may. */
  readonly deliver: (station: Station) => Promise<void>;
}

export interface Load {
  /** The time of the engine. */
  readonly now: () => number;
  /** Ends it as a crash does. */
  readonly stop: () => Promise<void>;
}

/** Starts an engine in a folder, and keeps it busy until it is stopped. */
export async function load(disk: Disk, folder: string, watcher: Watcher): Promise<Load> {
  const clock = new FakeClock(started);
  const station = await Station.start({ disk, clock, folder, packs: true });
  const end = new AbortController();
  const working = work(station, clock, end.signal, watcher);
  // Whoever stops it hears of it.
  working.catch(() => undefined);
  return {
    now: () => clock.now(),
    async stop() {
      end.abort();
      try {
        await working;
      } finally {
        await station.kill();
      }
    },
  };
}

async function work(station: Station, clock: FakeClock, signal: AbortSignal, watcher: Watcher): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    clock.advance(turnMs);
    const first = turn * perTurn;
    const next = first + perTurn;
    watcher.sent(next);
    const samples = Array.from({ length: perTurn }, (_, index) => reading(first + index));
    await station.take(samples, { attempt: 'first', ack: () => watcher.acked(next) });
    await station.engine.commit({ checkpoint: turn % checkpointEvery === checkpointEvery - 1 });
    expect(station.health.all()).toContainEqual(expect.objectContaining({ part: 'journal', up: true }));
    if (turn % deliverEvery === 0) await watcher.deliver(station);
  }
}

/**
 * Starts from what a cut has left, lets the hub have all of it, and holds it against what was sent.
 * @param hub as it was at the cut, or before @returns how many readings there were
 */
export async function recoverAll(folder: string, now: number, hub: HubModel): Promise<number> {
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

/** Counts of readings, at one power cut. */
export interface Found {
  readonly ackedBefore: number;
  readonly sentAfter: number;
  readonly taken: number;
}

export function expectPromise({ ackedBefore, sentAfter, taken }: Found): void {
  expect(taken, 'readings that are there, and were acknowledged').toBeGreaterThanOrEqual(ackedBefore);
  expect(taken, 'readings that are there, and were sent').toBeLessThanOrEqual(sentAfter);
}

/** An agent that says "on disk" without asking the disk: it must be found out. */
export const careless: Disk = {
  ...realDisk,
  create: async (path) => ({ ...(await realDisk.create(path)), sync: () => Promise.resolve() }),
};
