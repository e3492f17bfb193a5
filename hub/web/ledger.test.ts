import { describe, expect, it } from 'vitest';
import { flaggedText, gapsText, sumLedger, thinnedText } from './ledger.ts';

const counts = { taken: 100, stored: 80, pending: 0, open: 5, lost: { too_late: 10, future: 5 } };
const ledger = { ...counts, imbalance: 0, ownImbalance: 0 };

describe('the loss ledger', () => {
  it('balances when every reading taken is stored, pending, open or lost', () => {
    expect(sumLedger(ledger)).toEqual({ lost: 15, apart: 0, balanced: true, settling: false });
  });

  it('says how many readings the hub misses, or has twice', () => {
    expect(sumLedger({ ...ledger, imbalance: 3 })).toMatchObject({ apart: 3, balanced: false, settling: false });
    expect(sumLedger({ ...ledger, imbalance: -6 })).toMatchObject({ apart: -6, balanced: false, settling: false });
  });

  it('says what the gateway itself cannot account for', () => {
    expect(sumLedger({ ...ledger, ownImbalance: 2 })).toMatchObject({ apart: 2, balanced: false, settling: false });
  });

  it('is settling, not wrong, while the two sides were told at different moments', () => {
    expect(sumLedger({ ...ledger, stored: 85 })).toMatchObject({ apart: -5, balanced: false, settling: true });
    expect(sumLedger({ ...ledger, pending: 4 })).toMatchObject({ apart: -4, balanced: false, settling: true });
  });
});

describe('gaps and thinned readings', () => {
  it('are told in words, the newest gap with what it cost', () => {
    const last = [{ time: 60_000, lane: 'panes', entries: 3, readings: 1200 }];
    expect(gapsText({ count: 2, last }, 180_000)).toBe(
      '2 gaps in what it sent, the last of 1,200 readings of its panes, 2 min ago',
    );
    expect(thinnedText(5000)).toContain('5,000 readings');
  });

  it('are not spoken of where there are none', () => {
    expect([gapsText({ count: 0, last: [] }, 0), thinnedText(0)]).toEqual(['', '']);
  });
});

describe('flagged readings', () => {
  it('are told by why, most first', () => {
    expect(flaggedText({ step: 3, source: 0, stuck: 1000 })).toBe(
      'Flagged: stuck 1,000, step 3; kept, and used only for signals that say uncertain: use',
    );
  });

  it('are not spoken of where there are none', () => {
    expect([flaggedText({}), flaggedText({ step: 0 })]).toEqual(['', '']);
  });
});
