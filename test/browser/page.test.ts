// The hub's page as people see it: a known recording goes in at a serial line, known numbers are read from the page.

import { join } from 'node:path';
import { play } from '@weir/firmware-sim/play.ts';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { startAgentProcess } from '../support/agent.ts';
import { batchPanes } from '../support/batch.ts';
import { startHubProcess } from '../support/hub.ts';
import { installed } from '@weir/deploy/local/servers.ts';
import { scratchFolder } from '../support/processes.ts';
import { until } from '../support/wait.ts';
import { haveBrowser, launchBrowser } from './browser.ts';

const able = haveBrowser && installed('socat') !== undefined;
const minute = 60_000;
const start = Date.UTC(2026, 2, 14, 8, 0);

/** A minute at 31 degrees and a bit, one at 35, one at 32; a reading a second. */
const rows = Array.from({ length: 180 }, (_, second) => ({
  timeMs: start + second * 1000,
  values: { temp: [31, 35, 32][Math.floor(second / 60)] ?? 0, rh: 40 + (second % 7) },
}));
const bad = [
  { timeMs: start + 180_000, values: { temp: 900 } },
  { timeMs: start + 181_000, values: { temp: -400 } },
];

const gatewayYaml = (hub: number): string => `
gateway: line-3
hub: mqtt://127.0.0.1:${hub}
sources:
  tempering: { serial: ./tempering.tty, format: json, time: t }
  absent:    { serial: /dev/weir-test-nothing-here, format: json }
signals:
  temperature: { from: [tempering.temp, absent.temp], unit: °C, range: -20..120 }
  humidity:    { from: tempering.rh, unit: "%", range: 0..100 }
windows:
  - { every: 1m, of: all, compute: [mean, min, max, p95] }
alerts:
  too_hot: { when: temperature > 34, for: 10s, clear: temperature < 33, severity: critical }
settings: { idleAfter: 2s }
`;

describe.skipIf(!able)('the hub page in a browser', () => {
  it('shows the panes, the alert, the ledger and the dead letters of a known recording, live', async () => {
    using folder = scratchFolder('page');
    await using hub = await startHubProcess(join(folder.path, 'hub'));
    const env = { WEIR_HUB_KEY: hub.addGateway('line-3') };
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
      await page.goto(hub.url);
      await page.locator('[data-gateway-card=line-3]').waitFor();

      // The page is open before anything happens: everything it shows comes live.
      await using agent = await startAgentProcess(folder.path, gatewayYaml(hub.mqttPort), env);
      const { readings } = await play({
        source: [...rows, ...bad],
        target: { serial: join(folder.path, 'tempering.tty') },
        speed: 'max',
      });
      expect(readings).toBe(rows.length * 2 + bad.length);
      await until('all is delivered', async () => (await agent.status()).delivered === rows.length * 2);

      await expectPanes(page);
      const alert = page.locator('[data-alert=too_hot]').first();
      await until('the alert is shown as cleared', async () => (await alert.getAttribute('data-state')) === 'cleared');

      const card = page.locator('[data-gateway-card=line-3]');
      await until('the ledger balances on the page', async () => (await card.getAttribute('data-balanced')) === 'true');
      const ledger = {
        taken: rows.length * 2 + bad.length,
        stored: rows.length * 2,
        pending: 0,
        open: 0,
        lost: bad.length,
      };
      for (const [name, count] of Object.entries(ledger))
        expect(await card.getAttribute(`data-${name}`), name).toBe(String(count));
      const lost = (reason: string) => card.locator(`[data-lost-reason=${reason}]`).getAttribute('data-count');
      expect(await lost('out_of_range')).toBe('2');
      expect(await card.locator('[data-dead-letter]').count()).toBe(bad.length);
      // The device that is not there is health, not an exit.
      const absent = card.locator('[data-part="source absent"]');
      expect(await absent.getAttribute('data-up')).toBe('false');
      expect(await absent.textContent()).toContain('/dev/weir-test-nothing-here');
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  }, 120_000);
});

async function expectPanes(page: Page): Promise<void> {
  for (const [signal, channel] of [
    ['temperature', 'temp'],
    ['humidity', 'rh'],
  ] as const) {
    const readings = rows.map(({ timeMs, values }) => ({ time: timeMs, value: values[channel] }));
    const expected = batchPanes(readings, minute).at(-1);
    const tile = page.locator(`section[data-signal=${signal}][data-gateway=line-3] [data-device=tempering]`);
    await tile.waitFor({ state: 'attached' });
    const number = async (name: string): Promise<number> => Number(await tile.getAttribute(`data-${name}`));
    await until(`the last pane of ${signal} is shown`, async () => (await number('start')) === expected?.start);
    expect(await number('points')).toBe(3);
    expect(await number('count')).toBe(expected?.count);
    expect(await number('min')).toBe(expected?.min);
    expect(await number('max')).toBe(expected?.max);
    expect(await number('mean')).toBeCloseTo(expected?.mean ?? NaN, 9);
  }
}
