import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tempFolder } from '../testing/temp-folder.ts';
import { lock, Locked } from './lock.ts';

/** Another process that takes the lock and keeps it. */
async function holder(path: string) {
  const script = `import { lock } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
    await lock(${JSON.stringify(path)}); console.log('locked'); setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

describe('the lock of a data folder', () => {
  it('is refused while another process holds it, and taken over when that one has died', async () => {
    const path = join(await tempFolder(), 'lock');
    const child = await holder(path);
    await expect(lock(path)).rejects.toThrow(Locked);
    await expect(lock(path)).rejects.toThrow(`process ${child.pid} is using this data folder`);
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    const unlock = await lock(path);
    await unlock();
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is taken over when its process id has since gone to another process, as after a power cut', async () => {
    const path = join(await tempFolder(), 'lock');
    const child = await holder(path);
    const written = await readFile(path, 'utf8');
    await writeFile(path, written.replace(/ \S+$/, ' 12345'));
    expect(process.kill(child.pid ?? 0, 0)).toBe(true);
    await (
      await lock(path)
    )();
    await writeFile(path, String(child.pid));
    await (
      await lock(path)
    )();
  });

  it.each(['', 'garbage', '-1', '0', '1e99'])('is taken over when it says "%s"', async (text) => {
    const path = join(await tempFolder(), 'lock');
    await writeFile(path, text);
    const unlock = await lock(path);
    expect(await readFile(path, 'utf8')).toMatch(/^\d+ \d+$/);
    await unlock();
  });
});
