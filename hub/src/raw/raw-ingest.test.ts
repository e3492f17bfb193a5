// The way of raw readings through ingest, store and state, whatever fails in between.

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeBatch } from '@weir/shared/wire/codec.ts';
import { systemClock } from '../clock.ts';
import { Ingest } from '../ingest/ingest.ts';
import { silentLog } from '../log.ts';
import { State } from '../state/state.ts';
import { SqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import { batchOf, eventually, frame, tempFolder, transition } from '../testing/fixtures.ts';
import { GatedStore } from '../testing/gated-store.ts';
import { rawFrame, rawReadings, type ReadingRow } from '../testing/raw.ts';

const incarnation = 'incarnation-1';
const now = Date.now();
const blocks = 12;
const perBlock = 5;

function start(state: State, store: Store): { ingest: Ingest; acked: () => number; end: () => Promise<void> } {
  const stop = new AbortController();
  const ingest = new Ingest({
    state,
    store,
    clock: systemClock,
    random: () => 0,
    log: silentLog,
    sendAway: () => undefined,
    ack: () => undefined,
    stored: () => undefined,
    unreadable: () => undefined,
    readable: () => undefined,
    notifyTargets: [],
    raw: { aroundMs: 60_000, keepMs: 86_400_000 },
  });
  const running = ingest.run(stop.signal);
  const acked = (): number => state.cursors.inUse('line-3').find(({ lane }) => lane === 'raw')?.seq ?? 0;
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
  };
  return { ingest, acked, end };
}

test('whatever is repeated or fails in between, a request is done when its readings are stored, and counts each once', async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('send'), back: fc.nat(4), length: fc.integer({ min: 1, max: 4 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constantFrom('outage', 'recovery', 'recovery', 'restart') }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      using folder = tempFolder();
      const store = new GatedStore(new SqliteStore(join(folder.path, 'panes.db')));
      let state = State.open(folder.path);
      const requests = ['press', 'oven'].map((device) =>
        state.rawRequests.add(
          { gateway: 'line-3', device, signal: 'temperature', fromMs: now, toMs: now + 1e6 },
          'asked',
          now,
        ),
      );
      /** Of the two requests in turn; the last two say that they are. */
      const frames = Array.from({ length: blocks }, (_, index) => {
        const request = requests[index % 2];
        const rows = Array.from({ length: perBlock }, (_, row): ReadingRow => [
          now + (index * perBlock + row) * 10,
          row,
        ]);
        const { id = '', device = '' } = request ?? {};
        return rawFrame(rawReadings({ request: id, device, rows, last: index >= blocks - 2 }));
      });
      let running = start(state, store);
      let sent = 0;
      const send = (from: number, to: number): void => {
        const batch = batchOf({ incarnation, firstSeq: from, entries: frames.slice(from - 1, to) });
        running.ingest.offer('line-3', 'raw', Buffer.concat([Uint8Array.of(0), encodeBatch(batch)]));
        sent = Math.max(sent, to);
      };
      const settle = (): Promise<void> =>
        eventually(() => {
          if (running.ingest.queued.batches === 0 && running.acked() < sent) send(running.acked() + 1, sent);
          return running.acked() === sent;
        });
      const isConsistent = async (): Promise<void> => {
        for (const [index, { id, device }] of requests.entries()) {
          const query = { gateway: 'line-3', device, signal: 'temperature', from: 0, to: 4e12, limit: 1000 };
          const request = state.rawRequests.find(id);
          const moved = Math.floor((running.acked() + 1 - index) / 2);
          expect(request?.readings).toBe(moved * perBlock);
          expect(request?.doneMs !== undefined).toBe(moved === blocks / 2);
          expect((await store.raw(query)).length).toBeGreaterThanOrEqual(moved * perBlock);
        }
      };
      for (const step of steps) {
        if (step.kind === 'outage') store.outage = 'down';
        if (step.kind === 'recovery') {
          store.outage = undefined;
          await settle();
        }
        if (step.kind === 'restart') {
          await running.end();
          state.close();
          state = State.open(folder.path);
          running = start(state, store);
          sent = running.acked();
        }
        if ('back' in step) {
          const from = Math.max(1, Math.min(blocks, sent + 1 - step.back));
          send(from, Math.min(blocks, from + step.length - 1));
        }
        await isConsistent();
      }
      store.outage = undefined;
      sent = blocks;
      await settle();
      await isConsistent();
      for (const { device } of requests) {
        const query = { gateway: 'line-3', device, signal: 'temperature', from: 0, to: 4e12, limit: 1000 };
        expect(await store.raw(query)).toHaveLength((blocks / 2) * perBlock);
      }
      await running.end();
      state.close();
      await store.close();
    }),
    { numRuns: 25 },
  );
});

test('dying after the store has an alert and its readings, and before the state knows, asks once and notes the answer once', async () => {
  using folder = tempFolder();
  const store = new SqliteStore(join(folder.path, 'panes.db'));
  const before = State.open(folder.path);
  const asked = { gateway: 'line-3', device: 'oven', signal: 'temperature', fromMs: now, toMs: now + 1e6 };
  const { id } = before.rawRequests.add(asked, 'asked', now);
  const raw = rawReadings({ request: id, device: 'oven', rows: [[now, 1]] });
  const fired = transition({ time: now - 300_000, since: now - 300_000 });
  await store.write({
    panes: [],
    transitions: [{ gateway: 'line-3', transition: fired }],
    raw: [{ gateway: 'line-3', raw }],
  });
  before.close();

  const state = State.open(folder.path);
  const { ingest, acked, end } = start(state, store);
  for (const [lane, entry] of [
    ['alerts', frame([], [fired])],
    ['raw', rawFrame(raw)],
    ['alerts', frame([], [fired])],
    ['raw', rawFrame(raw)],
  ] as const) {
    const batch = encodeBatch(batchOf({ incarnation, firstSeq: 1, entries: [entry] }));
    ingest.offer('line-3', lane, Buffer.concat([Uint8Array.of(0), batch]));
  }
  await eventually(() => acked() === 1 && ingest.counts.of('entries_repeated') === 2);
  expect(state.rawRequests.newest(9)).toMatchObject([
    { why: 'alert too_hot', device: 'press', fromMs: now - 360_000, toMs: now - 240_000, doneMs: undefined },
    { id, readings: 1, doneMs: expect.any(Number) },
  ]);
  await end();
  state.close();
  await store.close();
});
