// The bounds of what is kept aside.

import { expect, test } from 'vitest';
import { tempFolder } from '../testing/fixtures.ts';
import type { Quarantined } from './quarantine.ts';
import { State } from './state.ts';

const row: Quarantined = {
  gateway: 'line-3',
  incarnation: 'incarnation-1',
  lane: 'panes',
  kind: 'frame',
  reason: 'r',
  readings: 1,
  payload: new Uint8Array(10),
};

test('of more rows than there may be the newest stay', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  state.transaction(() => {
    for (let n = 0; n < 10_100; n++) state.quarantine.add([row], n);
  });
  const rows = state.quarantine.rows('line-3');
  expect(rows).toHaveLength(10_000);
  expect(rows[0]).toMatchObject({ timeMs: 10_099 });
  expect(state.quarantine.rows('line-4')).toEqual([]);
  state.close();
});

test('of more bytes than there may be the newest stay, whole', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  const payload = new Uint8Array(1024 * 1024).fill(7);
  for (let n = 0; n < 66; n++) state.transaction(() => state.quarantine.add([{ ...row, payload }], n));
  const rows = state.quarantine.rows();
  expect(rows.map(({ timeMs }) => timeMs)).toEqual(Array.from({ length: 64 }, (_, n) => 65 - n));
  const [newest] = rows;
  state.quarantine.ask(newest?.id ?? 0);
  expect(state.quarantine.nextAsked()).toMatchObject({ ...row, payload });
  state.close();
});

test('of what is larger than may be kept the row stays, and it cannot be tried again', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  state.quarantine.add([{ ...row, payload: new Uint8Array(1024 * 1024 + 1) }], 0);
  const [large] = state.quarantine.rows();
  expect(large).toMatchObject({ readings: 1, size: 1024 * 1024 + 1, whole: false });
  expect(state.quarantine.ask(large?.id ?? 0)).toBe(false);
  state.close();
});

test('readings go back to stored only where they are quarantined', () => {
  using folder = tempFolder();
  const state = State.open(folder.path);
  state.cursors.put({ ...row, seq: 1, reported: 10, stored: 3, quarantined: 7 });
  state.cursors.restore(row, 5);
  expect(state.cursors.readings('line-3')).toEqual({ reported: 10, stored: 8, quarantined: 2 });
  state.cursors.restore(row, 5);
  expect(state.cursors.readings('line-3')).toEqual({ reported: 10, stored: 10, quarantined: 0 });
  state.cursors.restore({ ...row, incarnation: '' }, 5);
  expect(state.cursors.readings('line-3')).toMatchObject({ stored: 10 });
  state.close();
});
