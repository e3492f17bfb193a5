// What the hub remembers, on a real disk.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { pane, tempFolder, transition } from '../testing/fixtures.ts';
import { openDatabase } from './database.ts';
import { schema, State } from './state.ts';

test('a folder written by a newer Weir is refused, and left as it was', () => {
  using folder = tempFolder();
  State.open(folder.path).close();
  const database = new DatabaseSync(join(folder.path, 'hub.db'));
  database.exec('PRAGMA user_version = 99');
  database.close();
  expect(() => State.open(folder.path)).toThrow('update weir-hub');
});

/** A folder as a hub left it that knew the first `steps` of the schema. */
function oldFolder(path: string, steps: number, rows: string): void {
  const database = openDatabase(join(path, 'hub.db'), schema.slice(0, steps));
  database.exec(rows);
  database.close();
}

test('a folder from before there were other windows than tumbling ones is taken over', () => {
  using folder = tempFolder();
  oldFolder(folder.path, 1, "INSERT INTO series VALUES ('line-3', 'press', 'temperature', '1m', 60000, 'mean,max')");
  const state = State.open(folder.path);
  expect(state.series.find('line-3', 'press', 'temperature', '1m')).toEqual({
    id: '1m',
    kind: 'tumbling',
    sizeMs: 60_000,
    stepMs: 60_000,
    compute: ['mean', 'max'],
  });
  state.close();
});

test('cursors from before readings were counted by the lane go on with what they have, and old quarantine is listed', () => {
  using folder = tempFolder();
  oldFolder(
    folder.path,
    2,
    `INSERT INTO cursors VALUES ('line-3', 'incarnation-1', 'panes', 7, 70, 5, 1);
     INSERT INTO gaps VALUES (1, 0, 'line-3', 'incarnation-1', 'panes', 2, 3);
     INSERT INTO quarantine VALUES (1, 0, 'line-3', 'pane', 'field type conflict', 5, x'7b7d');`,
  );
  const state = State.open(folder.path);
  expect(state.cursors.readings('line-3')).toEqual({ reported: 75, stored: 70, quarantined: 5 });
  expect(state.gaps.of('line-3')).toMatchObject([{ firstSeq: 2, lastSeq: 3, readings: 0 }]);
  expect(state.quarantine.rows()).toMatchObject([{ id: 1, readings: 5, size: 2, whole: false }]);
  expect(state.quarantine.ask(1), 'it cannot be tried again').toBe(false);
  expect(state.quarantine.nextAsked()).toBeUndefined();
  state.close();
});

test('the data folder is made with those above it; where none can be made, it is said', () => {
  using folder = tempFolder();
  State.open(join(folder.path, 'a', 'b')).close();
  State.open(join(folder.path, 'a', 'b')).close();
  expect(existsSync(join(folder.path, 'a', 'b', 'hub.db'))).toBe(true);
  expect(() => State.open(join(folder.path, 'a', 'b', 'hub.db', 'c'))).toThrow('cannot be made: ENOTDIR');
});

test('a transaction that fails leaves nothing behind, in the table or in memory', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const fail = (): void =>
    state.transaction(() => {
      state.series.record('line-3', pane());
      state.cursors.put({
        gateway: 'line-3',
        incarnation: 'a',
        lane: 'panes',
        seq: 1,
        reported: 10,
        stored: 10,
        quarantined: 0,
      });
      throw new Error('stop');
    });
  expect(fail).toThrow('stop');
  expect(state.cursors.inUse('line-3')).toEqual([]);
  state.transaction(() => state.series.record('line-3', pane()));
  expect(state.series.all()).toHaveLength(1);
  state.close();
});

test('of many incarnations the newest cursors are kept, and the one that moved last is in use', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const put = (incarnation: string, seq: number): void =>
    state.cursors.put({
      gateway: 'line-3',
      incarnation,
      lane: 'panes',
      seq,
      reported: seq,
      stored: seq,
      quarantined: 0,
    });
  for (let n = 0; n < 40; n++) put(`incarnation-${n}`, 1);
  expect(state.cursors.find({ gateway: 'line-3', incarnation: 'incarnation-0', lane: 'panes' })).toBeUndefined();
  put('incarnation-30', 2);
  expect(state.cursors.inUse('line-3')).toMatchObject([{ incarnation: 'incarnation-30', seq: 2 }]);
  state.close();
  const again = State.open(folder.path);
  expect(again.cursors.inUse('line-3')).toMatchObject([{ incarnation: 'incarnation-30', seq: 2 }]);
  again.close();
});

test('active alerts are always listed, however many ended after them', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const record = (fields: Parameters<typeof transition>[0]): boolean =>
    state.alerts.record({ gateway: 'line-3', transition: transition(fields) }, [], 0);
  record({ since: 1000, time: 1000 });
  for (let since = 2000; since < 2050; since++) {
    record({ since, time: since });
    record({ since, time: since + 1, state: 'cleared', value: 1 });
  }
  const episodes = state.alerts.episodes(10);
  expect(episodes).toHaveLength(10);
  expect(episodes[0]).toMatchObject({ sinceMs: 2049, clearedMs: 2050, value: 34.5 });
  expect(episodes.at(-1)).toMatchObject({ sinceMs: 1000, clearedMs: null });
  state.close();
});

test('a transition is new once', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const firing = { gateway: 'line-3', transition: transition() };
  expect([1, 2, 3].map(() => state.alerts.record(firing, ['somebody'], 0))).toEqual([true, false, false]);
  expect(state.alerts.dueCount()).toBe(1);
  state.close();
});

test('a clearing whose firing was lost is still an episode', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const cleared = { gateway: 'line-3', transition: transition({ state: 'cleared', since: 1000, time: 5000 }) };
  state.alerts.record(cleared, [], 0);
  expect(state.alerts.episodes(10)).toMatchObject([{ sinceMs: 1000, firedMs: 1000, clearedMs: 5000 }]);
  state.close();
});
