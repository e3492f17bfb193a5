// The promise over crashes, for every kind of window: what the hub holds in the end is what it would hold had there been no
// crash, and what a batch computation over everything sent gives.

import fc from 'fast-check';
import { compilePlan } from '@weir/shared/config/compile.ts';
import { transitionKey } from '@weir/shared/model/alert.ts';
import { statistics, type Pane, type Statistic } from '@weir/shared/model/pane.ts';
import { Judge } from '@weir/shared/pipeline/judge.ts';
import type { Pipeline } from '@weir/shared/pipeline/pipeline.ts';
import { restore, snapshot } from '@weir/shared/pipeline/snapshot.ts';
import { batchStatistic, batchWindows } from '@weir/shared/testing/batch.ts';
import { expect, it } from 'vitest';
import type { Block } from './log/journal-block.ts';
import { expectBalanced } from './testing/balanced.ts';
import { FakeClock } from './testing/fake-clock.ts';
import { finalPanes } from './testing/final-panes.ts';
import { HubModel } from './testing/hub-model.ts';
import { MemoryDisk } from './testing/memory-disk.ts';
import { randomFrom } from './testing/random.ts';
import { blocksOf, rebuilt } from './testing/rebuilt.ts';
import { Sender } from './testing/sender.ts';
import { gatewayFile, Station } from './testing/station.ts';
import type { Told } from './testing/tell.ts';
import { watched } from './testing/watched-disk.ts';

const started = 1_700_000_000_000;

const compute = `compute: [${statistics.join(', ')}]`;

const text = `
gateway: bench
sources:
  board: { serial: /dev/board, format: json }
signals:
  temperature: { from: board.temperature, maxStep: 60, expect: 1s, on: "> 45", repeats: true }
  humidity: { from: board.humidity, expect: 1s }
  pulse: { from: board.pulse, expect: 1s }
  sound: { from: board.sound, expect: 1s }
  product: { formula: temperature * humidity, expect: 1s }
  spread: { formula: temperature - humidity, align: 2s, expect: 1s }
windows:
  - { every: 1s, of: [temperature, product], ${compute}, early: 300ms, lateEvery: 2s }
  - { every: 6s, slide: 2s, of: [temperature, pulse, sound, product], ${compute}, lateEvery: 3s }
  - { session: 1500ms, of: [temperature, humidity, spread], ${compute}, early: 700ms, lateEvery: 1s }
  - { count: 3, of: [temperature, pulse, spread], ${compute}, early: 1s, lateEvery: 1s }
  - { every: 1m, of: [humidity, sound], ${compute} }
alerts:
  far_apart: { when: spread > 40, clear: spread < 30 }
settings: { disorder: 1s, idleAfter: 10s }
`;

const plan = compilePlan(gatewayFile(text));

/** A board says one thing, or temperature and humidity of one moment. */
const boards: readonly (readonly string[])[] = [['temperature', 'humidity'], ['temperature'], ['pulse'], ['sound']];

const said = fc.record({
  board: fc.nat(boards.length - 1),
  device: fc.nat(1),
  offset: fc.integer({ min: -5000, max: 0 }),
  value: fc.integer({ min: 0, max: 90 }),
  /** How often it is said, where the signal allows for that. */
  times: fc.constantFrom(1, 1, 1, 2),
});

const step = fc.oneof(
  { weight: 9, arbitrary: fc.record({ send: fc.array(said, { minLength: 1, maxLength: 6 }) }) },
  { weight: 5, arbitrary: fc.record({ advance: fc.constantFrom(100, 500, 1500, 12_000) }) },
  { weight: 6, arbitrary: fc.constant('commit' as const) },
  { weight: 1, arbitrary: fc.constant('checkpoint' as const) },
  { weight: 2, arbitrary: fc.constant('hub' as const) },
  { weight: 1, arbitrary: fc.constant('crash' as const) },
  { weight: 1, arbitrary: fc.record({ sayAgain: fc.nat(1000) }) },
  { weight: 2, arbitrary: fc.record({ cutIn: fc.integer({ min: 1, max: 25 }) }) },
);

it('gives every kind of window, whenever the power goes, as a run without crash and a batch computation do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), fc.nat(), async (steps, seed) => {
      const random = randomFrom(seed);
      const clock = new FakeClock(started);
      const hub = new HubModel();
      const sender = new Sender();
      let memory = new MemoryDisk();
      let after: MemoryDisk | undefined;
      let cutIn = 0;
      // No two moments are alike: what is alike is taken for a repetition.
      let moments = 0;
      const start = async (): Promise<Station> => {
        for (;;) {
          const disk = watched(memory, () => {
            cutIn -= 1;
            if (cutIn === 0) after = memory.cutPower(random);
          });
          const station = await Station.start({ disk, clock, text }).catch((error: unknown) => error);
          if (station instanceof Station && after === undefined) {
            await sender.repeat(station);
            return station;
          }
          if (station instanceof Station) station.drop();
          else if (after === undefined) throw station;
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
        else if ('cutIn' in todo) cutIn = todo.cutIn;
        else if ('sayAgain' in todo) {
          const temperatures = sender.sent.flat().filter(({ signal }) => signal === 'temperature');
          await sender.send(station, temperatures.slice(todo.sayAgain % (temperatures.length + 1)).slice(0, 3));
        } else {
          const told = todo.send.flatMap(({ board, device, offset, value, times }) => {
            const time = clock.now() + offset + moments++ / 1024;
            return (boards[board] ?? []).flatMap((signal) => {
              const one = { device: `device-${device}`, signal, time, value };
              return Array.from({ length: signal === 'temperature' ? times : 1 }, () => one);
            });
          });
          await sender.send(station, told);
        }
        expectBalanced(station);
        if (after === undefined) continue;
        station.drop();
        memory = after;
        after = undefined;
        station = await start();
        expectBalanced(station);
      }
      cutIn = 0;
      for (const ms of [0, 5000, 90_000, 5000]) {
        clock.advance(ms);
        await station.engine.commit();
        expectStateOf(station, rebuilt(plan, await blocksOf(station)).pipeline);
      }
      await hub.receive(station.recovered.outbox);
      station.drop();

      const blocks = await blocksOf(station);
      const { panes, transitions } = rebuilt(plan, blocks);
      const final = finalPanes(hub.panes);
      expect(plain(final)).toEqual(plain(finalPanes(panes)));
      expect(hub.transitionKeys).toEqual(transitions.map(transitionKey));
      const sent = [...new Set(sender.sent.flat())];
      expectBatch(final, sent, flaggedIn(blocks));

      const { taken, delivered, pending, open, lost } = station.reporter.status();
      expect({ delivered, pending, open }).toEqual({ delivered: sent.length, pending: 0, open: 0 });
      expect(taken).toBe(sent.length + (lost.repeated ?? 0));
      expect(hub.readings).toBe(sent.length);
      expect([...final.values()].reduce((sum, { accounted }) => sum + accounted, 0)).toBe(sent.length);
    }),
    { numRuns: 80 },
  );
});

/** What was not written down because it changed nothing has changed nothing; and a checkpoint of it can be used. */
function expectStateOf(station: Station, pipeline: Pipeline): void {
  const state = snapshot(station.recovered.pipeline);
  expect(state).toEqual(snapshot(pipeline));
  expect(restore(plan, state).dropped).toEqual([]);
}

/** What travels of each. */
function plain(panes: ReadonlyMap<string, Pane>): unknown {
  return new Map([...panes].map(([key, pane]) => [key, travelling(pane)]));
}

function travelling({ series: { device, signal }, window: { id, shape, compute }, ...rest }: Pane): unknown {
  return { ...rest, series: { device, signal }, window: { id, shape, compute } };
}

const idOf = ({ device, signal, time }: Omit<Told, 'value'>): string => `${device}/${signal} ${time}`;

/** Readings that are uncertain, judged in the order in which they came in. */
function flaggedIn(blocks: readonly Block[]): ReadonlySet<string> {
  const judges = new Map<string, Judge>();
  const seen = new Set<string>();
  const flagged = new Set<string>();
  for (const reading of blocks.flatMap(({ readings }) => readings)) {
    const name = `${reading.device}/${reading.signal}`;
    const signal = plan.signals.get(reading.signal);
    const judge = judges.get(name) ?? (signal && Judge.for(signal));
    if (judge === undefined || seen.has(idOf(reading))) continue;
    judges.set(name, judge);
    seen.add(idOf(reading));
    if (judge.judge(reading.time, reading.value) !== undefined) flagged.add(idOf(reading));
  }
  return flagged;
}

/** Values are whole numbers: of these, plain arithmetic has every bit right. */
const exact: readonly Statistic[] = ['sum', 'mean', 'min', 'max', 'first', 'last', 'increase', 'changes', 'duration'];

/** Of windows whose readings do not depend on the order in which they came. */
function expectBatch(final: ReadonlyMap<string, Pane>, sent: readonly Told[], flagged: ReadonlySet<string>): void {
  const products = sent.flatMap((one) => {
    const other = sent.find((humidity) => idOf(humidity) === idOf({ ...one, signal: 'humidity' }));
    const isOne = one.signal === 'temperature' && other !== undefined && !flagged.has(idOf(one));
    return isOne ? [{ ...one, signal: 'product', value: one.value * other.value }] : [];
  });
  const expected = new Map<string, unknown>();
  const found = new Map<string, unknown>();
  for (const [name, rows] of Map.groupBy([...sent, ...products], ({ device, signal }) => `${device}/${signal}`)) {
    for (const { id, shape } of plan.signals.get(name.split('/')[1] ?? '')?.windows ?? []) {
      if (shape.kind === 'count') continue;
      for (const { start, end, rows: all } of batchWindows(rows, shape)) {
        const counted = all.filter(({ time }) => !flagged.has(`${name} ${time}`));
        const of = (statistic: Statistic): number =>
          counted.length === 0
            ? NaN
            : batchStatistic(statistic, { start, end, rows: counted }, { shape, isOn: () => false, expectMs: 1000 });
        const uncertain = all.length - counted.length;
        expected.set(`${name} ${id} ${start}`, { end, count: counted.length, uncertain, values: exact.map(of) });
      }
    }
  }
  for (const [key, { series, window, end, count, values }] of final) {
    if (window.shape.kind === 'count' || series.signal === 'spread') continue;
    const of = (statistic: Statistic): number => values[window.compute.indexOf(statistic)] ?? NaN;
    found.set(key, { end, count, uncertain: of('uncertain'), values: exact.map(of) });
  }
  expect(found).toEqual(expected);
}
