import { describe, expect, it } from 'vitest';
import { bytesOf, fill, openLog, textsOf } from '../testing/logs.ts';
import { fault, MemoryDisk } from '../testing/memory-disk.ts';
import { unreliable } from '../testing/unreliable-disk.ts';
import { watched } from '../testing/watched-disk.ts';

/** What was never synced is gone. */
const nothing = (): number => 0;

/** A log whose process is killed between writing its second record and syncing it. */
async function killed(): Promise<MemoryDisk> {
  const memory = new MemoryDisk();
  const state = { dies: false };
  const disk = watched(memory, ({ name }) =>
    state.dies && name === 'sync' ? new Promise<void>(() => undefined) : undefined,
  );
  const log = await openLog(disk, '/log', 1e6);
  await fill(log, 1);
  log.append(bytesOf('record 2'));
  state.dies = true;
  void log.sync();
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return memory.crash();
}

describe('what a killed process has written and not synced', () => {
  it('is as durable as what is built on it', async () => {
    const memory = await killed();
    const log = await openLog(memory, '/log', 1e6);
    expect(await textsOf(log)).toEqual(['1: record 1', '2: record 2']);
    await fill(log, 1);
    const after = await openLog(memory.cutPower(nothing), '/log', 1e6);
    expect(await textsOf(after)).toEqual(['1: record 1', '2: record 2', '3: record 3']);
  });

  it('is synced before anything more is, when the disk did not allow it at the start', async () => {
    const memory = await killed();
    const state = { failing: true };
    const failing = unreliable(memory, {
      failure: ({ name, path }) =>
        state.failing && name === 'syncFile' ? { error: fault('EIO', path), effect: 'none' } : undefined,
    });
    const log = await openLog(failing, '/log', 1e6);
    log.append(bytesOf('record 3'));
    await expect(log.sync()).rejects.toMatchObject({ code: 'EIO' });
    state.failing = false;
    await log.sync();
    const after = await openLog(memory.cutPower(nothing), '/log', 1e6);
    expect(await textsOf(after)).toEqual(['1: record 1', '2: record 2', '3: record 3']);
  });
});
