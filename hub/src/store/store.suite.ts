// What every store kind must do, whatever it keeps things in. Each kind's test calls this with a way to open a new, empty
// store and to open the same one again.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { statistics, type Pane } from '@weir/shared/model/pane.ts';
import { baseTime, oneMinute, pane, retraction, transition, tumbling, windowOf } from '../testing/fixtures.ts';
import { rawReadings, type RawFields, type ReadingRow } from '../testing/raw.ts';
import { storedStart, type Store } from './store.ts';

export interface StoreUnderTest {
  open(): Promise<Store>;
  /** Makes the store behind it empty again. */
  clear(): Promise<void>;
}

const gateway = 'line-3';
const all = { gateway, device: 'press', signal: 'temperature', window: '10s', from: 0, to: 4e12, limit: 1000 };

const rawOf = { gateway, device: 'press', signal: 'temperature', from: 0, to: 4e12, limit: 100_000 };

const session = windowOf('session-10m', { kind: 'session', gapMs: 600_000 });

export function storeSuite(kind: string, prepare: () => StoreUnderTest): void {
  describe(`${kind} as a store`, () => {
    let under: StoreUnderTest;
    let store: Store;

    beforeEach(async () => {
      under = prepare();
      await under.clear();
      store = await under.open();
    });
    afterEach(() => store.close());

    const writeRaw = (...blocks: RawFields[]): ReturnType<Store['write']> =>
      store.write({ panes: [], transitions: [], raw: blocks.map((fields) => ({ gateway, raw: rawReadings(fields) })) });

    const write = (...panes: Pane[]): ReturnType<Store['write']> =>
      store.write({ panes: panes.map((pane) => ({ gateway, pane })), transitions: [] });

    test('is empty before anything is written', async () => {
      expect(await store.panes(all)).toEqual([]);
      expect(await store.countStored()).toBe(0);
    });

    test('gives back what was written, oldest first', async () => {
      expect(await write(pane({ index: 1, values: [1.5, -2, 1e21] }), pane({ index: 0 }))).toEqual([]);
      expect(await store.panes(all)).toEqual([
        { start: baseTime, end: undefined, count: 10, revision: 0, values: { mean: 20.5, min: 19, max: 22 } },
        { start: baseTime + 10_000, end: undefined, count: 10, revision: 0, values: { mean: 1.5, min: -2, max: 1e21 } },
      ]);
    });

    test('has what was written after it is opened again', async () => {
      await write(pane());
      await store.close();
      store = await under.open();
      expect(await store.panes(all)).toHaveLength(1);
    });

    test('is not changed by writing the same again', async () => {
      await write(pane(), pane({ index: 1 }));
      await write(pane(), pane({ index: 1 }));
      expect(await store.panes(all)).toHaveLength(2);
      expect(await store.countStored()).toBe(20);
    });

    test('lets a later revision replace an earlier one, also within one batch', async () => {
      await write(pane(), pane({ revision: 1, count: 12, fresh: 2, values: [21, 18, 23] }));
      await write(pane({ revision: 2, count: 13, fresh: 1, values: [22, 17, 24] }));
      expect(await store.panes(all)).toEqual([
        { start: baseTime, end: undefined, count: 13, revision: 2, values: { mean: 22, min: 17, max: 24 } },
      ]);
    });

    test('leaves out what is not a number', async () => {
      const window = tumbling('10s', 10_000, ['mean', 'stddev', 'p95']);
      await write(pane({ window, count: 1, fresh: 1, values: [5, Number.NaN, Infinity] }));
      expect((await store.panes(all))[0]?.values).toEqual({ mean: 5 });
    });

    test('tells series apart by gateway, device, signal and window', async () => {
      await write(pane({ device: 'oven' }), pane({ signal: 'humidity' }), pane({ window: oneMinute, values: [1] }));
      await store.write({ panes: [{ gateway: 'line-4', pane: pane() }], transitions: [] });
      expect(await store.panes(all)).toEqual([]);
      expect(await store.panes({ ...all, device: 'oven' })).toHaveLength(1);
      expect(await store.panes({ ...all, signal: 'humidity' })).toHaveLength(1);
      expect(await store.panes({ ...all, window: '1m' })).toHaveLength(1);
      expect(await store.panes({ ...all, gateway: 'line-4' })).toHaveLength(1);
    });

    test('answers a range with its start and without its end, and of too many the newest', async () => {
      await write(...[0, 1, 2, 3, 4].map((index) => pane({ index })));
      expect(await starts(store, { from: baseTime + 10_000, to: baseTime + 30_000 })).toEqual([1, 2]);
      expect(await starts(store, { limit: 2 })).toEqual([3, 4]);
    });

    test('stores every statistic there is', async () => {
      const window = tumbling('10s', 10_000, statistics);
      const values = statistics.map((_, index) => index + 0.5);
      expect(await write(pane({ window, values }))).toEqual([]);
      const stored = await store.panes(all);
      expect(stored[0]?.values).toEqual(Object.fromEntries(statistics.map((name, index) => [name, values[index]])));
    });

    test('keeps hopping windows beside tumbling ones of the same length', async () => {
      const hour = tumbling('1h', 3_600_000, ['mean']);
      const hopping = windowOf('1h/1m', { kind: 'hopping', sizeMs: 3_600_000, slideMs: 60_000 });
      await write(pane({ window: hour, values: [1] }));
      await write(...[0, 1, 2].map((index) => pane({ index, window: hopping, fresh: 0, values: [index + 2] })));
      expect(await store.panes({ ...all, window: '1h' })).toMatchObject([{ values: { mean: 1 } }]);
      expect(await store.panes({ ...all, window: '1h/1m' })).toMatchObject(
        [2, 3, 4].map((mean, index) => ({ start: baseTime + index * 60_000, end: undefined, values: { mean } })),
      );
      expect(await store.countStored()).toBe(10);
    });

    test('keeps where a window ends whose length does not say it, in whole milliseconds', async () => {
      const zoned = windowOf('1d@Europe/Zurich', { kind: 'tumbling', sizeMs: 86_400_000, zone: 'Europe/Zurich' });
      const hundred = windowOf('count-100', { kind: 'count', size: 100 });
      await write(pane({ window: session, end: baseTime + 5000.25 }));
      await write(pane({ window: hundred, end: baseTime }), pane({ window: zoned, end: baseTime + 82_800_000 }));
      await write(pane({ window: session, end: baseTime + 7000, revision: 1 }));
      const ends = await Promise.all(
        [session, hundred, zoned].map(async ({ id }) => (await store.panes({ ...all, window: id }))[0]?.end),
      );
      expect(ends).toEqual([baseTime + 7000, baseTime, baseTime + 82_800_000]);
      await write(pane({ window: session, end: baseTime + 7000.25, revision: 2 }));
      expect((await store.panes({ ...all, window: session.id }))[0]?.end).toBe(baseTime + 7001);
    });

    test('tells panes apart that start within one millisecond', async () => {
      const starts = [0.25, 0.5, 0.501, 1].map((ms) => baseTime + ms);
      await write(...starts.map((start) => pane({ window: session, start, count: 1 })));
      await write(retraction(pane({ window: session, start: baseTime + 0.5 })));
      const stored = await store.panes({ ...all, window: session.id });
      expect(stored.map(({ start }) => start)).toEqual([0.25, 0.501, 1].map((ms) => storedStart(baseTime + ms)));
      expect(await store.countStored()).toBe(3);
    });

    test('deletes what is retracted, and nothing else', async () => {
      const others = [{ device: 'oven' }, { signal: 'humidity' }, { index: 1 }, { window: oneMinute }];
      await write(pane(), ...others.map((other) => pane(other)));
      await store.write({ panes: [{ gateway: 'line-4', pane: pane() }], transitions: [] });
      expect(await write(retraction(pane()))).toEqual([]);
      expect(await starts(store, {})).toEqual([1]);
      expect(await store.panes({ ...all, device: 'oven' })).toHaveLength(1);
      expect(await store.panes({ ...all, signal: 'humidity' })).toHaveLength(1);
      expect(await store.panes({ ...all, window: '1m' })).toHaveLength(1);
      expect(await store.panes({ ...all, gateway: 'line-4' })).toHaveLength(1);
      expect(await store.countStored()).toBe(50);
    });

    test('retracts what was never stored, and the same twice, without a word', async () => {
      expect(await write(retraction(pane()), retraction(pane({ index: 1 })))).toEqual([]);
      await write(pane({ index: 1 }), pane({ device: 'oven' }));
      const gone = [retraction(pane({ index: 1 })), retraction(pane({ device: 'nobody' }))];
      expect(await write(...gone, retraction(pane({ start: 8.6e15 })))).toEqual([]);
      expect(await write(...gone)).toEqual([]);
      expect(await store.panes(all)).toEqual([]);
      expect(await store.countStored()).toBe(10);
    });

    test('has a pane again that is written after its retraction, with nothing of the one before', async () => {
      const before = pane({ window: session, end: baseTime + 1000, count: 7 });
      const computed = windowOf(session.id, session.shape, ['max']);
      const after = pane({ window: computed, end: baseTime + 2000, count: 3, fresh: 0, values: [9], revision: 5 });
      const expected = { start: baseTime, end: baseTime + 2000, count: 3, revision: 5, values: { max: 9 } };
      for (const batches of [[[before, retraction(before), after]], [[before], [retraction(before)], [after]]]) {
        for (const batch of batches) await write(...batch);
        expect(await store.panes({ ...all, window: session.id })).toEqual([expected]);
        expect(await store.countStored()).toBe(0);
      }
    });

    test('has what was retracted last not, whatever was written before it in the same batch', async () => {
      await write(pane(), retraction(pane()), pane({ revision: 2 }), retraction(pane({ revision: 2 })));
      expect(await store.panes(all)).toEqual([]);
    });

    test('does not bring back after it is opened again what was retracted', async () => {
      await write(pane(), pane({ index: 1 }));
      await write(retraction(pane()));
      await store.close();
      store = await under.open();
      expect(await starts(store, {})).toEqual([1]);
    });

    test('ends at the last word on every pane, however writes and retractions are mixed and batched', async () => {
      const word = fc.record({ second: fc.nat(3), count: fc.integer({ min: 1, max: 9 }), retracted: fc.boolean() });
      const batches = fc.array(fc.array(word, { maxLength: 6 }), { maxLength: 5 });
      let device = 0;
      await fc.assert(
        fc.asyncProperty(batches, async (words) => {
          device += 1;
          const gateway = `property-${device}`;
          const last = new Map<number, number>();
          for (const batch of words) {
            const panes = batch.map(({ second, count, retracted }) => {
              if (retracted) last.delete(second);
              else last.set(second, count);
              const written = pane({ window: session, start: baseTime + second * 1000, end: baseTime + 9000, count });
              return { gateway, pane: retracted ? retraction(written) : written };
            });
            await store.write({ panes, transitions: [] });
          }
          const stored = await store.panes({ ...all, gateway, window: session.id });
          expect(new Map(stored.map(({ start, count }) => [(start - baseTime) / 1000, count]))).toEqual(last);
          expect(await store.countStored(gateway)).toBe([...last.values()].reduce((sum, count) => sum + count, 0));
        }),
        { numRuns: 50 },
      );
    });

    test('counts each reading once: panes that account for none do not', async () => {
      await write(pane({ count: 10, fresh: 10 }), pane({ index: 1, count: 4, fresh: 7, accounted: 7 }));
      await write(pane({ window: oneMinute, count: 17, fresh: 0, values: [1] }));
      await write(pane({ revision: 1, count: 11, fresh: 1 }));
      await store.write({ panes: [{ gateway: 'line-4', pane: pane({ count: 5, fresh: 5 }) }], transitions: [] });
      expect(await store.countStored(gateway)).toBe(18);
      expect(await store.countStored()).toBe(23);
    });

    test('counts what a pane accounts for, fresh or not; a later revision that accounts for none takes nothing back', async () => {
      await write(pane({ fresh: 0, accounted: 7 }));
      expect(await store.countStored()).toBe(7);
      await write(pane({ revision: 1, fresh: 0, accounted: 0 }));
      expect(await store.countStored()).toBe(7);
      await write(pane({ revision: 2, fresh: 1, accounted: 8 }));
      expect(await store.countStored()).toBe(8);
    });

    test('keeps signals apart from what it writes itself', async () => {
      const names = ['alerts', 'gateways', 'signal_alerts', 'signal_signal_alerts', 'time', 'count'];
      const transitions = [{ gateway, transition: transition({ series: { device: 'press', signal: 'alerts' } }) }];
      const panes = names.map((signal, index) => ({
        gateway,
        pane: pane({ signal, count: index + 1, fresh: index + 1 }),
      }));
      expect(await store.write({ panes, transitions })).toEqual([]);
      for (const [index, signal] of names.entries()) {
        expect(await store.panes({ ...all, signal })).toMatchObject([{ count: index + 1 }]);
      }
    });

    test('gives back raw readings, oldest first, each with its quality', async () => {
      const rows: ReadingRow[] = [
        [now + 1000.2502, -1.5, 'uncertain'],
        [now, 1e21],
        [now + 2000, 7, 'bad'],
        [now + 3000, Number.NaN, 'bad'],
      ];
      expect(await store.raw(rawOf)).toEqual([]);
      expect(await writeRaw({ rows })).toEqual([]);
      expect(await store.raw(rawOf)).toEqual([
        { time: now, value: 1e21, quality: 'good' },
        { time: storedStart(now + 1000.25), value: -1.5, quality: 'uncertain' },
        { time: now + 2000, value: 7, quality: 'bad' },
        { time: now + 3000, value: undefined, quality: 'bad' },
      ]);
    });

    test('has raw readings after it is opened again, and writing them again changes nothing', async () => {
      const rows = second(0, 50);
      await writeRaw({ rows });
      await store.close();
      store = await under.open();
      await writeRaw({ rows: rows.slice(20) }, { rows });
      expect((await store.raw(rawOf)).map(({ time, value }) => [time, value])).toEqual(rows);
    });

    test('keeps the last written of raw readings with the same event time', async () => {
      await writeRaw({
        rows: [
          [now, 1],
          [now, 2, 'bad'],
        ],
      });
      expect(await store.raw(rawOf)).toEqual([{ time: now, value: 2, quality: 'bad' }]);
      await writeRaw({ rows: [[now, 3]] }, { rows: [[now, 4, 'uncertain']] });
      expect(await store.raw(rawOf)).toEqual([{ time: now, value: 4, quality: 'uncertain' }]);
    });

    test('tells raw readings apart by gateway, device and signal, and keeps them beside panes', async () => {
      await writeRaw({ rows: second(0, 1) }, { rows: second(0, 2), device: 'oven' });
      await writeRaw({ rows: second(0, 3), signal: 'humidity' }, { rows: second(0, 5), signal: 'alerts' });
      const raw = rawReadings({ rows: second(0, 4) });
      await store.write({ panes: [{ gateway, pane: pane() }], transitions: [], raw: [{ gateway: 'line-4', raw }] });
      const count = async (query: object): Promise<number> => (await store.raw({ ...rawOf, ...query })).length;
      expect(await count({})).toBe(1);
      expect(await count({ device: 'oven' })).toBe(2);
      expect(await count({ signal: 'humidity' })).toBe(3);
      expect(await count({ gateway: 'line-4' })).toBe(4);
      expect(await count({ signal: 'alerts' })).toBe(5);
      expect(await count({ device: 'nobody' })).toBe(0);
      expect(await store.panes(all)).toHaveLength(1);
      expect(await store.countStored()).toBe(10);
    });

    test('answers a range of raw readings with its start and without its end, and of too many the newest', async () => {
      await writeRaw({ rows: second(0, 10) });
      const seconds = async (query: object): Promise<number[]> =>
        (await store.raw({ ...rawOf, ...query })).map(({ time }) => (time - now) / 1000);
      expect(await seconds({ from: now + 2000, to: now + 5000 })).toEqual([2, 3, 4]);
      expect(await seconds({ to: now + 5000, limit: 2 })).toEqual([3, 4]);
    });

    test('gives back every finite raw value exactly', async () => {
      const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
      await fc.assert(
        fc.asyncProperty(fc.array(finite, { minLength: 1, maxLength: 50 }), async (values) => {
          await writeRaw({ rows: values.map((value, index): ReadingRow => [now + index * 1000, value]) });
          const stored = await store.raw({ ...rawOf, to: now + values.length * 1000 });
          expect(stored.map(({ value }) => (value ?? Number.NaN) + 0)).toEqual(values.map((value) => value + 0));
        }),
        { numRuns: 20 },
      );
    });

    test('keeps raw readings that are young, and panes of any age, when it trims', async () => {
      await writeRaw({ rows: second(0, 10) }, { rows: second(0, 3), device: 'oven' });
      await write(pane());
      await store.trimRaw(new AbortController().signal);
      expect(await store.raw(rawOf)).toHaveLength(10);
      expect(await store.raw({ ...rawOf, device: 'oven' })).toHaveLength(3);
      expect(await store.panes(all)).toHaveLength(1);
    });

    test('takes transitions and gateway health', async () => {
      const transitions = [transition(), transition({ state: 'cleared', time: baseTime + 20_000 })];
      const refused = await store.write({
        panes: [],
        transitions: transitions.map((transition) => ({ gateway, transition })),
      });
      expect(refused).toEqual([]);
      const health = {
        gateway,
        timeMs: baseTime,
        up: true,
        taken: 10,
        stored: 5,
        open: 2,
        pending: 2,
        lost: { too_late: 1 },
      };
      const rest = { outboxBytes: 100, memoryBytes: 1e8, readingsPerSecond: 12.5, sourcesUp: 2, sourcesDown: 0 };
      await expect(store.writeGateways([{ ...health, ...rest }])).resolves.toBeUndefined();
    });

    test('gives back every finite number exactly', async () => {
      const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
      await fc.assert(
        fc.asyncProperty(fc.array(finite, { minLength: 1, maxLength: 50 }), async (means) => {
          await write(...means.map((mean, index) => pane({ index, values: [mean, 0, 0] })));
          const stored = await store.panes({ ...all, to: baseTime + means.length * 10_000 });
          // -0 equals 0 here: no store is asked to tell them apart.
          expect(stored.map(({ values }) => (values.mean ?? Number.NaN) + 0)).toEqual(means.map((mean) => mean + 0));
        }),
        { numRuns: 20 },
      );
    });
  });
}

/** Raw readings are kept for a while only: theirs are times of today. */
const now = Math.floor(Date.now() / 1000) * 1000 - 600_000;

/** One reading a second. */
function second(from: number, to: number): ReadingRow[] {
  return Array.from({ length: to - from }, (_, index) => [now + (from + index) * 1000, from + index + 0.5]);
}

/** Which of the panes a query answers, by their index. */
async function starts(store: Store, query: Partial<typeof all>): Promise<number[]> {
  return (await store.panes({ ...all, ...query })).map(({ start }) => (start - baseTime) / 10_000);
}
