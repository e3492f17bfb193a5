// An alarm on the hub's page, and somebody who has seen it; an MQTT client plays the gateway.

import { encodeStatus } from '@weir/shared/wire/codec.ts';
import { statusTopic } from '@weir/shared/wire/topics.ts';
import { frame, transition } from '@weir/hub/testing/fixtures.ts';
import { TestHub } from '@weir/hub/testing/test-hub.ts';
import { describe, expect, it } from 'vitest';
import { haveBrowser, launchBrowser } from './browser.ts';

const fired = Date.now() - 60_000;

describe.skipIf(!haveBrowser)('an alarm on the hub page', () => {
  it('says why it is on, and who has seen it, when somebody acknowledges it by keyboard', async () => {
    await using test = await TestHub.start();
    const gateway = await test.gateway('line-3');
    let seq = 0;
    const say = (more: Parameters<typeof transition>[0]): void => {
      seq += 1;
      const one = transition({ since: fired - 5000, time: fired, value: 35, ...more });
      gateway.publishBatch('line-3', 'alerts', {
        incarnation: 'incarnation-1',
        firstSeq: seq,
        entries: [frame([], [one])],
      });
    };
    gateway.publish(statusTopic('line-3'), encodeStatus({ online: true, timeMs: Date.now() }));
    say({ reason: 'mean(temperature over 5m) is 35, above 34', quiet: 'late' });

    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
      page.on('dialog', (dialog) => void dialog.accept('Ada'));
      await page.goto(test.hub.url);
      const alert = page.locator('[data-alert=too_hot]');
      await alert.getByText('mean(temperature over 5m) is 35, above 34').waitFor();
      expect(await alert.innerText()).toContain('late');

      const button = alert.getByRole('button', { name: 'Acknowledge too_hot on line-3' });
      await button.focus();
      await page.keyboard.press('Enter');
      await alert.getByText('Asked the gateway').waitFor();
      await gateway.until(() => gateway.operations.length === 1);
      expect(gateway.operations[0]).toMatchObject({
        kind: 'acknowledge',
        rule: 'too_hot',
        series: { device: 'press', signal: 'temperature' },
        since: fired - 5000,
        by: 'Ada',
      });

      say({ state: 'acknowledged', time: fired + 30_000, by: 'Ada', comment: 'on my way' });
      await alert.getByText('seen by Ada: on my way').waitFor();
      await button.waitFor({ state: 'hidden' });
      expect(errors).toEqual([]);
    } finally {
      await browser.close();
    }
  });
});
