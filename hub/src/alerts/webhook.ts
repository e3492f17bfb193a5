// Notifies by HTTP: POST with a JSON body, one transition each. Any 2xx answer means taken.
//
//   { "key": "line-3/too_hot/press/temperature/1700000000000/firing", "gateway": "line-3", "rule": "too_hot",
//     "device": "press", "signal": "temperature", "severity": "critical", "state": "firing",
//     "since": 1700000000000, "time": 1700000010000, "value": 34.5, "reason": "temperature is 34.5, above 34" }
//
// Times are event times in epoch milliseconds; `value` is what caused the transition.

import * as z from 'zod';
import { notificationKey, type Notification, type Notifier } from './notifier.ts';

const answerTimeoutMs = 10_000;

/** `notify: [{ webhook: "http://10.0.0.5/alarm" }]` */
export const webhook = z
  .strictObject({
    webhook: z.url({ protocol: /^https?$/, error: 'the webhook is an address like http://10.0.0.5/alarm' }),
  })
  .transform(({ webhook }) => webhookNotifier(webhook));

export function webhookNotifier(url: string): Notifier {
  return {
    name: `webhook ${url}`,
    async send(notification, signal) {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(bodyOf(notification)),
        signal: AbortSignal.any([signal, AbortSignal.timeout(answerTimeoutMs)]),
      });
      await answer.body?.cancel();
      if (!answer.ok) throw new Error(`the webhook answered ${answer.status}`);
    },
  };
}

function bodyOf(notification: Notification): Record<string, unknown> {
  const { gateway, rule, device, signal, severity, state, sinceMs, timeMs, value, reason } = notification;
  const key = notificationKey(notification);
  return { key, gateway, rule, device, signal, severity, state, since: sinceMs, time: timeMs, value, reason };
}
