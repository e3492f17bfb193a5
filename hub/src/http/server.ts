// The hub's HTTP side: the API (views.ts), events, metrics, health, and the page. It only reads, with one exception: raw
// readings can be asked for, by a POST of JSON, which no page of another origin can send without the browser asking first.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { closed, listen, type Address } from '../listen.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { StoreOutage } from '../store/store.ts';
import type { Api } from './api.ts';
import type { Assets } from './assets.ts';
import type { EventStreams } from './events.ts';
import { encodeMetrics, metricsType, type Metric } from './metrics.ts';
import { HttpError, respond, respondJson } from './respond.ts';

export interface HttpParts {
  readonly api: Api;
  readonly assets: Assets;
  readonly events: EventStreams;
  readonly metrics: () => Metric[];
  /** Why the hub is not well; empty while it is. */
  readonly ailments: () => string[];
  readonly log: Log;
}

const maxBodyBytes = 4096;

export class HttpServer {
  readonly #parts: HttpParts;
  readonly #server: Server;
  readonly #routes: ReadonlyMap<string, (response: ServerResponse, query: URLSearchParams) => Promise<void> | void>;
  readonly #posts: ReadonlyMap<string, (response: ServerResponse, body: unknown) => void>;

  constructor(parts: HttpParts) {
    this.#parts = parts;
    const { api, events, metrics, ailments } = parts;
    this.#routes = new Map<string, (response: ServerResponse, query: URLSearchParams) => Promise<void> | void>([
      ['/api/gateways', (response) => respondJson(response, 200, api.gateways())],
      ['/api/series', (response) => respondJson(response, 200, api.series())],
      ['/api/panes', async (response, query) => respondJson(response, 200, await api.panes(query))],
      ['/api/alerts', (response, query) => respondJson(response, 200, api.alerts(query))],
      ['/api/operations', (response, query) => respondJson(response, 200, api.operations(query))],
      ['/api/raw', async (response, query) => respondJson(response, 200, await api.raw(query))],
      ['/api/raw/requests', (response, query) => respondJson(response, 200, api.rawRequests(query))],
      ['/api/events', (response) => events.open(response)],
      ['/metrics', (response) => respond(response, 200, metricsType, encodeMetrics(metrics()))],
      [
        '/healthz',
        (response) => {
          const reasons = ailments();
          respondJson(response, reasons.length === 0 ? 200 : 503, { ok: reasons.length === 0, reasons });
        },
      ],
    ]);
    this.#posts = new Map([
      ['/api/operations', (response: ServerResponse, body: unknown) => respondJson(response, 202, api.operate(body))],
      ['/api/raw', (response: ServerResponse, body: unknown) => respondJson(response, 202, api.askRaw(body))],
    ]);
    this.#server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000 }, (request, response) => {
      this.#answer(request, response).catch((error: unknown) => this.#fail(response, error));
    });
    this.#server.maxConnections = 500;
  }

  /** @returns the port @throws HubError */
  listen(address: Address): Promise<number> {
    return listen(this.#server, address);
  }

  async close(): Promise<void> {
    const released = closed(this.#server);
    this.#parts.events.close();
    this.#server.closeAllConnections();
    await released;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A base of its own: the path is all that matters, and it may be anything.
    const url = URL.parse(request.url ?? '/', 'http://hub');
    if (url === null) throw new HttpError(400, 'this is no path');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const post = request.method === 'POST' ? this.#posts.get(url.pathname) : undefined;
      if (post === undefined) throw new HttpError(405, 'only GET is answered here');
      post(response, await jsonBody(request));
      return;
    }
    const route = this.#routes.get(url.pathname);
    if (route !== undefined) return route(response, url.searchParams);
    const asset = await this.#parts.assets.find(url.pathname);
    if (asset === undefined) throw new HttpError(404, `there is nothing at ${url.pathname}`);
    respond(response, 200, asset.type, asset.body);
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const status = error instanceof HttpError ? error.status : error instanceof StoreOutage ? 503 : 500;
    if (status === 500) this.#parts.log.error('a request failed', { trouble: messageOf(error) });
    respondJson(response, status, { error: messageOf(error) });
  }
}

/** @throws HttpError */
async function jsonBody(request: IncomingMessage): Promise<unknown> {
  const type = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new HttpError(415, 'send application/json');
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    const part = Buffer.from(chunk);
    bytes += part.length;
    if (bytes > maxBodyBytes) throw new HttpError(413, `at most ${maxBodyBytes} bytes`);
    chunks.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    throw new HttpError(400, 'the body is no JSON');
  }
}
