import { expect, it } from 'vitest';
import { blackBoxBytes, blocksOf, journalBytes } from '../support/packed-recordings.ts';
import { allRecordings, haveRecordings } from '../support/recordings.ts';

it.skipIf(!haveRecordings)(
  'recordings need at most 4 bytes a reading in the black box, and 4 in a busy journal',
  async () => {
    let [readings, packed, journaled] = [0, 0, 0];
    for (const recording of allRecordings()) {
      const blocks = blocksOf(recording, 1000, 'gateway');
      readings += recording.readings.length;
      packed += await blackBoxBytes(blocks);
      journaled += await journalBytes(blocks);
    }
    expect(readings).toBeGreaterThan(400_000);
    expect(packed / readings).toBeLessThanOrEqual(4);
    expect(journaled / readings).toBeLessThanOrEqual(4);
  },
  60_000,
);
