// The ground-truth file: JSON lines, one an occurrence of a fault, written when it is over.
//
//   {"device":"tempering","signal":"temp","kind":"overheat","start":1760000003000,"end":1760000009000,"readings":60}

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Truth } from './faults.ts';

export interface TruthFile {
  add(truth: Truth): void;
  close(): Promise<void>;
}

/** @throws when the file cannot be made */
export async function openTruthFile(path: string): Promise<TruthFile> {
  const stream = createWriteStream(path);
  await once(stream, 'open');
  return {
    add: (truth) => void stream.write(`${JSON.stringify(truth)}\n`),
    async close() {
      stream.end();
      await once(stream, 'close');
    },
  };
}
