// The sums of a gateway and of the hub, and what they must not be taken in by.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balance } from './balance.ts';
import { LedgerWatch } from './ledger-watch.ts';

const said = { taken: 100, open: 5, pending: 0, lost: { too_late: 15 } };
const here = { reported: 80, stored: 78, quarantined: 2 };

test('it balances when every reading is stored, quarantined, pending, open or lost', () => {
  expect(balance(said, here)).toEqual({ gap: 0, imbalance: 0 });
});

test('readings the gateway counts as delivered and the hub does not have are missing', () => {
  expect(balance(said, { reported: 75, stored: 73, quarantined: 2 })).toEqual({ gap: 0, imbalance: 5 });
});

test('readings the hub has and the gateway never sent are counted twice', () => {
  expect(balance(said, { reported: 84, stored: 84, quarantined: 0 })).toEqual({ gap: 0, imbalance: -4 });
});

test('what is stored here may still be pending there, and not more than that', () => {
  const behind = { ...said, pending: 30, taken: 110 };
  expect(balance(behind, here)).toEqual({ gap: 0, imbalance: 0 });
  expect(balance({ ...behind, pending: 10, taken: 100 }, here)).toEqual({ gap: 0, imbalance: 0 });
  expect(balance({ ...behind, pending: 10, taken: 99 }, here)).toEqual({ gap: 0, imbalance: -1 });
});

test('what lay in a gap and was not evicted is lost in it', () => {
  expect(balance(said, { reported: 80, stored: 60, quarantined: 2 })).toEqual({ gap: 18, imbalance: 0 });
});

test('what was evicted is lost once, there', () => {
  const evicted = { ...said, lost: { too_late: 15, evicted: 20 }, taken: 120 };
  expect(balance(evicted, { reported: 100, stored: 80, quarantined: 0 })).toEqual({ gap: 0, imbalance: 0 });
  // Ten more were evicted before they had a number, and three of the gap are the disk's.
  const both = { ...said, lost: { too_late: 15, evicted: 30 }, taken: 133 };
  expect(balance(both, { reported: 103, stored: 80, quarantined: 0 })).toEqual({ gap: 3, imbalance: 0 });
});

test('what was evicted while it was on the way may be here all the same, and no more than that', () => {
  const evicted = { ...said, lost: { too_late: 15, evicted: 20 }, taken: 120 };
  expect(balance(evicted, { reported: 100, stored: 95, quarantined: 0 })).toEqual({ gap: 0, imbalance: 0 });
  expect(balance(evicted, { reported: 101, stored: 101, quarantined: 0 })).toEqual({ gap: 0, imbalance: -1 });
});

test('a gap explains no more than lay in it', () => {
  expect(balance({ ...said, taken: 103 }, { reported: 81, stored: 80, quarantined: 0 })).toEqual({
    gap: 1,
    imbalance: 2,
  });
});

test('there is no verdict while the first batch of a new disk, or for a new hub, has not come', () => {
  const fresh = { taken: 10, open: 0, pending: 0, lost: {} };
  expect(balance(fresh, here).imbalance).toBe(0);
  expect(balance(fresh, { reported: 0, stored: 0, quarantined: 0 }).imbalance).toBe(0);
});

/** A gateway and a hub that count right, whatever happens between them. */
const story = fc.array(
  fc.record({
    kind: fc.constantFrom('take', 'drain', 'store', 'ack', 'evict', 'damage', 'quarantine', 'refuse'),
    readings: fc.nat(20),
  }),
  { maxLength: 60 },
);

test('a gateway and a hub that count right balance at every moment, and every reading that is gone is counted', () => {
  fc.assert(
    fc.property(story, (steps) => {
      let [open, lost, evicted] = [0, 0, 0];
      // What waits there, oldest first, and how much of it is stored here and not acknowledged yet.
      const waiting: { readings: number; at: 'outbox' | 'hub' | 'nowhere' }[] = [];
      const hub = { reported: 0, stored: 0, quarantined: 0 };
      let [gone, taken] = [0, 0];
      for (const { kind, readings } of steps) {
        const next = waiting.find(({ at }) => at !== 'hub');
        if (kind === 'take') [taken, open] = [taken + readings, open + readings];
        if (kind === 'refuse') [taken, lost] = [taken + readings, lost + readings];
        if (kind === 'drain') {
          waiting.push({ readings: open, at: 'outbox' });
          open = 0;
        }
        if ((kind === 'store' || kind === 'quarantine') && next !== undefined) {
          // What the disk lost is a gap before what comes behind it.
          for (const one of waiting) {
            if (one.at === 'hub') continue;
            hub.reported += one.readings;
            const isLost = one.at === 'nowhere';
            if (isLost) gone += one.readings;
            else hub[kind === 'store' ? 'stored' : 'quarantined'] += one.readings;
            one.at = 'hub';
            if (!isLost) break;
          }
        }
        if (kind === 'damage' && next !== undefined) next.at = 'nowhere';
        if (kind === 'ack') while (waiting[0]?.at === 'hub') waiting.shift();
        if (kind === 'evict' && waiting[0]?.at === 'outbox') {
          const { readings: old } = waiting[0];
          waiting.shift();
          evicted += old;
          // The hub learns of it with the next batch, whose running sum is further on.
          waiting.unshift({ readings: 0, at: 'outbox' });
          hub.reported += old;
        }
        const pending = waiting.reduce((sum, one) => sum + one.readings, 0);
        const seen = balance({ taken, open, pending, lost: { too_late: lost, evicted } }, hub);
        expect(seen.imbalance).toBe(0);
      }
      while (waiting[0]?.at === 'hub') waiting.shift();
      if (waiting.length > 0) return;
      const end = balance({ taken, open, pending: 0, lost: { too_late: lost, evicted } }, hub);
      expect(end).toEqual({ gap: gone, imbalance: 0 });
      expect(hub.stored + hub.quarantined + end.gap + open + lost + evicted).toBe(taken);
    }),
    { numRuns: 500 },
  );
});

test('an alert is raised at the third status that does not balance, once, and cleared by the first that does', () => {
  const watch = new LedgerWatch();
  const looks = [1, 0, 2, 2, 2, 2, 0, 0].map((imbalance, n) => watch.look('line-3', imbalance, n)?.state);
  const nothing = undefined;
  expect(looks).toEqual([nothing, nothing, nothing, nothing, 'firing', nothing, 'cleared', nothing]);
});

test('an alert names the readings, and is cleared under the time it was raised at, also by the next hub', () => {
  const watch = new LedgerWatch();
  for (const time of [1, 2]) watch.look('line-3', -7, time);
  const fired = { rule: 'weir.ledger', state: 'firing', severity: 'critical', since: 3, time: 3, value: -7 };
  expect(watch.look('line-3', -7, 3)).toMatchObject(fired);
  const next = new LedgerWatch();
  next.resume('line-3', 3);
  expect(next.look('line-3', -7, 5)).toBeUndefined();
  expect(next.look('line-3', 0, 6)).toMatchObject({ state: 'cleared', since: 3, time: 6 });
});
