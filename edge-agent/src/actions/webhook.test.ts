import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../testing/fake-clock.ts';
import { transition } from '../testing/outputs.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { noticeOf } from '../testing/notices.ts';
import { webhook } from './webhook.ts';

const unitOf = (): string => '°C';
const context = { id: 'notify', gateway: 'line-3', base: '/', unitOf, clock: new FakeClock() };
const forever = new AbortController().signal;

interface Call {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that notes what it is sent and answers with `status`. */
async function receiver(status: number): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls.push({ method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(status).end('thanks');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${portOf(server)}/alarm`, calls };
}

function action(raw: object) {
  return webhook.make({ kind: 'webhook', raw }, context).action;
}

describe('the webhook action', () => {
  it('posts the transition as JSON, with the headers asked for', async () => {
    const { url, calls } = await receiver(204);
    const told = { ...transition(7), reason: 'temperature is 99, above 34', value: NaN };
    await action({ webhook: url, headers: { authorization: 'Bearer abc' } }).perform(noticeOf(told), forever);
    expect(calls).toMatchObject([
      { method: 'POST', headers: { authorization: 'Bearer abc', 'content-type': 'application/json' } },
    ]);
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({
      id: 'line-3/too_hot/press/temperature/7/firing',
      gateway: 'line-3',
      rule: 'too_hot',
      state: 'firing',
      severity: 'critical',
      device: 'press',
      signal: 'temperature',
      value: null,
      time: '1970-01-01T00:00:00.007Z',
      since: '1970-01-01T00:00:00.007Z',
      reason: 'temperature is 99, above 34',
    });
  });

  it('posts a body of its own wording, from which no value can break out', async () => {
    const { url, calls } = await receiver(200);
    const body = {
      text: '{severity}: {rule} on {device} at {value} {unit}',
      parts: [{ value: '{value}', n: 1 }, null],
    };
    const told = { ...transition(7), series: { device: '", "admin": "yes\n', signal: 'temperature' } };
    await action({ webhook: url, body }).perform(noticeOf(told), forever);
    expect(JSON.parse(calls[0]?.body ?? '')).toEqual({
      text: 'critical: too_hot on ", "admin": "yes  at 99 °C',
      parts: [{ value: 99, n: 1 }, null],
    });
  });

  it('posts a text as it stands, and a header of the gateway file goes before ours', async () => {
    const { url, calls } = await receiver(200);
    await action({ webhook: url, body: '{rule} {state}' }).perform(noticeOf(transition(7)), forever);
    const headers = { 'content-type': 'application/x-alarm' };
    await action({ webhook: url, body: '{"r": "{rule}"}', headers }).perform(noticeOf(transition(7)), forever);
    expect(calls.map(({ body, headers }) => [body, headers['content-type']])).toEqual([
      ['too_hot firing', 'text/plain; charset=utf-8'],
      ['{"r": "too_hot"}', 'application/x-alarm'],
    ]);
  });

  it.each([400, 404, 500, 503])('fails on an answer of %i, so that it is tried again', async (status) => {
    const { url } = await receiver(status);
    await expect(action({ webhook: url }).perform(noticeOf(transition(7)), forever)).rejects.toThrow(
      `${url} answers ${status}`,
    );
  });

  it('fails when nobody listens', async () => {
    const nobody = action({ webhook: `http://127.0.0.1:${await freePort()}` });
    await expect(nobody.perform(noticeOf(transition(7)), forever)).rejects.toThrow('fetch failed');
  });
});
