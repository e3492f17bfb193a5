// The loop between queue, store and state, where timing and crashes matter; what a gateway sees of it is in hub.test.ts.

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeAck, encodeBatch, type Ack } from '@weir/shared/wire/codec.ts';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { State } from '../state/state.ts';
import { SqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { eventually, frame, pane, tempFolder } from '../testing/fixtures.ts';
import { GatedStore } from '../testing/gated-store.ts';
import { Ingest } from './ingest.ts';

const incarnation = 'incarnation-1';

/** What a gateway's outbox holds: entry n is frame n. */
const outbox = Array.from({ length: 40 }, (_, index) => frame([pane({ index, count: index + 1, fresh: index + 1 })]));
const sumOfAll = (40 * 41) / 2;

function batch(from: number, to: number): Uint8Array {
  const entries = outbox.slice(from - 1, to);
  return Buffer.concat([Uint8Array.of(0), encodeBatch({ incarnation, firstSeq: from, entries })]);
}

function start(
  state: State,
  store: Store,
): { ingest: Ingest; acks: Ack[]; running: Promise<void>; sentAway: () => number; end: () => Promise<void> } {
  const acks: Ack[] = [];
  let sentAway = 0;
  const stop = new AbortController();
  const ingest = new Ingest({
    state,
    store,
    clock: systemClock,
    random: () => 0,
    log: silentLog,
    sendAway: () => void (sentAway += 1),
    ack: (_, payload) => void acks.push(decodeAck(payload)),
    stored: () => undefined,
    notifyTargets: [],
  });
  const running = ingest.run(stop.signal);
  return {
    ingest,
    acks,
    running,
    sentAway: () => sentAway,
    end: () => {
      stop.abort();
      return running;
    },
  };
}

test('dying between the store and the cursor counts nothing twice', async () => {
  using folder = tempFolder();
  const store = new GatedStore(new SqliteStore(join(folder.path, 'panes.db')));
  const before = State.open(folder.path);
  const first = start(before, store);
  // The store has the panes; then the process is gone: what reaches the state after that never happened.
  const dying = store.write.bind(store);
  store.write = async (batch) => {
    const refused = await dying(batch);
    before.close();
    return refused;
  };
  first.ingest.offer('line-3', 'panes', batch(1, 10));
  await expect(first.running).rejects.toThrow('finalized');
  expect(first.acks).toEqual([]);
  expect(await store.countStored()).toBe(55);

  store.write = dying;
  const after = State.open(folder.path);
  expect(after.cursors.readings('line-3')).toEqual({ stored: 0, quarantined: 0 });
  const second = start(after, store);
  second.ingest.offer('line-3', 'panes', batch(1, 12));
  await eventually(() => second.acks.length === 1);
  await second.end();
  expect(after.cursors.readings('line-3').stored).toBe(78);
  expect(await store.countStored()).toBe(78);
  after.close();
  await store.close();
});

test('whatever is repeated, overlaps or fails in between, each reading is counted once and the last ack is the last entry', async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('send' as const),
        back: fc.nat(10),
        length: fc.integer({ min: 1, max: 12 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('outage' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('recovery' as const) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      using folder = tempFolder();
      const store = new GatedStore(new SqliteStore(join(folder.path, 'panes.db')));
      const state = State.open(folder.path);
      let running = start(state, store);
      let sent = 0;
      const cursor = (): number => state.cursors.inUse('line-3')[0]?.seq ?? 0;
      const send = (from: number, to: number): void => {
        running.ingest.offer('line-3', 'panes', batch(from, to));
        sent = Math.max(sent, to);
      };
      /** As an agent does: what was turned away or lost with a process goes out again. */
      const settle = (): Promise<void> =>
        eventually(() => {
          if (running.ingest.queued.batches === 0 && cursor() < sent) send(cursor() + 1, sent);
          return cursor() === sent;
        });
      for (const step of steps) {
        if (step.kind === 'outage') store.outage = 'down';
        if (step.kind === 'recovery') {
          store.outage = undefined;
          await settle();
        }
        if (step.kind === 'restart') {
          await running.end();
          running = start(state, store);
          // The gateway connects again and is told its cursor.
          sent = cursor();
        }
        if (step.kind === 'send') {
          const from = Math.max(1, sent + 1 - step.back);
          send(from, Math.min(40, Math.max(from, from + step.length - 1)));
        }
      }
      store.outage = undefined;
      sent = 40;
      await settle();
      expect(state.cursors.readings('line-3').stored).toBe(sumOfAll);
      expect(await store.countStored()).toBe(sumOfAll);
      await running.end();
      state.close();
      await store.close();
    }),
    { numRuns: 30 },
  );
});

test('while the store is out the queue turns away what is beyond its limit, and nothing taken is lost', async () => {
  using folder = tempFolder();
  const store = new GatedStore(new SqliteStore(join(folder.path, 'panes.db')));
  const state = State.open(folder.path);
  const { ingest, acks, sentAway, end } = start(state, store);
  store.outage = 'down';
  ingest.offer('line-3', 'panes', batch(1, 2));
  await eventually(() => ingest.outage === 'down');
  for (let entry = 3; entry <= 40; entry++) ingest.offer('line-3', 'panes', batch(entry, entry));
  expect(ingest.queued.batches).toBe(8);
  expect(ingest.counts.of('batches_turned_away')).toBe(30);
  store.outage = undefined;
  await eventually(() => acks.at(-1)?.seq === 10);
  // The gateway does not know what was turned away; what it sends behind that must not be acknowledged.
  ingest.offer('line-3', 'panes', batch(20, 21));
  ingest.offer('line-3', 'panes', batch(22, 23));
  await eventually(() => ingest.counts.of('batches_out_of_order') === 2);
  expect(sentAway()).toBe(1);
  ingest.connected('line-3');
  ingest.offer('line-3', 'panes', batch(11, 40));
  await eventually(() => acks.at(-1)?.seq === 40);
  expect(await store.countStored()).toBe(sumOfAll);
  await end();
  state.close();
  await store.close();
});

test('a bug in the store ends the loop instead of being retried', async () => {
  using folder = tempFolder();
  const store = new GatedStore(new SqliteStore(join(folder.path, 'panes.db')));
  const state = State.open(folder.path);
  store.write = () => Promise.reject(new TypeError('a bug'));
  const { ingest, running } = start(state, store);
  ingest.offer('line-3', 'panes', batch(1, 2));
  await expect(running).rejects.toThrow('a bug');
  state.close();
  await store.close();
});
