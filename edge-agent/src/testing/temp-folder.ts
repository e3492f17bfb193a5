// A folder of its own for one test, gone when the test is over.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Call it inside a test. */
export async function tempFolder(): Promise<string> {
  const folder = await scratchFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** For one run of a property: whoever asks removes it. */
export function scratchFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'weir-agent-'));
}
