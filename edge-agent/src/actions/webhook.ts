// POSTs the transition as JSON. Anything but a 2xx answer is tried again.

import { isUrl } from '@weir/shared/config/schema.ts';
import { z } from 'zod';
import { actionKind, transitionMessage } from './action.ts';

const timeoutMs = 10_000;

const schema = z.strictObject({
  webhook: z
    .string()
    .refine((text) => isUrl(text, ['http:', 'https:']), 'write the address like http://10.0.0.5/alarm')
    .describe('Address that gets a POST with the transition as JSON.'),
  headers: z.record(z.string(), z.string()).optional().describe('Headers to send along, such as an authorization.'),
});

export const webhook = actionKind({
  key: 'webhook',
  schema,
  make: ({ webhook: url, headers }, { gateway }) => ({
    async perform(transition, signal) {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(transitionMessage(gateway, transition)),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`${url} answers ${response.status} ${response.statusText}`);
    },
  }),
});
