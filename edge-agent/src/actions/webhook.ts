// POSTs what there is to tell: as JSON of our own, or as the gateway file words it. Anything but a 2xx answer is tried again.
//
// A body that is a map becomes JSON with its texts filled in, so that no value can break out of its place; a body that is one
// text is sent as it is.

import { isUrl } from '@weir/shared/config/schema.ts';
import * as z from 'zod';
import { messageKind } from './action.ts';
import { deliverySettings } from './delivery.ts';
import { fieldsOf, noticeJson, type Fields } from './notice.ts';
import { fill, problemsOf, template } from './template.ts';

const body = z.union([
  template,
  z.record(z.string(), z.unknown()).superRefine((map, context) => {
    for (const { text, path } of textsIn(map, []))
      for (const message of problemsOf(text)) context.addIssue({ code: 'custom', message, path: [...path] });
  }),
]);

const schema = z.strictObject({
  webhook: z
    .string()
    .refine((text) => isUrl(text, ['http:', 'https:']), 'write the address like http://10.0.0.5/alarm')
    .describe('Address that gets a POST.'),
  headers: z.record(z.string(), z.string()).optional().describe('Headers to send along, such as an authorization.'),
  body: body
    .optional()
    .describe(
      'What is sent: a map, sent as JSON, or a text, both with [placeholders](actions/README.md#placeholders). Default: the transition as JSON.',
    ),
  ...deliverySettings,
});

export const webhook = messageKind({
  key: 'webhook',
  schema,
  make: ({ webhook: url, headers, body }, context) => ({
    async perform(notice, signal) {
      const isText = typeof body === 'string';
      const fields = fieldsOf(notice, context);
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json', ...headers },
        body: isText
          ? fill(body, fields)
          : JSON.stringify(body === undefined ? noticeJson(context.gateway, notice) : filled(body, fields)),
        signal,
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`${url} answers ${response.status} ${response.statusText}`);
    },
  }),
});

function filled(value: unknown, fields: Fields): unknown {
  if (typeof value === 'string') {
    // By itself it stays the number it is.
    if (value === '{value}') return fields.value === '' ? null : Number(fields.value);
    return value === '{count}' ? Number(fields.count) : fill(value, fields);
  }
  if (Array.isArray(value)) return value.map((one: unknown) => filled(one, fields));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, filled(one, fields)]));
}

function textsIn(
  value: unknown,
  path: readonly (string | number)[],
): { text: string; path: readonly (string | number)[] }[] {
  if (typeof value === 'string') return [{ text: value, path }];
  if (Array.isArray(value)) return value.flatMap((one: unknown, index) => textsIn(one, [...path, index]));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => textsIn(one, [...path, key]));
}
