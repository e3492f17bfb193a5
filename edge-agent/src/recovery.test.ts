import fc from 'fast-check';
import { compilePlan } from '@weir/shared/config/compile.ts';
import { Pipeline, type Outputs } from '@weir/shared/pipeline/pipeline.ts';
import { transitionKey } from '@weir/shared/model/alert.ts';
import { nominalSizeMs } from '@weir/shared/model/pane.ts';
import { describe, expect, it } from 'vitest';
import { readCheckpoint, writeCheckpoint } from './log/checkpoint.ts';
import { decodeBlock } from './log/journal-block.ts';
import { joinPath, realDisk } from './log/disk.ts';
import { replayBlock } from './recovery.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { HubModel } from './testing/hub-model.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { randomFrom } from './testing/random.ts';
import { gatewayFile, gatewayText, Horn, letter, settle, Station, type Sample } from './testing/station.ts';
import { tempFolder } from './testing/temp-folder.ts';
import { watched } from './testing/watched-disk.ts';

const started = 1_700_000_000_000;

/** A sender that repeats what it has seen no ack for, as a broker does. */
class Sender {
  readonly sent: Sample[] = [];
  #unacked: (readonly Sample[])[] = [];

  async send(station: Station, samples: readonly Sample[]): Promise<void> {
    this.sent.push(...samples);
    this.#unacked.push(samples);
    await this.#deliver(station, samples, 'first');
  }

  async repeat(station: Station): Promise<void> {
    for (const samples of this.#unacked) await this.#deliver(station, samples, 'again');
  }

  #deliver(station: Station, samples: readonly Sample[], attempt: 'first' | 'again'): Promise<void> {
    return station.take(samples, {
      attempt,
      ack: () => (this.#unacked = this.#unacked.filter((other) => other !== samples)),
    });
  }
}

/** All blocks of a journal through a pipeline that never saw a crash. */
async function outputsOf(station: Station, text = gatewayText): Promise<Outputs> {
  const pipeline = new Pipeline(compilePlan(gatewayFile(text)));
  const all: Outputs = { panes: [], transitions: [] };
  for await (const { payload } of station.recovered.journal.entries(0)) {
    replayBlock(pipeline, decodeBlock(payload));
    const { panes, transitions } = pipeline.drain();
    all.panes.push(...panes);
    all.transitions.push(...transitions);
  }
  return all;
}

/** Readings, minima and maxima a window holds, computed plainly. */
function windowsOf(
  samples: readonly Sample[],
  sizeMs: number,
): Map<string, { count: number; min: number; max: number }> {
  const windows = new Map<string, { count: number; min: number; max: number }>();
  for (const { device, time, value } of samples) {
    const key = `${device} ${sizeMs / 1000}s ${Math.floor(time / sizeMs) * sizeMs}`;
    const { count, min, max } = windows.get(key) ?? { count: 0, min: Infinity, max: -Infinity };
    windows.set(key, { count: count + 1, min: Math.min(min, value), max: Math.max(max, value) });
  }
  return windows;
}

function expectBalanced(station: Station, hub: HubModel): void {
  const { taken, open, pending, delivered, lost } = station.reporter.status();
  const lostReadings = Object.values(lost).reduce((sum, count) => sum + count, 0);
  expect(delivered + pending + open + lostReadings).toBe(taken);
  expect(open).toBe(station.recovered.pipeline.countOpen());
  expect(delivered).toBeGreaterThanOrEqual(0);
  expect(delivered, 'readings said to be delivered').toBeLessThanOrEqual(hub.readings);
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      send: fc.array(fc.tuple(fc.nat(2), fc.integer({ min: -4000, max: 0 }), fc.integer({ min: 0, max: 90 })), {
        minLength: 1,
        maxLength: 6,
      }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ advance: fc.constantFrom(100, 500, 1500, 12_000) }) },
  { weight: 5, arbitrary: fc.constant('commit' as const) },
  { weight: 1, arbitrary: fc.constant('checkpoint' as const) },
  { weight: 2, arbitrary: fc.constant('hub' as const) },
  { weight: 1, arbitrary: fc.constant('crash' as const) },
  { weight: 2, arbitrary: fc.record({ cutIn: fc.integer({ min: 1, max: 25 }) }) },
  { weight: 1, arbitrary: fc.record({ failIn: fc.integer({ min: 1, max: 25 }) }) },
);

describe('recovery', () => {
  it('gives the panes and transitions of a run without crash, whenever the power goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 50 }), fc.nat(), async (steps, seed) => {
        const random = randomFrom(seed);
        const clock = new FakeClock(started);
        const horn = new Horn();
        const hub = new HubModel();
        const sender = new Sender();
        const faults = { cutIn: 0, failIn: 0 };
        let memory = new MemoryDisk();
        let after: MemoryDisk | undefined;
        const start = async (): Promise<Station> => {
          for (;;) {
            const disk = watched(memory, () => {
              faults.cutIn -= 1;
              faults.failIn -= 1;
              if (faults.cutIn === 0) after = memory.cutPower(random);
              if (faults.failIn === 0) throw new Error('EIO');
            });
            const station = await Station.start({ disk, clock, horn, patienceMs: Infinity }).catch(
              (error: unknown) => error,
            );
            if (station instanceof Station && after === undefined) {
              await sender.repeat(station);
              return station;
            }
            if (station instanceof Station) station.drop();
            else if (after === undefined && faults.failIn !== 0) expect(String(station)).toContain('EIO');
            memory = after ?? memory;
            after = undefined;
          }
        };
        let station = await start();
        for (const todo of steps) {
          if (todo === 'commit') await station.engine.commit();
          else if (todo === 'checkpoint') await station.engine.commit({ checkpoint: true });
          else if (todo === 'hub') await hub.receive(station.recovered.outbox).catch(() => undefined);
          else if (todo === 'crash') after = memory.cutPower(random);
          else if ('advance' in todo) clock.advance(todo.advance);
          else if ('send' in todo) {
            const samples = todo.send.map(([device, offset, value], index) => ({
              device: `device-${device}`,
              // No two readings are alike: what is alike is taken for a repetition.
              time: clock.now() + offset + (sender.sent.length + index) / 1024,
              value,
            }));
            await sender.send(station, samples);
          } else Object.assign(faults, todo);
          expectBalanced(station, hub);
          if (after === undefined) continue;
          station.drop();
          memory = after;
          after = undefined;
          station = await start();
          expectBalanced(station, hub);
        }
        Object.assign(faults, { cutIn: 0, failIn: 0 });
        await station.engine.commit();
        clock.advance(20_000);
        await station.engine.commit();
        await hub.receive(station.recovered.outbox);
        await settle();
        station.drop();

        const expected = await outputsOf(station);
        // A frame groups its panes by window; within one window nothing changes places.
        for (const id of ['1s', '5s'])
          expect(hub.panes.filter(({ window }) => window.id === id)).toMatchObject(
            expected.panes
              .filter(({ window }) => window.id === id)
              .map(({ series: { device, signal }, window: { id, shape, compute }, ...pane }) => ({
                ...pane,
                series: { device, signal },
                window: { id, shape, compute },
              })),
          );
        expect(hub.transitionKeys).toEqual(expected.transitions.map(transitionKey));
        for (const size of [1000, 5000]) {
          const windows = windowsOf(sender.sent, size);
          const found = [...hub.windows].filter(([, pane]) => nominalSizeMs(pane.window.shape) === size);
          expect(new Map(found.map(([key, { count }]) => [key, count]))).toEqual(
            new Map([...windows].map(([key, { count }]) => [key, count])),
          );
          if (size === 1000)
            for (const [key, { values }] of found)
              expect(values.slice(1)).toEqual([windows.get(key)?.min, windows.get(key)?.max]);
        }
        expect(hub.readings).toBe(sender.sent.length);
        expect(station.reporter.status()).toMatchObject({
          taken: sender.sent.length,
          delivered: sender.sent.length,
          pending: 0,
          open: 0,
          lost: {},
        });
        // What chatters is on record, and sounds no horn.
        const told = hub.transitions.filter(({ quiet }) => quiet === '');
        expect(new Set(horn.sounded.map(transitionKey))).toEqual(new Set(told.map(transitionKey)));
      }),
      { numRuns: 300 },
    );
  });

  it('goes on from a real folder as if nothing had happened', async () => {
    const folder = await tempFolder();
    const clock = new FakeClock(started);
    const sender = new Sender();
    const hub = new HubModel();
    let station = await Station.start({ disk: realDisk, folder, clock });
    for (let second = 0; second < 20; second++) {
      clock.advance(1000);
      await sender.send(station, [
        { device: 'press', time: clock.now(), value: second },
        { device: 'oven', time: clock.now() - 300, value: -second },
      ]);
      if (second % 2 === 1) await station.engine.commit({ checkpoint: second % 8 === 7 });
      if (second % 3 !== 2) continue;
      await station.kill();
      station = await Station.start({ disk: realDisk, folder, clock });
      await sender.repeat(station);
    }
    clock.advance(20_000);
    await station.engine.commit();
    await hub.receive(station.recovered.outbox);
    await station.kill();
    expect(hub.readings).toBe(40);
    expect([...hub.windows.values()].filter(({ window }) => window.id === '1s').length).toBe(40);
  });

  it('replays only what came after the checkpoint', async () => {
    const folder = await tempFolder();
    const clock = new FakeClock(started);
    const station = await Station.start({ disk: realDisk, folder, clock });
    await station.take([{ device: 'press', time: clock.now(), value: 1 }]);
    await station.engine.commit();
    await station.kill();

    const second = await Station.start({ disk: realDisk, folder, clock });
    // Nothing came in since, but there is a tail to replay: a checkpoint spares the next start that.
    await second.engine.commit({ checkpoint: true });
    await second.kill();

    const third = await Station.start({ disk: realDisk, folder, clock });
    expect(second.recovered.replayedBytes).toBeGreaterThan(0);
    expect(third.recovered.replayedBytes).toBe(0);
    expect(third.recovered.pipeline.ledger.taken).toBe(1);
    expect(third.recovered.pipeline.open).toBe(1);
    await third.engine.commit({ checkpoint: true });
    expect(third.recovered.journal.last, 'a checkpoint that would say nothing new is not written').toBe(
      second.recovered.journal.last,
    );
    await third.kill();
  });

  it('counts a repeated delivery once, also when the agent was restarted in between', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const samples = [{ device: 'press', time: started - 5, value: 3 }];
    const first = await Station.start({ disk: memory, clock });
    await first.take(samples);
    await first.take(samples, { attempt: 'again' });
    expect(first.reporter.status()).toMatchObject({ taken: 1, duplicates: 1 });
    await first.engine.commit({ checkpoint: true });
    await first.take([{ device: 'press', time: started - 4, value: 4 }]);
    await first.engine.commit();
    first.drop();
    const second = await Station.start({ disk: memory.cutPower(() => 0), clock });
    await second.take([...samples, { device: 'press', time: started - 4, value: 4 }], { attempt: 'again' });
    expect(second.reporter.status()).toMatchObject({ taken: 2, duplicates: 2 });
    await second.take(samples, { attempt: 'first' });
    expect(second.reporter.status().taken, 'what is not marked as repeated is counted').toBe(3);
    second.drop();
  });

  it('does the actions a crash prevented, and repeats none it knows to be done', async () => {
    const clock = new FakeClock(started);
    const horn = new Horn();
    let memory = new MemoryDisk();
    const alarm = (offset: number) => [
      { device: 'press', time: started + offset, value: 99 },
      { device: 'press', time: started + offset + 1, value: 0 },
    ];
    for (const checkpoint of [false, true]) {
      horn.sounded.length = 0;
      horn.state = 'works';
      // So much later that it is no chatter.
      const from = checkpoint ? 1_000_000 : 0;
      clock.advance(from);
      const first = await Station.start({ disk: memory, clock, horn });
      await first.take(alarm(from));
      await settle();
      expect(horn.sounded.map(({ state }) => state)).toEqual(['firing', 'cleared']);
      await first.engine.commit({ checkpoint });
      horn.state = 'fails';
      await first.take(alarm(from + 10));
      await settle();
      await first.engine.commit({ checkpoint });
      first.drop();
      memory = memory.cutPower(() => 0);
      horn.state = 'works';
      const second = await Station.start({ disk: memory, clock, horn });
      await settle();
      expect(horn.sounded.map(({ time }) => time - started - from)).toEqual([0, 1, 10, 11]);
      await second.engine.commit();
      second.drop();
      memory = memory.cutPower(() => 0);
      const third = await Station.start({ disk: memory, clock, horn });
      await settle();
      expect(horn.sounded).toHaveLength(4);
      third.drop();
    }
  });

  it('starts without journal, without checkpoint, with a damaged one, and with one of a journal that is gone', async () => {
    const clock = new FakeClock(started);
    const written = async (): Promise<MemoryDisk> => {
      const memory = new MemoryDisk();
      const station = await Station.start({ disk: memory, clock });
      await station.take([{ device: 'press', time: started, value: 1 }]);
      await station.engine.commit({ checkpoint: true });
      await station.take([{ device: 'press', time: started + 1, value: 2 }]);
      await station.engine.commit();
      station.drop();
      return memory;
    };
    const takenAfter = async (harm: (disk: MemoryDisk) => Promise<void> | void): Promise<number> => {
      const memory = await written();
      await harm(memory);
      const station = await Station.start({ disk: memory, clock });
      const { taken } = station.reporter.status();
      expectBalanced(station, new HubModel());
      await station.take([{ device: 'press', time: started + 2, value: 3 }]);
      clock.advance(20_000);
      await station.engine.commit();
      expect(station.health.all()).toContainEqual(expect.objectContaining({ part: 'journal', up: true }));
      station.drop();
      // The next start goes on from there, too.
      const again = await Station.start({ disk: memory, clock });
      expect(again.reporter.status().taken).toBe(taken + 1);
      again.drop();
      return taken;
    };
    const forget = async (disk: MemoryDisk, folder: string): Promise<void> => {
      for (const name of await disk.list(folder)) await disk.remove(joinPath(folder, name));
    };
    expect(await takenAfter(() => undefined)).toBe(2);
    expect(await takenAfter((disk) => disk.remove('/data/checkpoint'))).toBe(2);
    expect(await takenAfter((disk) => void disk.contentOf('/data/checkpoint').fill(7, 12))).toBe(2);
    expect(await takenAfter((disk) => disk.overwrite('/data/checkpoint', new Uint8Array(0)))).toBe(2);
    // A snapshot of another version: the journal has everything, from its beginning.
    const ofAnotherVersion = async (disk: MemoryDisk): Promise<void> => {
      const checkpoint = await readCheckpoint(disk, '/data/checkpoint');
      if (typeof checkpoint !== 'object') throw new Error('there is a checkpoint');
      await writeCheckpoint(disk, '/data/checkpoint', { ...checkpoint, snapshot: Uint8Array.of(99) });
    };
    expect(await takenAfter(ofAnotherVersion)).toBe(2);
    expect(await takenAfter((disk) => forget(disk, '/data/journal'))).toBe(1);
    expect(await takenAfter((disk) => forget(disk, '/data/outbox/panes'))).toBe(2);
    expect(
      await takenAfter(async (disk) => {
        await forget(disk, '/data/journal');
        await disk.remove('/data/checkpoint');
      }),
    ).toBe(0);
  });

  it('gives no block a number the outbox has seen, when the journal has lost its end', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const minute = async (station: Station, value: number): Promise<void> => {
      clock.advance(60_000);
      await station.take([{ device: 'press', time: clock.now(), value }]);
      await station.engine.commit();
    };
    const first = await Station.start({ disk: memory, clock });
    const [blank] = await memory.list('/data/journal');
    expect(blank).toBeUndefined();
    await minute(first, 0);
    const [file = ''] = await memory.list('/data/journal');
    const oneBlock = memory.contentOf(`/data/journal/${file}`).length;
    for (const value of [1, 2, 3]) await minute(first, value);
    first.drop();
    memory.overwrite(`/data/journal/${file}`, memory.contentOf(`/data/journal/${file}`).subarray(0, oneBlock));
    const second = await Station.start({ disk: memory, clock });
    expect(second.recovered.journal.last).toBe(4);
    for (const value of [4, 5]) await minute(second, value);
    const hub = new HubModel();
    await hub.receive(second.recovered.outbox);
    expect(hub.panes.filter(({ window }) => window.id === '1s').map(({ values }) => values[0])).toEqual([
      0, 1, 2, 0, 4,
    ]);
    second.drop();
  });

  it('starts whichever byte of journal or checkpoint is wrong', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const station = await Station.start({ disk: memory, clock });
    for (let index = 0; index < 3; index++) {
      await station.take([{ device: 'press', time: started + index, value: index }]);
      await station.engine.commit({ checkpoint: index === 0 });
    }
    station.drop();
    const [journal = ''] = await memory.list('/data/journal');
    for (const path of ['/data/checkpoint', `/data/journal/${journal}`]) {
      const intact = memory.contentOf(path).slice();
      for (let at = 0; at < intact.length; at++) {
        const damaged = intact.slice();
        damaged[at] = (damaged[at] ?? 0) ^ 0xff;
        memory.overwrite(path, damaged);
        const found = await Station.start({ disk: memory, clock });
        found.drop();
        expect(found.reporter.status().taken, `${path} ${at}`).toBeGreaterThanOrEqual(2);
        expectBalanced(found, new HubModel());
      }
      memory.overwrite(path, intact);
    }
  });

  it('starts although the journal holds a block of a version it does not know', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const station = await Station.start({ disk: memory, clock });
    await station.take([{ device: 'press', time: started, value: 1 }]);
    await station.engine.commit();
    station.recovered.journal.append(new Uint8Array([99]));
    await station.recovered.journal.sync();
    station.drop();
    const again = await Station.start({ disk: memory, clock });
    expect(again.reporter.status().taken).toBe(1);
    await again.take([{ device: 'press', time: started, value: 1 }]);
    await again.engine.commit();
    expect(again.recovered.journal.last).toBe(3);
    again.drop();
  });

  it('keeps the state of what a changed gateway file still has, and accounts for what it has not', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const horn = new Horn();
    const text = gatewayText
      .replace('signals:', 'signals:\n  pressure: { from: board.pressure }')
      .replace('alerts:', 'alerts:\n  too_high: { when: pressure > 5 }');
    for (const checkpoint of [true, false]) {
      const disk = memory.cutPower(() => 0);
      const first = await Station.start({ disk, clock, horn, text });
      const pressure = first.recovered.pipeline.series.intern('press', 'pressure');
      if (pressure === undefined) throw new Error('no series');
      await first.take([{ device: 'press', time: started, value: 99 }]);
      await first.engine.take(
        first.delivery([], { readings: [{ series: pressure.id, time: started, value: 9, quality: 'good' }] }),
      );
      await first.engine.commit({ checkpoint });
      first.drop();
      const second = await Station.start({ disk, clock, horn, text: gatewayText });
      expect(second.reporter.status()).toMatchObject({ taken: 2, open: 1, lost: { reconfigured: 1 } });
      expectBalanced(second, new HubModel());
      // The alert of the signal that stayed is still firing: it clears, and does not fire again.
      await second.take([
        { device: 'press', time: started + 1, value: 98 },
        { device: 'press', time: started + 2, value: 1 },
      ]);
      expect(second.recovered.pipeline.transitions.map(({ state, since }) => [state, since])).toEqual([
        ['cleared', started],
      ]);
      second.drop();
    }
  });

  it('sends what a crash left unsent by the file it was made with, when the file has changed since', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const before = gatewayText.replace(/.*every: 1s.*\n/, '');
    const after = gatewayText.replace(/.*every: 5s.*\n/, '');
    const run = async (text: string, from: number, to: number): Promise<Station> => {
      const station = await Station.start({ disk: memory, clock, text });
      for (let second = from; second < to; second++) {
        // The oven's clock is behind: its windows are open when those of the press close.
        const time = started + second * 1000;
        await station.take([
          { device: 'press', time, value: second },
          { device: 'oven', time: time - 2500, value: second },
        ]);
        clock.advance(1000);
        await station.engine.commit();
      }
      return station;
    };
    (await run(before, 0, 12)).drop();
    const second = await run(after, 12, 24);
    clock.advance(20_000);
    await second.engine.commit();
    const hub = new HubModel();
    await hub.receive(second.recovered.outbox);
    // What was in windows of 5 s when the power went is counted as reconfigured, and everything else was sent.
    const { taken, open, lost } = second.reporter.status();
    expect({ taken, open }).toEqual({ taken: 48, open: 0 });
    expect(lost.reconfigured ?? 0).toBeGreaterThan(0);
    expect(hub.readings + (lost.reconfigured ?? 0)).toBe(48);
    expectBalanced(second, hub);
    second.drop();
  });

  it('clears an alert whose rule was taken out while it was firing, once, and leaves the others alone', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const horn = new Horn();
    const text = gatewayText.replace('alerts:', 'alerts:\n  hot: { when: temperature > 20 }');
    const first = await Station.start({ disk: memory, clock, horn, text });
    await first.take([{ device: 'press', time: started, value: 99 }]);
    await first.engine.commit();
    const hub = new HubModel();
    await hub.receive(first.recovered.outbox);
    first.drop();
    for (const again of [false, true]) {
      const next = await Station.start({ disk: memory, clock, horn, text: gatewayText });
      await hub.receive(next.recovered.outbox);
      const said = hub.transitions.map(({ rule, state, since }) => [rule, state, since]);
      expect(said, again ? 'started again' : 'started').toEqual([
        ['hot', 'firing', started],
        ['too_hot', 'firing', started],
        ['hot', 'cleared', started],
      ]);
      next.drop();
    }
  });

  it('knows a dead letter only once it is on disk', async () => {
    const clock = new FakeClock(started);
    const memory = new MemoryDisk();
    const first = await Station.start({ disk: memory, clock });
    await first.take([], { deadLetters: [letter(), letter('unmapped')] });
    await first.engine.commit();
    await first.take([], { deadLetters: [letter()] });
    first.drop();
    const second = await Station.start({ disk: memory.cutPower(() => 0), clock });
    expect(second.reporter.status()).toMatchObject({ taken: 2, lost: { malformed: 1, unmapped: 1 } });
    second.drop();
  });
});
