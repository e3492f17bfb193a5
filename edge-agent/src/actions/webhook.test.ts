import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { transition } from '../testing/outputs.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { webhook } from './webhook.ts';

const context = { id: 'notify', gateway: 'line-3', base: '/' };

interface Call {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A server that notes what it is sent and answers with `status`; none leaves the caller waiting. */
async function receiver(status: number | undefined): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls.push({ method: request.method, headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (status !== undefined) response.writeHead(status).end('thanks');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${portOf(server)}/alarm`, calls };
}

describe('the webhook action', () => {
  it('posts the transition as JSON, with the headers asked for', async () => {
    const { url, calls } = await receiver(204);
    const raw = { webhook: url, headers: { authorization: 'Bearer abc' } };
    await webhook.make({ kind: 'webhook', raw }, context).perform(transition(7), new AbortController().signal);
    expect(calls).toMatchObject([
      { method: 'POST', headers: { authorization: 'Bearer abc', 'content-type': 'application/json' } },
    ]);
    expect(JSON.parse(calls[0]?.body ?? '')).toMatchObject({
      id: 'line-3/too_hot/press/temperature/7/firing',
      value: 99,
    });
  });

  it.each([400, 404, 500, 503])('fails on an answer of %i, so that it is tried again', async (status) => {
    const { url } = await receiver(status);
    const action = webhook.make({ kind: 'webhook', raw: { webhook: url } }, context);
    await expect(action.perform(transition(7), new AbortController().signal)).rejects.toThrow(
      `${url} answers ${status}`,
    );
  });

  it('fails when nobody listens', async () => {
    const action = webhook.make({ kind: 'webhook', raw: { webhook: `http://127.0.0.1:${await freePort()}` } }, context);
    await expect(action.perform(transition(7), new AbortController().signal)).rejects.toThrow('fetch failed');
  });

  it('gives up when the agent stops', async () => {
    const { url, calls } = await receiver(undefined);
    const end = new AbortController();
    const performing = webhook
      .make({ kind: 'webhook', raw: { webhook: url } }, context)
      .perform(transition(7), end.signal);
    await expect.poll(() => calls.length).toBe(1);
    end.abort();
    await expect(performing).rejects.toThrow('aborted');
  });
});
