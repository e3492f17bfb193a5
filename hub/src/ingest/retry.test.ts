// Quarantine that is tried again: what becomes of it, and that it never takes the place of what is newer.

import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Pane } from '@weir/shared/model/pane.ts';
import { encodeBatch } from '@weir/shared/wire/codec.ts';
import type { QuarantineKind } from '../state/quarantine.ts';
import { State } from '../state/state.ts';
import { SqliteStore } from '../store/sqlite.ts';
import type { StoredPane } from '../store/store.ts';
import {
  baseTime,
  batchOf,
  entryOf,
  frame,
  pane,
  retraction,
  tempFolder,
  tenSeconds,
  transition,
  windowOf,
} from '../testing/fixtures.ts';
import { GatedStore } from '../testing/gated-store.ts';
import { retryAsked, type Retried } from './retry.ts';

const gateway = 'line-3';
const key = { gateway, incarnation: 'incarnation-1', lane: 'panes' } as const;
const session = windowOf('session-10m', { kind: 'session', gapMs: 600_000 });

class Bench implements AsyncDisposable {
  readonly #folder = tempFolder();
  readonly state = State.open(this.#folder.path);
  readonly store = new GatedStore(new SqliteStore(join(this.#folder.path, 'panes.db')));

  /** The lane has reported `readings`, all of them in quarantine, as this. @returns the row's id */
  quarantine(kind: QuarantineKind, payload: Uint8Array, readings: number): number {
    const { cursors, quarantine } = this.state;
    const before = cursors.find(key) ?? { ...key, seq: 0, reported: 0, stored: 0, quarantined: 0 };
    cursors.put({
      ...before,
      seq: before.seq + 1,
      reported: before.reported + readings,
      quarantined: before.quarantined + readings,
    });
    quarantine.add([{ ...key, kind, reason: 'unknown', readings, payload }], 0);
    return quarantine.rows()[0]?.id ?? 0;
  }

  async stored(...panes: readonly Pane[]): Promise<void> {
    await this.store.write({ panes: panes.map((one) => ({ gateway, pane: one })), transitions: [] });
  }

  async retry(id: number): Promise<Retried | undefined> {
    this.state.quarantine.ask(id);
    return this.#next();
  }

  #next(): Promise<Retried | undefined> {
    const { state, store } = this;
    return retryAsked({ state, store, now: () => 5, notifyTargets: ['somebody'] });
  }

  panes(window = '10s'): Promise<StoredPane[]> {
    const series = { device: 'press', signal: 'temperature' };
    return this.store.panes({ gateway, ...series, window, from: 0, to: 4e12, limit: 1000 });
  }

  get readings(): { stored: number; quarantined: number } {
    const { stored, quarantined } = this.state.cursors.readings(gateway);
    return { stored, quarantined };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.state.close();
    await this.store.close();
    this.#folder[Symbol.dispose]();
  }
}

function packed(...frames: readonly Uint8Array[]): Uint8Array {
  const batch = batchOf({ incarnation: key.incarnation, firstSeq: 1, entries: frames.map((one) => entryOf(one)) });
  return Buffer.concat([Uint8Array.of(0), encodeBatch(batch)]);
}

test('a frame that can be read now is stored, and its readings are no longer lost', async () => {
  await using bench = new Bench();
  const id = bench.quarantine('frame', frame([pane(), pane({ index: 1 })], [transition()]), 20);
  const retried = await bench.retry(id);
  expect(retried?.panes).toHaveLength(2);
  expect(retried?.transitions).toMatchObject([{ transition: { rule: 'too_hot' } }]);
  expect(bench.readings).toEqual({ stored: 20, quarantined: 0 });
  expect(await bench.panes()).toHaveLength(2);
  expect(bench.state.quarantine.rows()).toEqual([]);
  expect(bench.state.series.all()).toHaveLength(1);
  expect(bench.state.alerts.dueCount(), 'an alert that comes late is told').toBe(1);
});

test('nothing is tried that nobody asked for', async () => {
  await using bench = new Bench();
  bench.quarantine('frame', frame([pane()]), 10);
  expect(await bench.retry(99)).toBeUndefined();
  expect(bench.store.writes).toBe(0);
});

test('what still cannot be read stays, with the reason of today', async () => {
  await using bench = new Bench();
  const id = bench.quarantine('frame', Uint8Array.of(0xff), 10);
  await bench.retry(id);
  expect(bench.state.quarantine.rows()).toMatchObject([
    { id, kind: 'frame', readings: 10, asked: false, reason: expect.stringContaining('frame: ') },
  ]);
  expect(bench.readings).toEqual({ stored: 0, quarantined: 10 });
});

test('of what the store takes in part, the rest stays', async () => {
  await using bench = new Bench();
  const id = bench.quarantine('refused', frame([pane(), pane({ signal: 'pressure', count: 7 })]), 17);
  bench.store.refuses = ({ pane: { series } }) => (series.signal === 'pressure' ? 'field type conflict' : undefined);
  await bench.retry(id);
  expect(bench.state.quarantine.rows()).toMatchObject([{ id, readings: 7, reason: 'field type conflict' }]);
  expect(bench.readings).toEqual({ stored: 10, quarantined: 7 });
  bench.store.refuses = () => undefined;
  await bench.retry(id);
  expect(bench.state.quarantine.rows()).toEqual([]);
  expect(bench.readings).toEqual({ stored: 17, quarantined: 0 });
  expect(await bench.store.countStored()).toBe(17);
});

test('a batch is opened: what can be read of it is stored, the rest stays entry by entry', async () => {
  await using bench = new Bench();
  const poison = { frame: Uint8Array.of(0xff), span: 1, readings: 4 };
  const batch = { incarnation: key.incarnation, firstSeq: 1, readingsBefore: 0 };
  const entries = [entryOf(frame([pane()])), poison, entryOf(frame([pane({ index: 1 })]))];
  const payload = Buffer.concat([Uint8Array.of(0), encodeBatch({ ...batch, entries })]);
  const id = bench.quarantine('batch', payload, 24);
  await bench.retry(id);
  expect(bench.state.quarantine.rows()).toMatchObject([{ kind: 'frame', readings: 4, size: 1 }]);
  expect(bench.readings).toEqual({ stored: 20, quarantined: 4 });
});

test('of several batches the first stood for all; each gives back what was in it', async () => {
  await using bench = new Bench();
  const first = bench.quarantine('batch', packed(frame([pane()])), 30);
  const second = bench.quarantine('batch', packed(frame([pane({ index: 1 }), pane({ index: 2 })])), 0);
  await bench.retry(first);
  expect(bench.readings).toEqual({ stored: 10, quarantined: 20 });
  await bench.retry(second);
  expect(bench.readings).toEqual({ stored: 30, quarantined: 0 });
});

test('a pane stays as a later revision has it, and the readings of the earlier one are in there', async () => {
  await using bench = new Bench();
  const id = bench.quarantine('refused', frame([pane({ count: 10 })]), 10);
  await bench.stored(pane({ revision: 1, count: 12, fresh: 2 }));
  const retried = await bench.retry(id);
  expect(retried?.panes).toEqual([]);
  expect(await bench.panes()).toMatchObject([{ revision: 1, count: 12 }]);
  expect(bench.readings).toEqual({ stored: 10, quarantined: 0 });
});

test('a later revision takes the place of an earlier one', async () => {
  await using bench = new Bench();
  const id = bench.quarantine('refused', frame([pane({ revision: 1, count: 12, fresh: 2 })]), 2);
  await bench.stored(pane());
  await bench.retry(id);
  expect(await bench.panes()).toMatchObject([{ revision: 1, count: 12 }]);
});

test('a session that was merged into another one meanwhile does not come back beside it', async () => {
  await using bench = new Bench();
  const [early, late] = [0, 700_000].map((offset) =>
    pane({ window: session, start: baseTime + offset, end: baseTime + offset + 600_000, count: 4 }),
  );
  if (early === undefined || late === undefined) throw new Error('no sessions');
  const id = bench.quarantine('refused', frame([late]), 4);
  const merged = pane({ window: session, end: baseTime + 1_300_000, revision: 1, count: 9, fresh: 1 });
  await bench.stored(early, retraction(late), merged);
  await bench.retry(id);
  expect(await bench.panes('session-10m')).toMatchObject([{ start: baseTime, count: 9 }]);
  expect(bench.readings).toEqual({ stored: 4, quarantined: 0 });
});

test('a session that was merged does not come back behind one whose own end is in quarantine', async () => {
  await using bench = new Bench();
  const [early, stale, late] = [0, 700_000, 1_400_000].map((offset) =>
    pane({ window: session, start: baseTime + offset, end: baseTime + offset + 600_000, count: 4 }),
  );
  if (early === undefined || stale === undefined || late === undefined) throw new Error('no sessions');
  const merged = pane({ window: session, end: baseTime + 2_000_000, revision: 1, count: 12, fresh: 1 });
  await bench.stored(early, stale, merged, retraction(late));
  await bench.retry(bench.quarantine('refused', frame([late]), 4));
  expect(await bench.panes('session-10m')).toMatchObject([{ start: early.start, count: 12 }, { start: stale.start }]);
});

test('sessions come back merged when the end of those before was refused with them', async () => {
  await using bench = new Bench();
  const [early, late] = [0, 700_000].map((offset) =>
    pane({ window: session, start: baseTime + offset, end: baseTime + offset + 600_000, count: 4 }),
  );
  if (early === undefined || late === undefined) throw new Error('no sessions');
  const merged = pane({ window: session, end: baseTime + 1_300_000, revision: 1, count: 9, fresh: 1 });
  await bench.stored(early, late);
  await bench.retry(bench.quarantine('refused', frame([merged, retraction(late)]), 1));
  expect(await bench.panes('session-10m')).toMatchObject([{ start: early.start, count: 9 }]);
});

test('a session beside another one comes back, and so does its retraction', async () => {
  await using bench = new Bench();
  const [early, late] = [0, 700_000].map((offset) =>
    pane({ window: session, start: baseTime + offset, end: baseTime + offset + 600_000, count: 4 }),
  );
  if (early === undefined || late === undefined) throw new Error('no sessions');
  await bench.stored(late);
  await bench.retry(bench.quarantine('refused', frame([early]), 4));
  expect(await bench.panes('session-10m')).toMatchObject([{ start: early.start }, { start: late.start }]);
  await bench.retry(bench.quarantine('refused', frame([retraction(late)]), 0));
  expect(await bench.panes('session-10m')).toMatchObject([{ start: early.start }]);
});

test('through an outage it stays asked for, and dying between store and state counts it once', async () => {
  await using bench = new Bench();
  const id = bench.quarantine('frame', frame([pane()]), 10);
  bench.store.outage = 'down';
  await expect(bench.retry(id)).rejects.toThrow('down');
  expect(bench.state.quarantine.nextAsked()).toMatchObject({ id });
  bench.store.outage = undefined;
  // The store has it, the process is gone before the state does.
  await bench.stored(pane());
  await bench.retry(id);
  expect(bench.readings).toEqual({ stored: 10, quarantined: 0 });
  expect(await bench.store.countStored()).toBe(10);
});

test('a row that is dropped while it is tried stays counted as lost', async () => {
  await using bench = new Bench();
  const id = bench.quarantine('frame', frame([pane()]), 10);
  bench.store.hold();
  const retried = bench.retry(id);
  bench.state.quarantine.remove(id);
  bench.store.release();
  await retried;
  expect(bench.readings).toEqual({ stored: 0, quarantined: 10 });
});

test('whatever is refused and tried again in whatever order, the last revisions stand and every reading is counted', async () => {
  const revisions = fc.array(fc.record({ index: fc.nat(3), refused: fc.boolean(), retry: fc.boolean() }), {
    minLength: 1,
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(revisions, fc.infiniteStream(fc.nat()), async (steps, picks) => {
      await using bench = new Bench();
      const last = new Map<number, Pane>();
      const retryOne = async (): Promise<void> => {
        const rows = bench.state.quarantine.rows();
        const row = rows[Number(picks.next().value) % Math.max(1, rows.length)];
        if (row !== undefined) await bench.retry(row.id);
      };
      for (const { index, refused, retry } of steps) {
        const before = last.get(index);
        const count = (before?.count ?? 0) + 5;
        const next = pane({ index, window: tenSeconds, revision: (before?.revision ?? -1) + 1, count, fresh: 5 });
        last.set(index, next);
        if (refused) bench.quarantine('refused', frame([next]), 5);
        else {
          await bench.stored(next);
          const at = bench.state.cursors.find(key) ?? { ...key, seq: 0, reported: 0, stored: 0, quarantined: 0 };
          bench.state.cursors.put({ ...at, seq: at.seq + 1, reported: at.reported + 5, stored: at.stored + 5 });
        }
        if (retry) await retryOne();
      }
      while (bench.state.quarantine.rows().length > 0) await retryOne();
      expect(bench.readings).toEqual({ stored: steps.length * 5, quarantined: 0 });
      const expected = [...last.values()].toSorted((a, b) => a.start - b.start);
      expect((await bench.panes()).map(({ start, revision, count }) => [start, revision, count])).toEqual(
        expected.map(({ start, revision, count }) => [start, revision, count]),
      );
      expect(await bench.store.countStored()).toBe(steps.length * 5);
    }),
    { numRuns: 30 },
  );
});
