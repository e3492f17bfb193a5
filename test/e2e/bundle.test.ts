// `npm run build`: what goes onto gateways and into the hub's container runs by itself, far from any node_modules.

import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
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

  await readsThings(folder.path);

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

/** The bundle finds its process for Things, and that reads one. */
async function readsThings(folder: string): Promise<void> {
  const [linePort, hallPort] = [await freePort(), await freePort()];
  const thing = createServer((_request, response) => response.end('21.5')).listen(linePort, '127.0.0.1');
  const description = {
    title: 'Oven',
    properties: { temp: { type: 'number', forms: [{ href: `http://127.0.0.1:${linePort}/temp` }] } },
  };
  writeFileSync(join(folder, 'oven.td.json'), JSON.stringify(description));
  const yaml = `gateway: hall\nsources: { oven: { wot: oven.td.json } }\nsignals: { t: { from: oven.temp } }\nthing: { port: ${hallPort} }\n`;
  writeFileSync(join(folder, 'hall.yaml'), yaml);
  const agent = spawn(node, ['agent/main.js', 'run', 'hall.yaml'], { cwd: folder, stdio: 'ignore' });
  try {
    await until('the agent has the value of the Thing', async () => {
      const response = await fetch(`http://127.0.0.1:${hallPort}/properties/oven/t`).catch(() => undefined);
      return (await response?.text()) === '21.5';
    });
  } finally {
    await stopProcess(agent);
    thing.closeAllConnections();
    thing.close();
  }
}
