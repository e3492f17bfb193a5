// The loop between queue, store and state, where timing and crashes matter; what a gateway sees of it is in hub.test.ts.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeAck, encodeBatch, type Ack, type BatchEntry } from '@weir/shared/wire/codec.ts';
import { systemClock } from '../clock.ts';
import { silentLog } from '../log.ts';
import { State } from '../state/state.ts';
import { SqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { batchOf, entryOf, eventually, frame, pane, tempFolder } from '../testing/fixtures.ts';
import { GatedStore } from '../testing/gated-store.ts';
import { defaultQueueLimits } from './batch-queue.ts';
import { Ingest } from './ingest.ts';

const incarnation = 'incarnation-1';

/** What a gateway's outbox holds: record n reports n readings. */
const records = Array.from({ length: 40 }, (_, index) => pane({ index, count: index + 1, fresh: index + 1 }));
const sumOfAll = (40 * 41) / 2;

/** @param span how many records were merged into each entry, counted from the first: the batch may begin before `from` */
function batch(from: number, to: number, span = 1): Uint8Array {
  const firstSeq = from - ((from - 1) % span);
  const entries: BatchEntry[] = [];
  for (let seq = firstSeq; seq <= to; seq += span) {
    const merged = records.slice(seq - 1, seq - 1 + span);
    entries.push(entryOf(frame(merged), merged.length));
  }
  const readingsBefore = ((firstSeq - 1) * firstSeq) / 2;
  return Buffer.concat([Uint8Array.of(0), encodeBatch({ incarnation, firstSeq, entries, readingsBefore })]);
}

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** What payloads take that somebody still holds. V8 frees what a collection found dead beside the program: the second collection waits for it. */
async function bytesInUse(): Promise<number> {
  collectGarbage();
  await sleep(0);
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

function start(
  state: State,
  store: Store,
  limits = defaultQueueLimits,
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
    unreadable: () => undefined,
    readable: () => undefined,
    notifyTargets: [],
    limits,
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
  expect(after.cursors.readings('line-3')).toEqual({ reported: 0, stored: 0, quarantined: 0 });
  const second = start(after, store);
  second.ingest.offer('line-3', 'panes', batch(1, 12));
  await eventually(() => second.acks.length === 1);
  await second.end();
  expect(after.cursors.readings('line-3').stored).toBe(78);
  expect(await store.countStored()).toBe(78);
  after.close();
  await store.close();
});

test('whatever is repeated, merged, overlaps or fails in between, each reading is counted once and the last ack is the last entry', async () => {
  const step = fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('send' as const),
        back: fc.nat(10),
        length: fc.integer({ min: 1, max: 12 }),
        span: fc.integer({ min: 1, max: 4 }),
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
      const send = (from: number, to: number, span = 1): void => {
        running.ingest.offer('line-3', 'panes', batch(from, to, span));
        // The last entry may hold more.
        sent = Math.max(sent, Math.min(40, Math.ceil(to / span) * span));
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
          send(from, Math.min(40, Math.max(from, from + step.length - 1)), step.span);
        }
      }
      store.outage = undefined;
      sent = 40;
      await settle();
      expect(state.cursors.readings('line-3')).toEqual({ reported: sumOfAll, stored: sumOfAll, quarantined: 0 });
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

test('while the store is out a hundred gateways that go on sending cost what the queue may hold; then all of it is stored', async () => {
  using folder = tempFolder();
  const store = new GatedStore(new SqliteStore(join(folder.path, 'panes.db')));
  const state = State.open(folder.path);
  const maxBytes = 200_000;
  const { ingest, acks, end } = start(state, store, { maxBatchesPerLane: 8, maxBytes });
  const gateways = Array.from({ length: 100 }, (_, n) => `line-${n}`);
  const [from, to] = [1, 20];
  const payloads = Array.from({ length: to }, (_, n) => {
    const panes = Array.from({ length: 20 }, (_, m) => pane({ index: n * 20 + m, values: [n / 7 + m, m / 3, n * m] }));
    const where = { incarnation, firstSeq: n + 1, readingsBefore: n * 200 };
    return Buffer.concat([Uint8Array.of(0), encodeBatch(batchOf({ ...where, entries: [frame(panes)] }))]);
  });
  const send = (gateway: string, first: number): void => {
    // As from a socket: each has memory of its own.
    for (const payload of payloads.slice(first - 1)) ingest.offer(gateway, 'panes', Uint8Array.from(payload));
  };
  store.outage = 'down';
  for (const gateway of gateways) send(gateway, from);
  await eventually(() => ingest.outage === 'down');
  const before = await bytesInUse();
  for (let round = 0; round < 20; round++) for (const gateway of gateways) send(gateway, from);
  await eventually(() => store.writes > 20);
  expect(ingest.counts.of('batches_turned_away')).toBeGreaterThan(38_000);
  expect(ingest.queued.bytes).toBeLessThanOrEqual(maxBytes);
  expect((await bytesInUse()) - before).toBeLessThan(2e6);
  expect(acks).toEqual([]);
  store.outage = undefined;
  const seqOf = (gateway: string): number => state.cursors.inUse(gateway)[0]?.seq ?? 0;
  for (const gateway of gateways) {
    await eventually(() => {
      if (ingest.queued.batches > 0 || seqOf(gateway) === to) return seqOf(gateway) === to;
      ingest.connected(gateway);
      send(gateway, seqOf(gateway) + 1);
      return false;
    });
  }
  expect(await store.countStored()).toBe(100 * to * 200);
  expect(gateways.flatMap((gateway) => state.gaps.of(gateway))).toEqual([]);
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
