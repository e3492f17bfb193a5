// Raw readings on the hub's page, as people ask for them and see them; an MQTT client plays the gateway.

import { encodeStatus } from '@weir/shared/wire/codec.ts';
import { statusTopic } from '@weir/shared/wire/topics.ts';
import { frame, pane, transition } from '@weir/hub/testing/fixtures.ts';
import type { MqttClient } from '@weir/hub/testing/mqtt-client.ts';
import { rawFrame, rawReadings, type ReadingRow } from '@weir/hub/testing/raw.ts';
import { TestHub } from '@weir/hub/testing/test-hub.ts';
import type { Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { haveBrowser, launchBrowser } from './browser.ts';

const incarnation = 'incarnation-1';
/** The panes end a minute ago; the alert fired half a minute before that. */
const end = Math.floor(Date.now() / 10_000) * 10_000 - 60_000;
const fired = end - 30_000;
const panes = 30;

/** A reading a second, one of them not trusted. */
function rowsOf(from: number, to: number): ReadingRow[] {
  const rows: ReadingRow[] = [];
  for (let time = Math.ceil(from / 1000) * 1000; time < to; time += 1000) {
    rows.push([time, 31 + Math.sin(time / 7000) + (time === fired ? 4 : 0), time === fired ? 'uncertain' : 'good']);
  }
  return rows;
}

class Gateway {
  readonly client: MqttClient;
  #seq = 0;
  #answered = 0;

  constructor(client: MqttClient) {
    this.client = client;
  }

  /** Answers the next request with a reading a second. */
  async answer(shortfall = ''): Promise<void> {
    await this.client.until(() => this.client.commands.length > this.#answered);
    const command = this.client.commands[this.#answered];
    if (command === undefined) throw new Error('no command');
    this.#answered += 1;
    const rows = rowsOf(command.from, command.to);
    const raw = rawReadings({ ...command.series, request: command.id, rows, shortfall });
    this.#seq += 1;
    this.client.publishBatch('line-3', 'raw', { incarnation, firstSeq: this.#seq, entries: [rawFrame(raw)] });
  }
}

describe.skipIf(!haveBrowser)('raw readings on the hub page', () => {
  it('are asked for and drawn over the panes of a chart, and shown around an alert', async () => {
    await using test = await TestHub.start();
    const gateway = new Gateway(await test.gateway('line-3'));
    gateway.client.publish(
      statusTopic('line-3'),
      encodeStatus({ online: true, timeMs: Date.now(), signals: [{ name: 'temperature', unit: '°C' }] }),
    );
    const drawn = Array.from({ length: panes }, (_, index) =>
      pane({ start: end - (panes - index) * 10_000, values: [31 + Math.sin(index / 3), 30, 32] }),
    );
    gateway.client.publishBatch('line-3', 'panes', { incarnation, firstSeq: 1, entries: [frame(drawn)] });
    const alert = transition({ time: fired, since: fired - 5000, value: 35 });
    gateway.client.publishBatch('line-3', 'alerts', { incarnation, firstSeq: 1, entries: [frame([], [alert])] });
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 1000 } });
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
      await page.goto(test.hub.url);
      await expectAroundAlert(page, gateway);
      await expectOverPanes(page, gateway);
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});

/** The hub asks by itself; the page shows what comes. */
async function expectAroundAlert(page: Page, gateway: Gateway): Promise<void> {
  const button = page.locator('[data-alert=too_hot] [data-alert-raw]');
  await button.and(page.locator('[data-alert-raw=asked]')).waitFor();
  await button.focus();
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Raw readings of temperature' });
  await dialog.getByText('Asked line-3, not answered yet').waitFor();
  await gateway.answer('the newest half minute is not written down yet');
  await dialog.and(page.locator('[data-readings="120"]')).waitFor();
  const note = await dialog.getByRole('status').textContent();
  expect(note).toBe('120 raw readings · 1 of them not good · the newest half minute is not written down yet');
  await dialog.locator('canvas').waitFor();
  await dialog.getByRole('img').focus();
  await page.keyboard.press('ArrowLeft');
  await dialog.locator('.tip').getByText('°C').waitFor();
  await keepPicture(page, 'alert');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await button.and(page.locator('[data-alert-raw=there]')).waitFor();
}

async function expectOverPanes(page: Page, gateway: Gateway): Promise<void> {
  const chart = page.locator('section[data-signal=temperature]');
  const button = chart.getByRole('button', { name: 'Raw' });
  await button.focus();
  await page.keyboard.press('Space');
  await chart.getByText('more asked for').waitFor();
  await gateway.answer();
  await chart.and(page.locator(`[data-raw-readings="${panes * 10}"]`)).waitFor();
  expect(await button.getAttribute('aria-pressed')).toBe('true');
  expect(await chart.getByRole('status').textContent()).toBe(`${panes * 10} raw readings · 1 of them not good`);
  await keepPicture(page, 'chart');
  await button.click();
  await chart.and(page.locator('[data-raw=false]')).waitFor();
  expect(await chart.getAttribute('data-raw-readings')).toBeNull();
}

/** For whoever wants to look: `PICTURES=folder npx vitest run test/browser/raw`. */
async function keepPicture(page: Page, name: string): Promise<void> {
  const folder = process.env['PICTURES'];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/raw-${name}.png` });
}
