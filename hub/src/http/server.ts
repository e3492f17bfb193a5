// The hub's HTTP side: the API (views.ts), events, metrics, health, and the page. It only reads: anything but GET is
// refused, and nothing here changes what the hub does.

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

export class HttpServer {
  readonly #parts: HttpParts;
  readonly #server: Server;
  readonly #routes: ReadonlyMap<string, (response: ServerResponse, query: URLSearchParams) => Promise<void> | void>;

  constructor(parts: HttpParts) {
    this.#parts = parts;
    const { api, events, metrics, ailments } = parts;
    this.#routes = new Map<string, (response: ServerResponse, query: URLSearchParams) => Promise<void> | void>([
      ['/api/gateways', (response) => respondJson(response, 200, api.gateways())],
      ['/api/series', (response) => respondJson(response, 200, api.series())],
      ['/api/panes', async (response, query) => respondJson(response, 200, await api.panes(query))],
      ['/api/alerts', (response, query) => respondJson(response, 200, api.alerts(query))],
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
    if (request.method !== 'GET' && request.method !== 'HEAD') throw new HttpError(405, 'only GET is answered here');
    // A base of its own: the path is all that matters, and it may be anything.
    const url = URL.parse(request.url ?? '/', 'http://hub');
    if (url === null) throw new HttpError(400, 'this is no path');
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
