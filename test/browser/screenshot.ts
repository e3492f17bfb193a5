// `npm run screenshot`: runs the demo for a minute and takes the README's picture of the page while an alert is firing.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stopProcess } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { launchBrowser } from './browser.ts';

const root = join(import.meta.dirname, '../..');
const historyMs = 45_000;

const child = spawn(join(root, 'node_modules/.bin/node'), ['deploy/local/start.ts', '--port', '0'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
});
const browser = await launchBrowser();
try {
  const lines = createInterface({ input: child.stdout });
  let url: string | undefined;
  lines.on('line', (line) => (url ??= /^page: (\S+)/.exec(line)?.[1]));
  await until('the demo says where its page is', () => url);
  const page = await browser.newPage({ viewport: { width: 1280, height: 1500 } });
  await page.goto(url ?? '');
  await new Promise((resolve) => setTimeout(resolve, historyMs));
  await page.locator('[data-alert=too_hot][data-state=firing]').first().waitFor({ timeout: 60_000 });
  await page.screenshot({ path: join(root, 'docs/page.png') });
} finally {
  await browser.close();
  await stopProcess(child, 'SIGINT');
}
