// What every store kind must do, whatever it keeps things in. Each kind's test calls this with a way to open a new, empty
// store and to open the same one again.

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { baseTime, pane, transition } from '../testing/fixtures.ts';
import type { Store } from './store.ts';

export interface StoreUnderTest {
  open(): Promise<Store>;
  /** Makes the store behind it empty again. */
  clear(): Promise<void>;
}

const gateway = 'line-3';
const all = { gateway, device: 'press', signal: 'temperature', window: '10s', from: 0, to: 4e12, limit: 1000 };

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

    const write = (...panes: ReturnType<typeof pane>[]): ReturnType<Store['write']> =>
      store.write({ panes: panes.map((pane) => ({ gateway, pane })), transitions: [] });

    test('is empty before anything is written', async () => {
      expect(await store.panes(all)).toEqual([]);
      expect(await store.countStored()).toBe(0);
    });

    test('gives back what was written, oldest first', async () => {
      expect(await write(pane({ index: 1, values: [1.5, -2, 1e21] }), pane({ index: 0 }))).toEqual([]);
      expect(await store.panes(all)).toEqual([
        { start: baseTime, count: 10, revision: 0, values: { mean: 20.5, min: 19, max: 22 } },
        { start: baseTime + 10_000, count: 10, revision: 0, values: { mean: 1.5, min: -2, max: 1e21 } },
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
        { start: baseTime, count: 13, revision: 2, values: { mean: 22, min: 17, max: 24 } },
      ]);
    });

    test('leaves out what is not a number', async () => {
      const window = { id: '10s', sizeMs: 10_000, compute: ['mean', 'stddev', 'p95'] } as const;
      await write(pane({ window, count: 1, fresh: 1, values: [5, Number.NaN, Infinity] }));
      expect((await store.panes(all))[0]?.values).toEqual({ mean: 5 });
    });

    test('tells series apart by gateway, device, signal and window', async () => {
      const minute = { id: '1m', sizeMs: 60_000, compute: ['mean'] } as const;
      await write(pane({ device: 'oven' }), pane({ signal: 'humidity' }), pane({ window: minute, values: [1] }));
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

    test('counts each reading once: panes that report no fresh readings do not account', async () => {
      const minute = { id: '1m', sizeMs: 60_000, compute: ['mean'] } as const;
      await write(pane({ count: 10, fresh: 10 }), pane({ index: 1, count: 7, fresh: 7 }));
      await write(pane({ window: minute, count: 17, fresh: 0, values: [1] }));
      await write(pane({ revision: 1, count: 11, fresh: 1 }));
      await store.write({ panes: [{ gateway: 'line-4', pane: pane({ count: 5, fresh: 5 }) }], transitions: [] });
      expect(await store.countStored(gateway)).toBe(18);
      expect(await store.countStored()).toBe(23);
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

/** Which of the panes a query answers, by their index. */
async function starts(store: Store, query: Partial<typeof all>): Promise<number[]> {
  return (await store.panes({ ...all, ...query })).map(({ start }) => (start - baseTime) / 10_000);
}
