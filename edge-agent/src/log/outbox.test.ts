import type { Pane } from '@weir/shared/model/pane.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HubModel } from '../testing/hub-model.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { contentOf, pane, transition } from '../testing/outputs.ts';
import { tempFolder } from '../testing/temp-folder.ts';
import { DiskSwitch, watched } from '../testing/watched-disk.ts';
import { realDisk, type Disk } from './disk.ts';
import { Outbox } from './outbox.ts';

interface Options {
  readonly maxBytes?: number;
  readonly segmentBytes?: number;
  readonly journal?: string;
  readonly folder?: string;
}

let made = 0;

function open(disk: Disk, options: Options = {}): Promise<Outbox> {
  const { maxBytes = 1e9, segmentBytes, journal = 'aaaaaaaaaaaaaaaa', folder = '/outbox' } = options;
  return Outbox.open(disk, {
    folder,
    maxBytes,
    journalIncarnation: journal,
    newIncarnation: () => String((made += 1)).padStart(16, '0'),
    ...(segmentBytes !== undefined && { segmentBytes }),
  });
}

const range = (from: number, until: number): number[] =>
  Array.from({ length: until - from }, (_, index) => from + index);
/** The same in a window whose panes cannot be thinned. */
const session: Pane['window'] = { id: 'session-1s', shape: { kind: 'session', gapMs: 1000 }, compute: ['mean'] };
const inSession = (one: Pane): Pane => ({ ...one, window: session, values: [Math.sin(one.start)] });
const panes = (from: number, until: number, fresh = 1) => range(from, until).map((index) => pane(index, fresh));

describe('the outbox', () => {
  it('gives each lane its own outputs, after the sync', async () => {
    const folder = await tempFolder();
    const outbox = await open(realDisk, { folder });
    outbox.append(1, { panes: panes(0, 3), transitions: [transition(7)] });
    expect(await contentOf(outbox.lane('panes'))).toEqual([]);
    await outbox.sync();
    expect(await contentOf(outbox.lane('panes'))).toEqual([0, 1, 2]);
    expect(await contentOf(outbox.lane('alerts'))).toEqual([7]);
    expect(outbox.lane('panes').incarnation).not.toBe(outbox.lane('alerts').incarnation);
    await outbox.close();
    expect(await contentOf((await open(realDisk, { folder })).lane('panes'))).toEqual([0, 1, 2]);
  });

  it('sends alerts first', async () => {
    expect((await open(new MemoryDisk())).lanes.map(({ lane }) => lane)).toEqual(['alerts', 'panes', 'raw']);
  });

  it('puts at most a thousand outputs into one frame', async () => {
    const outbox = await open(new MemoryDisk());
    outbox.append(1, { panes: panes(0, 2500), transitions: [] });
    await outbox.sync();
    expect(outbox.lane('panes').synced).toBe(3);
    expect(await contentOf(outbox.lane('panes'))).toEqual(range(0, 2500));
  });

  it('appends what a replay gives again exactly once, wherever the power went and however often', async () => {
    // One block a number: so many panes each. The outbox ends at some record; a replay starts at some block before it.
    const blocks = fc.array(fc.oneof(fc.nat(3), fc.constantFrom(0, 999, 1000, 1001, 2100)), {
      minLength: 1,
      maxLength: 6,
    });
    const replays = fc.array(fc.record({ from: fc.nat(5), cut: fc.nat(1000) }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(blocks, replays, async (sizes, attempts) => {
        let disk = new MemoryDisk();
        const first = sizes.map((_, index) => sizes.slice(0, index).reduce((sum, size) => sum + size, 0));
        const all = first.at(-1) ?? 0;
        const total = all + (sizes.at(-1) ?? 0);
        let from = 0;
        for (const { from: nextFrom, cut } of [...attempts, { from: 0, cut: 1000 }]) {
          const outbox = await open(disk);
          for (let block = from; block < sizes.length; block++) {
            const start = first[block] ?? 0;
            outbox.append(block + 1, { panes: panes(start, start + (sizes[block] ?? 0)), transitions: [] });
          }
          await outbox.sync();
          // The last lane's file ends where the power went.
          if (cut < 1000) {
            const files = (await disk.list('/outbox/panes')).toSorted();
            const path = `/outbox/panes/${files.at(-1)}`;
            if (files.length > 0) {
              const bytes = disk.contentOf(path);
              disk.overwrite(path, bytes.subarray(0, Math.floor((bytes.length * cut) / 1000)));
            }
          }
          disk = disk.cutPower(() => 0);
          const reopened = await open(disk);
          const held = await contentOf(reopened.lane('panes'), 0);
          expect(held).toEqual(range(0, held.length));
          expect(reopened.pendingReadings).toBe(held.length);
          // The journal reaches back to the checkpoint, which is never behind what the outbox has lost.
          const newest = sizes.findLastIndex((_, block) => (first[block] ?? 0) < held.length);
          from = Math.min(nextFrom, Math.max(0, newest));
        }
        const outbox = await open(disk);
        expect(await contentOf(outbox.lane('panes'), 0)).toEqual(range(0, total));
        expect(outbox.pendingReadings).toBe(total);
      }),
      { numRuns: 50 },
    );
  });

  it('does not take the blocks of another journal for its own', async () => {
    const disk = new MemoryDisk();
    const outbox = await open(disk);
    outbox.append(9, { panes: panes(0, 2), transitions: [] });
    await outbox.sync();
    expect((await open(disk)).cause).toBe(9);
    const other = await open(disk, { journal: 'bbbbbbbbbbbbbbbb' });
    expect(other.cause).toBe(0);
    other.append(1, { panes: panes(2, 4), transitions: [] });
    await other.sync();
    expect(await contentOf(other.lane('panes'))).toEqual([0, 1, 2, 3]);
  });

  it('counts the readings that wait, also after a restart, until they are acknowledged', async () => {
    const disk = new MemoryDisk();
    const outbox = await open(disk);
    for (let block = 1; block <= 4; block++)
      outbox.append(block, { panes: panes(block, block + 1, 10), transitions: [] });
    outbox.append(4, { panes: panes(4, 5, 10), transitions: [transition(1)] });
    await outbox.sync();
    expect(outbox.pendingReadings).toBe(40);
    expect(outbox.pendingRecords).toBe(5);
    await outbox.lane('panes').ack(3);
    expect(outbox.pendingReadings).toBe(10);
    expect(outbox.pendingRecords).toBe(2);
    await outbox.lane('panes').ack(2);
    expect(outbox.lane('panes').acked).toBe(3);
    await outbox.lane('panes').ack(1e9);
    expect(outbox.lane('panes').acked).toBe(4);
    expect(outbox.pendingReadings).toBe(0);
    // Not deleted yet, so after a restart the hub is asked again: it knows what it has.
    expect((await open(disk)).pendingReadings).toBe(40);
  });

  it('deletes what is acknowledged, segment by segment', async () => {
    const disk = new MemoryDisk();
    const outbox = await open(disk, { maxBytes: 1 });
    for (let block = 1; block <= 30; block++)
      outbox.append(block, { panes: panes(block * 1000, block * 1000 + 1000).map(inSession), transitions: [] });
    await outbox.sync();
    const lane = outbox.lane('panes');
    const before = lane.bytes;
    await Promise.all(range(1, 21).map((seq) => lane.ack(seq)));
    expect(lane.bytes).toBeLessThan(before / 2);
    expect(await contentOf(lane)).toEqual(range(21_000, 31_000));
    expect((await open(disk)).cause).toBe(30);
  });
});

describe('an outbox without room', () => {
  const maxBytes = 130_000;

  async function full(disk: Disk): Promise<Outbox> {
    const outbox = await open(disk, { maxBytes });
    for (let block = 1; block <= 30; block++) {
      const from = block * 1000;
      outbox.append(block, {
        panes: panes(from, from + 1000, 2).map(inSession),
        transitions: range(from, from + 10).map((at) => transition(at)),
      });
    }
    await outbox.sync();
    expect(outbox.bytes).toBeGreaterThan(maxBytes);
    return outbox;
  }

  it('lets the oldest panes go, never an alert, and says how many readings that costs', async () => {
    const disk = new MemoryDisk();
    const outbox = await full(disk);
    const alerts = await contentOf(outbox.lane('alerts'));
    const lost = await makeRoom(outbox);
    expect(outbox.bytes).toBeLessThan(maxBytes);
    const left = await contentOf(outbox.lane('panes'));
    expect(left).toEqual(range(31_000 - left.length, 31_000));
    expect(left.length).toBeGreaterThan(0);
    expect(outbox.lane('panes').acked).toBe(30 - left.length / 1000);
    expect(lost).toBe(2 * (30_000 - left.length));
    expect(outbox.pendingReadings).toBe(2 * left.length);
    expect(await contentOf(outbox.lane('alerts'))).toEqual(alerts);
    expect(await contentOf((await open(disk, { maxBytes })).lane('panes'))).toEqual(left);
  });

  it('does nothing while there is room', async () => {
    const outbox = await open(new MemoryDisk(), { maxBytes: 1e9 });
    outbox.append(1, { panes: panes(0, 1000), transitions: [] });
    await outbox.sync();
    expect(outbox.overdue()).toBeUndefined();
    expect(outbox.pendingReadings).toBe(1000);
  });

  it('counts only what the hub has not acknowledged', async () => {
    const outbox = await full(new MemoryDisk());
    await outbox.lane('panes').ack(2);
    const lost = await makeRoom(outbox);
    const left = await contentOf(outbox.lane('panes'));
    expect(lost).toBe(2 * (28_000 - left.length));
  });

  it('keeps what it could not remove, and lets go of it at the next attempt', async () => {
    for (let failAt = 1; failAt <= 3; failAt++) {
      let removals = 0;
      const disk = watched(new MemoryDisk(), ({ name, path }) => {
        // A new segment also removes what may be in its place.
        if (name === 'remove' && armed && path.includes('panes') && (removals += 1) === failAt) throw new Error('EIO');
      });
      let armed = false;
      const outbox = await full(disk);
      armed = true;
      await expect(makeRoom(outbox), `removal ${failAt}`).rejects.toThrow('EIO');
      expect(await contentOf(outbox.lane('panes'), 0)).toHaveLength(outbox.pendingReadings / 2);
      const before = outbox.pendingReadings;
      expect((await makeRoom(outbox)) + outbox.pendingReadings).toBe(before);
      expect(outbox.bytes).toBeLessThan(maxBytes);
    }
  });

  it('goes on growing by alerts alone rather than lose one', async () => {
    const outbox = await open(new MemoryDisk(), { maxBytes: 100_000 });
    for (let block = 1; block <= 40; block++)
      outbox.append(block, { panes: [], transitions: range(0, 1000).map((at) => transition(at, 'x'.repeat(60))) });
    await outbox.sync();
    expect(outbox.overdue()).toBeUndefined();
    expect(outbox.pendingRecords).toBe(40);
  });
});

describe('the numbers of the outbox', () => {
  const ofOne = (block: number, fresh = 10) => ({ panes: panes(block, block + 1, fresh), transitions: [] });

  async function filled(disk: Disk, blocks: number, options: Options = {}): Promise<Outbox> {
    const outbox = await open(disk, options);
    for (let block = 1; block <= blocks; block++) outbox.append(block, ofOne(block));
    await outbox.sync();
    return outbox;
  }

  it('tell of every entry how many readings it reports, and how many were reported by then, over restarts', async () => {
    const disk = new MemoryDisk();
    await (await filled(disk, 2)).close();
    const outbox = await open(disk);
    outbox.append(3, { panes: panes(3, 3 + 1500, 2), transitions: [transition(1)] });
    await outbox.sync();
    const lane = outbox.lane('panes');
    const told = [...(await lane.read(0, 1e6)), ...(await lane.read(2, 1e6))];
    expect(told).toEqual([
      { seq: 1, span: 1, readings: 10, readingsThrough: 10 },
      { seq: 2, span: 1, readings: 10, readingsThrough: 20 },
      { seq: 3, span: 1, readings: 2000, readingsThrough: 2020 },
      { seq: 4, span: 1, readings: 1000, readingsThrough: 3020 },
    ].map(({ seq, span, readings, readingsThrough }) => expect.objectContaining({ seq, span, readings, readingsThrough }))); // prettier-ignore
    expect(outbox.lane('panes').readingsThrough).toBe(3020);
    const [alert] = await outbox.lane('alerts').read(0, 1e6);
    expect(alert).toMatchObject({ seq: 1, span: 1, readings: 0, readingsThrough: 0 });
  });

  it('go on when nothing is left but the last record', async () => {
    const disk = new MemoryDisk();
    const outbox = await filled(disk, 40, { segmentBytes: 200 });
    await outbox.lane('panes').ack(40);
    expect(outbox.lane('panes').segments).toHaveLength(1);
    await outbox.close();
    const again = await open(disk);
    again.append(41, ofOne(41));
    await again.sync();
    const [entry] = await again.lane('panes').read(40, 1e6);
    expect(entry).toMatchObject({ seq: 41, readings: 10, readingsThrough: 410 });
  });

  it('tell the hub what was in a stretch that had to go', async () => {
    const outbox = await filled(new MemoryDisk(), 40, { segmentBytes: 200, maxBytes: 1 });
    const lost = await makeRoom(outbox);
    const hub = new HubModel();
    await hub.receive(outbox);
    expect(lost).toBeGreaterThan(0);
    // The hub has never heard of this gateway: what it gets first begins behind the gap.
    expect(hub.counted).toEqual({ stored: 400 - lost, missing: lost });
    expect(outbox.counters.readingsEvicted).toBe(lost);
  });

  it('count an ack for any number, whether it was read before or not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(45), fc.nat(45), fc.constantFrom(1, 300, 1e6), async (first, second, maxBytes) => {
        const outbox = await filled(new MemoryDisk(), 40, { segmentBytes: 300 });
        const lane = outbox.lane('panes');
        await lane.read(0, maxBytes);
        await Promise.all([lane.ack(first), lane.ack(second)]);
        const acked = Math.min(40, Math.max(first, second));
        expect(lane.acked).toBe(acked);
        expect(lane.pendingReadings).toBe(400 - acked * 10);
        expect(lane.pendingRecords).toBe(40 - acked);
        expect(lane.damagedReadings).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('know after a restart what the hub had acknowledged by the last checkpoint', async () => {
    const disk = new MemoryDisk();
    const outbox = await filled(disk, 9);
    await outbox.lane('panes').ack(4);
    await outbox.remember(9);
    await outbox.lane('panes').ack(6);
    await outbox.close();
    const again = await open(disk);
    expect(again.lane('panes').acked).toBe(4);
    expect(again.pendingReadings).toBe(50);
    expect(again.pendingRecords).toBe(5);
    await again.lane('panes').ack(6);
    expect(again.pendingReadings).toBe(30);
  });

  it('do without what was remembered when it is damaged, or speaks of another outbox', async () => {
    const disk = new MemoryDisk();
    const outbox = await filled(disk, 9);
    await outbox.lane('panes').ack(4);
    await outbox.remember(9);
    const intact = disk.contentOf('/outbox/marks').slice();
    for (let at = 0; at < intact.length; at++) {
      const damaged = intact.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      disk.overwrite('/outbox/marks', damaged);
      const again = await open(disk);
      expect([again.lane('panes').acked, again.pendingReadings]).toEqual([0, 90]);
    }
    disk.overwrite('/outbox/marks', intact);
    for (const name of await disk.list('/outbox/panes')) await disk.remove(`/outbox/panes/${name}`);
    const anew = await open(disk);
    anew.append(10, ofOne(10));
    await anew.sync();
    expect((await anew.lane('panes').read(0, 1e6)).map(({ readingsThrough }) => readingsThrough)).toEqual([10]);
    expect(anew.lane('panes').acked).toBe(0);
  });

  it('are not given out again, and go on where they were, when the end of a lane is gone', async () => {
    for (const acked of [0, 3, 6]) {
      const disk = new MemoryDisk();
      const outbox = await filled(disk, 9, { segmentBytes: 200 });
      const hub = new HubModel();
      await hub.receive(outbox, { acks: false });
      await outbox.lane('panes').ack(acked);
      await outbox.remember(8);
      await outbox.close();
      const files = (await disk.list('/outbox/panes')).toSorted();
      expect(files.length).toBeGreaterThan(1);
      await disk.remove(`/outbox/panes/${files.at(-1)}`);
      const again = await open(disk, { segmentBytes: 200 });
      // What the checkpoint contains comes in no replay; what is behind it does.
      again.append(9, ofOne(9));
      again.append(10, ofOne(10));
      await again.sync();
      expect(again.lane('panes').synced).toBeGreaterThan(9);
      await hub.receive(again);
      expect(hub.counted).toEqual({ stored: 100, missing: 0 });
      expect(hub.windows.size).toBe(10);
    }
  });
});

describe('raw readings in the outbox', () => {
  const series = { device: 'press', signal: 'temperature' };
  const raw = (request: string, count: number) => {
    const times = Float64Array.from({ length: count }, (_, index) => index);
    const qualities = Array.from(times, () => 'good' as const);
    return [{ request, last: true, shortfall: '', series, times, values: times, qualities }];
  };

  it('have a lane of their own, and no part in what a replay goes by', async () => {
    const disk = new MemoryDisk();
    const outbox = await open(disk);
    outbox.append(1, { panes: panes(0, 2), transitions: [] });
    outbox.appendRaw(raw('one', 3));
    outbox.appendRaw(raw('two', 4));
    await outbox.sync();
    expect(outbox.cause).toBe(1);
    expect(outbox.pendingReadings).toBe(2);
    await outbox.close();
    const again = await open(disk);
    again.append(1, { panes: panes(0, 2), transitions: [] });
    again.appendRaw(raw('three', 1));
    await again.sync();
    const hub = new HubModel();
    await hub.receive(again);
    expect(hub.raw.map(({ request, times }) => [request, times.length])).toEqual([['one', 3], ['two', 4], ['three', 1]]); // prettier-ignore
    expect(hub.panes).toHaveLength(2);
    expect(again.pendingRecords).toBe(0);
  });
});

describe('a damaged outbox', () => {
  it('loses the record hit and no other, and still knows where a replay goes on', async () => {
    const disk = new MemoryDisk();
    const outbox = await open(disk);
    for (let block = 1; block <= 6; block++)
      outbox.append(block, { panes: panes(block, block + 1, 5), transitions: [] });
    await outbox.sync();
    const [file = ''] = await disk.list('/outbox/panes');
    const path = `/outbox/panes/${file}`;
    const intact = disk.contentOf(path).slice();
    for (let at = 0; at < intact.length; at++) {
      const damaged = intact.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      disk.overwrite(path, damaged);
      const reopened = await open(disk);
      const left = await contentOf(reopened.lane('panes'));
      expect(left.length).toBeGreaterThanOrEqual(5);
      expect(range(1, 7)).toEqual(expect.arrayContaining(left));
      expect(reopened.pendingReadings).toBe(left.length * 5);
      expect(reopened.damagedReadings).toBe(((left.at(-1) ?? 0) - left.length) * 5);
      expect(reopened.cause).toBe(left.at(-1));
      // A number the hub may have seen is not given out again.
      reopened.append(7, { panes: panes(7, 8), transitions: [] });
      await reopened.sync();
      expect(reopened.lane('panes').synced).toBeGreaterThan(6);
      disk.overwrite(path, intact);
      for (const name of await disk.list('/outbox/panes'))
        if (name !== file) await disk.remove(`/outbox/panes/${name}`);
    }
  });

  it('keeps outputs for the next sync when the disk fails', async () => {
    const breaker = new DiskSwitch(new MemoryDisk());
    const outbox = await open(breaker.disk);
    breaker.broken = true;
    outbox.append(1, { panes: panes(0, 2), transitions: [transition(5)] });
    await expect(outbox.sync()).rejects.toThrow('the disk fails');
    outbox.append(1, { panes: panes(0, 2), transitions: [transition(5)] });
    breaker.broken = false;
    await outbox.sync();
    expect(await contentOf(outbox.lane('panes'))).toEqual([0, 1]);
    expect(await contentOf(outbox.lane('alerts'))).toEqual([5]);
  });
});

/** As the engine does it, commit by commit. @returns the readings that had to go */
async function makeRoom(outbox: Outbox): Promise<number> {
  let lost = 0;
  for (;;) {
    await outbox.relieve();
    const next = outbox.overdue();
    if (next === undefined) return lost;
    await outbox.evict(next.through);
    lost += next.readings;
  }
}
