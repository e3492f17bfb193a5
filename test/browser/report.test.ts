// The page of a back-test, as a browser shows it from a file.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scratchFolder } from '../support/processes.ts';
import { haveBrowser, launchBrowser } from './browser.ts';

const root = join(import.meta.dirname, '../..');
const node = join(root, 'node_modules/.bin/node');
const begin = Date.UTC(2026, 0, 5);

const gatewayYaml = (alerts: string): string => `
gateway: oven-1
sources:
  board: { serial: ./board.tty, format: json }
signals:
  temperature: { from: board.temperature, unit: °C }
windows:
  - { every: 1m, of: all, compute: [mean] }
alerts:
  hot: { when: temperature > ${alerts} }
`;

describe.skipIf(!haveBrowser)('the page of a back-test', () => {
  it('needs no network, lists the alarms, draws series, panes and scores, and shows an alarm close by', async () => {
    using folder = scratchFolder('report');
    const rows = ['time,device,temperature'];
    for (let second = 0; second < 7200; second++)
      rows.push(`${begin + second * 1000},<b>oven</b>,${second >= 4000 && second < 4060 ? 45 : 20 + (second % 7) / 7}`);
    const files = {
      'recording.csv': rows.join('\n'),
      'present.yaml': gatewayYaml('50'),
      'changed.yaml': gatewayYaml('40 }\n  odd: { anomaly: temperature'),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
    const args = ['replay', 'changed.yaml', 'recording.csv', '--against', 'present.yaml', '--report', 'report.html'];
    execFileSync(node, [join(root, 'edge-agent/src/main.ts'), ...args], { cwd: folder.path, stdio: 'pipe' });

    const browser = await launchBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, timezoneId: 'Asia/Tokyo' });
      const complaints: string[] = [];
      const asked: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => complaints.push(message.text()));
      page.on('request', (request) => asked.push(request.url()));
      const url = pathToFileURL(join(folder.path, 'report.html')).href;
      await page.goto(url);
      await page.locator('canvas').nth(1).waitFor();
      expect(await page.locator('h1').innerText()).toBe('changed.yaml over recording.csv');
      const hot = page.locator('.alarms tr', { hasText: 'hot' });
      expect(await hot.innerText()).toContain('<b>oven</b> / temperature');
      expect(await hot.locator('.began').innerText()).toBe('2026-01-05 01:06:40');
      expect(await hot.locator('.mark').innerText()).toBe('+');
      expect(await page.locator('.rules').innerText()).toMatch(/hot\s+warning\s+0\s+1\s+0/);
      expect(await page.locator('.u-legend').allInnerTexts()).toEqual([
        expect.stringContaining('mean 1m'),
        expect.stringContaining('score for odd'),
      ]);

      // The chart looks closer: another picture than before.
      const chart = page.locator('.plot canvas').first();
      const before = await chart.screenshot();
      await hot.locator('.began').click();
      await page.waitForFunction(
        () => window.scrollY > 0 || document.documentElement.scrollHeight <= window.innerHeight,
      );
      expect((await chart.screenshot()).equals(before)).toBe(false);
      expect({ complaints, asked }).toEqual({ complaints: [], asked: [url] });
    } finally {
      await browser.close();
    }
  }, 60_000);
});
