// `npm run build`: what goes onto gateways and into the hub's container runs by itself, far from any node_modules.

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildAll } from '@weir/deploy/build.ts';
import { freePort } from '@weir/deploy/local/servers.ts';
import { expect, it } from 'vitest';
import { scratchFolder, stopProcess } from '../support/processes.ts';
import { until } from '../support/wait.ts';

const node = join(import.meta.dirname, '../../node_modules/.bin/node');
const gateway = join(import.meta.dirname, '../../deploy/local/gateway.yaml');

it('the bundles run on their own: the agent checks a file and draws a back-test, the hub serves its page', async () => {
  using folder = scratchFolder('bundle');
  await buildAll(folder.path);
  const checked = execFileSync(node, ['agent/main.js', 'check', gateway], { cwd: folder.path, encoding: 'utf8' });
  expect(checked).toContain('good. 4 sources');
  writeFileSync(join(folder.path, 'recording.csv'), 'time,temperature\n1700000000000,20\n1700000001000,21\n');
  const replayed = ['replay', gateway, 'recording.csv', '--report', 'report.html'];
  execFileSync(node, ['agent/main.js', ...replayed], { cwd: folder.path, stdio: 'pipe' });
  expect(readFileSync(join(folder.path, 'report.html'), 'utf8')).toContain('uplot');

  const port = await freePort();
  writeFileSync(
    join(folder.path, 'hub.yaml'),
    `broker: { listen: "127.0.0.1:0" }\nhttp: { listen: "127.0.0.1:${port}" }\n`,
  );
  const hub = spawn(node, ['hub/main.js', 'run', 'hub.yaml'], { cwd: folder.path, stdio: 'ignore' });
  try {
    const get = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    await until('the hub answers', async () => (await get('/healthz').catch(() => undefined))?.ok);
    for (const [path, type] of [
      ['/', 'text/html'],
      ['/page.js', 'text/javascript'],
      ['/page.css', 'text/css'],
      ['/icon.svg', 'image/svg+xml'],
    ] as const) {
      const answer = await get(path);
      expect([path, answer.status]).toEqual([path, 200]);
      expect(answer.headers.get('content-type')).toContain(type);
      expect((await answer.text()).length).toBeGreaterThan(100);
    }
  } finally {
    await stopProcess(hub);
  }
}, 60_000);
