import { transitionKey } from '@weir/shared/model/alert.ts';
import type { Pane } from '@weir/shared/model/pane.ts';
import { isThinned } from '@weir/shared/model/thin.ts';
import { Pipeline, type Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { planOf, readingOf, ruleOf, signalOf, specOf } from '@weir/shared/testing/plans.ts';
import { decodeFrame } from '@weir/shared/wire/codec.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HubModel } from '../testing/hub-model.ts';
import { MemoryDisk } from '../testing/memory-disk.ts';
import { pane, transition } from '../testing/outputs.ts';
import { randomFrom } from '../testing/random.ts';
import { DiskGate, DiskSwitch, watched } from '../testing/watched-disk.ts';
import type { Disk } from './disk.ts';
import { Outbox } from './outbox.ts';

const minute = 60_000;
const day = 24 * 60 * minute;

function open(disk: Disk, maxBytes: number, segmentBytes?: number): Promise<Outbox> {
  let made = 0;
  return Outbox.open(disk, {
    folder: '/outbox',
    maxBytes,
    journalIncarnation: 'aaaaaaaaaaaaaaaa',
    newIncarnation: () => String((made += 1)).padStart(16, '0'),
    ...(segmentBytes !== undefined && { segmentBytes }),
  });
}

/** What a pipeline gives of some sensors, commit by commit: windows of a minute, corrected now and then, and sessions that join. */
function outputsOf(minutes: number, seed: number, { devices = 2, hotAbove = 9.5, sessions = true } = {}): Outputs[] {
  const windows = [
    specOf(
      { kind: 'tumbling', sizeMs: minute, zone: undefined },
      { id: '1m', compute: ['mean', 'stddev', 'min', 'max', 'p95'] },
    ),
    ...(sessions ? [specOf({ kind: 'session', gapMs: 90_000 }, { id: 'session-90s' })] : []),
  ];
  const hot = ruleOf({ when: `temperature > ${hotAbove}` });
  const signal = signalOf({ windows, latenessMs: 20 * minute, disorderMs: minute, rules: [hot] });
  const pipeline = new Pipeline(planOf([signal], { idleAfterMs: 3 * minute, maxAheadMs: day }));
  const random = randomFrom(seed);
  const commits: Outputs[] = [];
  for (let now = 0; now < minutes * minute; now += 20_000) {
    for (let device = 0; device < devices; device++) {
      const late = random() < 0.05 ? random() * 15 * minute : 0;
      const value = Math.round(random() * 1000) / 100;
      if (random() < 0.8)
        pipeline.ingest(readingOf(pipeline, Math.floor(Math.max(0, now - late)), value, { device: `d${device}` }), now);
    }
    pipeline.tick(now);
    commits.push(pipeline.drain());
  }
  pipeline.tick(minutes * minute + day);
  commits.push(pipeline.drain());
  return commits;
}

const freshOf = (panes: readonly Pane[]): number => panes.reduce((sum, { fresh }) => sum + fresh, 0);
const keyOf = ({ series, window, start }: Pane): string => `${series.device} ${window.id} ${start}`;

function finalOf(panes: readonly Pane[]): Map<string, Pane> {
  const model = new HubModel(panes);
  return model.windows;
}

/** The hub has of every window its last revision, or it has it inside a coarser one; and nothing that was retracted. */
function expectComplete(hub: HubModel, commits: readonly Outputs[]): void {
  const there = hub.windows;
  const wanted = finalOf(commits.flatMap(({ panes }) => panes));
  const coarse = [...there.values()].filter(isThinned);
  const isInside = ({ series, start, end, window }: Pane): boolean =>
    window.id === '1m' &&
    coarse.some((one) => one.series.device === series.device && one.start <= start && end <= one.end);
  const isThere = (key: string, { revision, count }: Pane): boolean =>
    there.get(key)?.revision === revision && there.get(key)?.count === count;
  expect([...wanted].filter(([key, one]) => !isThere(key, one) && !isInside(one))).toEqual([]);
  expect([...there].filter(([key, one]) => !isThinned(one) && !wanted.has(key))).toEqual([]);
}

/** A coarse window is made once: a second pane of its key would take the place of the first. */
function expectMadeOnce(panes: readonly Pane[]): void {
  const made = new Map<string, Pane>();
  for (const one of panes.filter(isThinned)) {
    const before = made.get(keyOf(one));
    if (before !== undefined) expect(one).toEqual(before);
    made.set(keyOf(one), one);
  }
}

function expectForward(panes: readonly Pane[]): void {
  const revisions = new Map<string, number>();
  const backward = panes.filter((one) => {
    const before = revisions.get(keyOf(one)) ?? 0;
    revisions.set(keyOf(one), one.revision);
    return one.window.id === '1m' && one.revision < before;
  });
  expect(backward).toEqual([]);
}

/** What is left of a life of the agent when the next one begins. */
interface Journal {
  readonly commits: readonly Outputs[];
  /** Blocks committed. */
  last: number;
  checkpoint: number;
  evictThrough: number;
  evicted: number;
}

function committed(commits: readonly Outputs[]): Journal {
  return { commits, last: commits.length, checkpoint: 0, evictThrough: 0, evicted: 0 };
}

/** Recovery, as the agent does it. */
async function recovered(
  disk: Disk,
  room: number,
  { commits, last, checkpoint, evictThrough }: Journal,
): Promise<Outbox> {
  const outbox = await open(disk, room, 1500);
  const there = outbox.lane('panes').synced;
  for (let block = checkpoint + 1; block <= last; block++) outbox.append(block, outputsAt(commits, block));
  await outbox.sync();
  await outbox.evict(Math.min(evictThrough, there));
  return outbox;
}

/** One commit, as the agent does it. */
async function commit(outbox: Outbox, journal: Journal): Promise<void> {
  const evicted = outbox.overdue();
  journal.last += 1;
  if (evicted !== undefined) {
    journal.evictThrough = evicted.through;
    journal.evicted += evicted.readings;
  }
  outbox.append(journal.last, outputsAt(journal.commits, journal.last));
  await outbox.sync();
  if (evicted !== undefined) await outbox.evict(evicted.through);
  await outbox.relieve();
}

function outputsAt(commits: readonly Outputs[], block: number): Outputs {
  return commits[block - 1] ?? { panes: [], transitions: [] };
}

/** The hub gets everything that is left; then the books must balance. */
async function expectAllThere(hub: HubModel, outbox: Outbox, journal: Journal): Promise<void> {
  await hub.receive(outbox);
  const commits = journal.commits.slice(0, journal.last);
  const { stored, missing } = hub.counted;
  expect(outbox.pendingReadings).toBe(0);
  expect(stored + missing).toBe(freshOf(commits.flatMap(({ panes }) => panes)));
  // What went may have been at the hub, whose ack never came.
  expect(missing).toBeLessThanOrEqual(journal.evicted);
  if (journal.evicted === 0) expectComplete(hub, commits);
  expectForward(hub.panes);
  expectMadeOnce(hub.panes);
  expect(hub.transitionKeys).toEqual(commits.flatMap(({ transitions }) => transitions.map(transitionKey)));
}

describe('an outbox near its limit', () => {
  it('makes less of old panes and loses no reading, wherever the power goes and whatever the hub has had', async () => {
    const life = fc.record({
      commits: fc.nat(120),
      receives: fc.constantFrom(0, 0, 0, 1, 7, Infinity),
      acks: fc.boolean(),
      checkpoints: fc.boolean(),
      cutAt: fc.oneof(fc.constant(Infinity), fc.nat(60), fc.nat(600)),
    });
    const run = fc.record({
      seed: fc.nat(1e6),
      lives: fc.array(life, { minLength: 4, maxLength: 12 }),
      room: fc.constantFrom(6000, 12_000, 1e6),
    });
    const seen = { coalesced: 0, thinned: 0, evicted: 0, cuts: 0 };
    await fc.assert(
      fc.asyncProperty(run, async ({ seed, lives, room }) => {
        const random = randomFrom(seed);
        const hub = new HubModel();
        const journal: Journal = { commits: outputsOf(300, seed), last: 0, checkpoint: 0, evictThrough: 0, evicted: 0 };
        let disk = new MemoryDisk();
        for (const { commits, receives, acks, checkpoints, cutAt } of lives) {
          let calls = 0;
          let after: MemoryDisk | undefined;
          const failing = watched(disk, () => {
            if ((calls += 1) === cutAt) after = disk.cutPower(random);
          });
          const live = async (): Promise<void> => {
            const outbox = await recovered(failing, room, journal);
            for (let count = 0; count < commits; count++) await commit(outbox, journal);
            if (checkpoints) {
              journal.checkpoint = journal.last;
              await outbox.remember(journal.last);
            }
            await hub.receive(outbox, { atMost: receives, acks });
            await outbox.relieve();
            seen.coalesced += outbox.counters.revisionsCoalesced;
            seen.thinned += outbox.counters.panesThinnedInto;
            await outbox.close();
          };
          await live().catch((error: unknown) => {
            if (after === undefined) throw error;
          });
          seen.cuts += after === undefined ? 0 : 1;
          disk = after ?? disk;
        }
        await expectAllThere(hub, await recovered(disk, room, journal), journal);
        seen.evicted += journal.evicted;
      }),
      { numRuns: 40 },
    );
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(20);
  }, 120_000);

  it('loses nothing when the power goes at any call while it makes less of what it holds', async () => {
    const journal = committed(outputsOf(30, 7));
    const total = freshOf(journal.commits.flatMap(({ panes }) => panes));
    const filled = new MemoryDisk();
    await (await recovered(filled, 1e6, journal)).close();
    let reached = true;
    let cutAt = 0;
    while (reached) {
      cutAt += 1;
      const disk = filled.cutPower(() => 0);
      let after: MemoryDisk | undefined;
      let calls = 0;
      let armed = false;
      const failing = watched(disk, () => {
        if (armed && (calls += 1) === cutAt) after = disk.cutPower(randomFrom(cutAt));
      });
      const outbox = await open(failing, 2000, 1500);
      armed = true;
      await outbox.relieve().catch(() => undefined);
      armed = false;
      reached = after !== undefined;
      const again = await open(after ?? disk, 2000, 1500);
      expect(again.pendingReadings).toBe(total);
      await again.relieve();
      expect(again.counters.revisionsCoalesced + outbox.counters.revisionsCoalesced).toBeGreaterThan(0);
      await again.close();
      await expectAllThere(new HubModel(), await recovered(after ?? disk, 1e6, journal), journal);
    }
    expect(cutAt).toBeGreaterThan(40);
  });

  it('keeps a week of a plant without a link in little room: coarser, and nothing lost', async () => {
    const hub = new HubModel();
    const commits = outputsOf(7 * 24 * 60, 3, { devices: 1, hotAbove: 9.99, sessions: false });
    const journal: Journal = { commits, last: 0, checkpoint: 0, evictThrough: 0, evicted: 0 };
    const outbox = await open(new MemoryDisk(), 60_000, 4000);
    let largest = 0;
    while (journal.last < commits.length) {
      await commit(outbox, journal);
      largest = Math.max(largest, outbox.bytes);
    }
    expect(largest).toBeLessThan(60_000);
    expect(outbox.counters.panesThinnedInto).toBeGreaterThan(100);
    expect(journal.evicted).toBe(0);
    await expectAllThere(hub, outbox, journal);
    // The newest is as fine as ever, the oldest is by the hour.
    const ids = [...hub.windows.values()].toSorted((a, b) => a.start - b.start).map(({ window }) => window.id);
    expect(ids.slice(0, 50)).toContain('1m~1h');
    expect(ids.slice(-50)).not.toContain('1m~1h');
    expect(ids.slice(-50)).toContain('1m');
  });

  it('does no more than is needed', async () => {
    const journal: Journal = { commits: outputsOf(600, 5), last: 0, checkpoint: 0, evictThrough: 0, evicted: 0 };
    const disk = new MemoryDisk();
    const roomy = await recovered(disk, 1e6, { ...journal, last: journal.commits.length });
    const { bytes } = roomy;
    await roomy.relieve();
    expect(roomy.bytes).toBe(bytes);
    await roomy.close();
    const outbox = await open(disk, bytes, 1500);
    expect(outbox.isCrowded).toBe(true);
    await outbox.relieve();
    expect(outbox.bytes).toBeLessThanOrEqual(0.8 * bytes);
    expect(outbox.bytes).toBeGreaterThan(0.6 * bytes);
    expect(outbox.counters.panesThinned).toBe(0);
    expect(outbox.overdue()).toBeUndefined();
  });

  it('lets raw readings go before panes, and alerts never', async () => {
    const outbox = await open(new MemoryDisk(), 20_000, 2000);
    const times = Float64Array.from({ length: 40 }, (_, index) => index * 1000 + Math.sin(index));
    for (let block = 1; block <= 60; block++) {
      outbox.append(block, {
        panes: [{ ...pane(block, 3), series: { device: `d${block}`, signal: 'temperature' } }],
        transitions: [transition(block)],
      });
      outbox.appendRaw([{ request: `r${block}`, last: true, shortfall: '', series: { device: 'd', signal: 's' }, times, values: times, qualities: [...times].map(() => 'good' as const) }]); // prettier-ignore
      await outbox.sync();
      await outbox.relieve();
      expect(outbox.overdue()).toBeUndefined();
    }
    const raw = outbox.lane('raw');
    expect(outbox.bytes).toBeLessThan(20_000);
    expect(outbox.counters.rawEvicted).toBeGreaterThan(0);
    expect(outbox.pendingReadings).toBe(180);
    const hub = new HubModel();
    await hub.receive(outbox);
    expect(hub.raw.length * 40 + outbox.counters.rawEvicted).toBe(60 * 40);
    expect(hub.raw.at(-1)?.request).toBe('r60');
    expect(hub.transitions).toHaveLength(60);
    expect(hub.panes).toHaveLength(60);
    expect(raw.pendingRecords).toBe(0);
  });

  it('leaves what was handed out as it is, and hands out what it puts in place of the rest', async () => {
    const journal = committed(outputsOf(300, 11));
    const disk = new MemoryDisk();
    await (await recovered(disk, 1e6, journal)).close();
    const gate = new DiskGate(disk, ({ name, path }) => name === 'rename' && path.includes('/panes/'));
    const outbox = await open(gate.disk, 4000, 1500);
    const lane = outbox.lane('panes');
    const handed = await lane.read(0, 3000);
    const sent = handed.at(-1)?.seq ?? 0;
    gate.hold();
    const relieved = outbox.relieve();
    await expect.poll(() => gate.waiting).toBe(1);
    // The rest waits for the replacement, and is whole.
    const reading = lane.read(sent, 1e6);
    gate.release();
    await relieved;
    const rest = await reading;
    expect(outbox.counters.revisionsCoalesced).toBeGreaterThan(0);
    expect((await lane.read(0, 3000)).slice(0, handed.length)).toEqual(handed);
    let place = { seq: sent, through: handed.at(-1)?.readingsThrough ?? 0 };
    for (const { seq, span, readings, readingsThrough } of rest) {
      expect([seq - span, readingsThrough - readings]).toEqual([place.seq, place.through]);
      place = { seq, through: readingsThrough };
    }
    expect(rest.some(({ span }) => span > 1)).toBe(true);
  });

  it('puts many small records into few large ones, whatever of them the hub has had', async () => {
    const commits = outputsOf(300, 13, { devices: 20, sessions: false });
    const last = commits.length;
    for (const had of [0, 100, 300]) {
      const journal = committed(commits);
      const disk = new MemoryDisk();
      const before = await open(disk, 1e6, 150_000);
      for (let block = 1; block <= last; block++) before.append(block, outputsAt(commits, block));
      await before.sync();
      // Nothing tells the next start what was handed out, and the hub's ack is lost.
      const hub = new HubModel();
      await hub.receive(before, { atMost: had, acks: false });
      await before.close();
      // Just so much too large that revisions are coalesced and nothing else.
      const outbox = await open(disk, before.bytes * 1.2, 150_000);
      await outbox.relieve();
      const [first] = outbox.lane('panes').segments;
      const sizes: number[] = [];
      for await (const { record } of outbox.lane('panes').records(1, first?.last ?? 0)) {
        sizes.push(decodeFrame(record?.frame ?? new Uint8Array(0)).panes.length);
      }
      expect(sizes.length).toBeGreaterThan(1);
      expect(sizes.length).toBeLessThan(20);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
      await expectAllThere(hub, outbox, journal);
    }
  });

  it('tries again what the disk refused, and changes nothing meanwhile', async () => {
    const journal = committed(outputsOf(240, 7));
    const memory = new MemoryDisk();
    await (await recovered(memory, 1e6, journal)).close();
    const breaker = new DiskSwitch(memory);
    const outbox = await open(breaker.disk, 4000, 1500);
    const before = outbox.bytes;
    breaker.broken = true;
    await expect(outbox.relieve()).rejects.toThrow('the disk fails');
    expect(outbox.bytes).toBe(before);
    breaker.broken = false;
    await outbox.relieve();
    expect(outbox.bytes).toBeLessThan(before);
    expect(outbox.counters.panesThinnedInto).toBeGreaterThan(0);
    await expectAllThere(new HubModel(), outbox, journal);
  });

  it('leaves a gap where damage has hit a record: the hub sees how much is missing', async () => {
    const commits = outputsOf(240, 9);
    for (let at = 100; at < 1400; at += 130) {
      const journal = committed(commits);
      const disk = new MemoryDisk();
      await (await recovered(disk, 1e6, journal)).close();
      const [, second = ''] = (await disk.list('/outbox/panes')).toSorted();
      const bytes = disk.contentOf(`/outbox/panes/${second}`).slice();
      bytes[at] = (bytes[at] ?? 0) ^ 0x40;
      disk.overwrite(`/outbox/panes/${second}`, bytes);
      const outbox = await open(disk, 4000, 1500);
      await outbox.relieve();
      expect(outbox.counters.revisionsCoalesced + outbox.counters.panesThinned).toBeGreaterThan(0);
      const hub = new HubModel();
      await hub.receive(outbox);
      const { stored, missing } = hub.counted;
      expect(stored).toBe(hub.readings);
      expectMadeOnce(hub.panes);
      expect(stored + missing).toBe(freshOf(commits.flatMap(({ panes }) => panes)));
      expect(outbox.damagedReadings).toBe(missing);
      expect(outbox.salvage.records).toBe(1);
    }
  });
});
