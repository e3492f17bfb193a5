import { describe, expect, it } from 'vitest';
import type { StorageView } from '../src/http/views.ts';
import { clockWarnings, clockWord, diskTexts, diskWarnings } from './disk.ts';

const storage: StorageView = {
  writtenBytesPerHour: 4_200_000,
  syncsPerHour: 7200,
  freeBytes: 12.3e9,
  commitMs: 500,
  years: 13.4,
  damagedBytes: 0,
  damagedRecords: 0,
  atRisk: 0,
  rawSince: 0,
};

describe('the disk of a gateway', () => {
  it('is told with units', () => {
    const nowMs = 3 * 86_400_000;
    expect(diskTexts(storage, nowMs)).toEqual(['4.2 MB', '7,200', '13 years', '12.3 GB', '3 days ago']);
    expect(diskTexts({ ...storage, years: null, rawSince: null }, nowMs).slice(2)).toEqual(['–', '12.3 GB', '–']);
  });

  it('is not warned of while it is well', () => {
    expect(diskWarnings(storage)).toEqual([]);
  });

  it.each([
    ['damage', { damagedRecords: 1, damagedBytes: 1200 }, /1 record missing, 1\.2 kB unreadable/],
    ['bytes that belong to no record', { damagedBytes: 7 }, /0 records missing, 7 B/],
    ['readings a power cut would lose', { atRisk: 1500 }, /1,500 readings/],
    ['a commit that waits for the card', { commitMs: 30_000 }, /every 30 s/],
  ])('warns of %s', (_, part, text) => {
    const warnings = diskWarnings({ ...storage, ...part });
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(text);
  });
});

describe('the clock of a gateway', () => {
  const detail = 'no server answers';

  it.each([
    ['synchronised', 'good', 'Synchronised'],
    ['holding', 'waiting', 'Holding'],
    ['unknown', 'bad', 'Not known'],
    ['something new', 'bad', 'something new'],
  ])('that is %s is told with a shape and a word', (state, name, word) => {
    expect(clockWord({ state, detail })).toEqual([name, word]);
  });

  it('is spoken of, with the reason, unless it is synchronised', () => {
    expect(clockWarnings({ state: 'synchronised', detail })).toEqual([]);
    for (const state of ['holding', 'unknown', 'something new']) {
      expect(clockWarnings({ state, detail })).toEqual([expect.stringContaining(detail)]);
    }
  });
});
