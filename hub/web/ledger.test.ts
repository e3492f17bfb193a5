import { describe, expect, it } from 'vitest';
import { flaggedText, sumLedger } from './ledger.ts';

const ledger = { taken: 100, stored: 80, pending: 0, open: 5, lost: { too_late: 10, future: 5 }, readingsPerSecond: 0 };

describe('the loss ledger', () => {
  it('balances when every reading taken is stored, pending, open or lost', () => {
    expect(sumLedger(ledger)).toEqual({ lost: 15, apart: 0, balanced: true, settling: false });
  });

  it('says how many readings are missing', () => {
    expect(sumLedger({ ...ledger, stored: 77 })).toMatchObject({ apart: 3, balanced: false, settling: false });
  });

  it('says how many readings are counted twice', () => {
    expect(sumLedger({ ...ledger, stored: 86 })).toMatchObject({ apart: -6, balanced: false, settling: false });
  });

  it('is settling while the hub has stored what was open, or has come, since the gateway last said', () => {
    expect(sumLedger({ ...ledger, stored: 85 })).toMatchObject({ apart: -5, balanced: false, settling: true });
    const busy = { ...ledger, readingsPerSecond: 200 };
    expect(sumLedger({ ...busy, stored: 2085 })).toMatchObject({ apart: -2005, settling: true });
    expect(sumLedger({ ...busy, stored: 2086 })).toMatchObject({ apart: -2006, settling: false });
  });

  it('is settling, not wrong, while something is on its way', () => {
    expect(sumLedger({ ...ledger, pending: 4 })).toMatchObject({ apart: -4, balanced: false, settling: true });
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
