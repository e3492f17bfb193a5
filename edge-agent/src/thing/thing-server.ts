// The gateway as a Thing (docs/thing.md): its description, the newest value of each series, and its alarms as they change, over
// HTTP. It only tells; nothing can be changed through it. What cannot be served is shown as health and hinders nobody.

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { GatewayFile } from '@weir/shared/config/gateway-file.ts';
import type { Transition } from '@weir/shared/model/alert.ts';
import type { Series } from '@weir/shared/model/series.ts';
import type { Health } from '../health.ts';
import { messageOf } from '../logger.ts';
import { Backoff } from '../time/backoff.ts';
import type { Clock } from '../time/clock.ts';
import { describeAgent, propertyName } from './description.ts';
import { Listeners } from './listeners.ts';

const part = 'thing';
const maxConnections = 64;
/** How soon listeners hear of a new value. */
const lookMs = 500;
const pingMs = 15_000;

/** The newest reading of a series; its time is -Infinity when there is none. */
export interface Latest {
  readonly series: Series;
  readonly newestTime: number;
  readonly newestValue: number;
}

export interface ThingParts {
  readonly host: string;
  readonly port: number;
  readonly file: GatewayFile;
  /** Of every series. */
  readonly latest: () => readonly Latest[];
  readonly health: Health;
  readonly clock: Clock;
  readonly random: () => number;
}

export class ThingServer {
  readonly #parts: ThingParts;
  readonly #listeners = new Listeners();
  /** What listeners have been told: the time of the newest reading, by topic. */
  readonly #told = new Map<string, number>();

  constructor(parts: ThingParts) {
    this.#parts = parts;
  }

  /** Serves until `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { health, clock, host, port, random } = this.#parts;
    const backoff = new Backoff(500, 30_000, random);
    while (!signal.aborted) {
      try {
        await this.#serve(signal);
      } catch (error) {
        health.down(
          part,
          `${host}:${port} cannot be listened at: ${messageOf(error)}; thing: names another port or host`,
        );
        await clock.sleep(backoff.next(), signal);
      }
    }
  }

  /** An alarm has changed. */
  tell({ rule, series, state, severity, value, time, since, reason }: Transition): void {
    this.#listeners.tell(eventTopic(rule), {
      alert: rule,
      state,
      severity,
      device: series.device,
      signal: series.signal,
      ...(Number.isFinite(value) ? { value } : {}),
      time: new Date(time).toISOString(),
      since: new Date(since).toISOString(),
      reason,
    });
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const { health, clock, host, port } = this.#parts;
    // Loaded when first needed: an agent without it has 10 MB less in memory.
    const { createServer } = await import('node:http');
    const server = createServer({ requestTimeout: 10_000, headersTimeout: 10_000, keepAliveTimeout: 5000 });
    server.maxConnections = maxConnections;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#answer(request, response));
    server.listen(port, host);
    await once(server, 'listening');
    // What comes now is about one connection, not about the port.
    server.on('error', (error) => health.down(part, error.message));
    health.up(part);
    let pinged = clock.monotonicMs();
    while (!signal.aborted) {
      await clock.sleep(lookMs, signal);
      this.#look();
      if (clock.monotonicMs() - pinged < pingMs) continue;
      pinged = clock.monotonicMs();
      this.#listeners.ping();
    }
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  }

  /** Tells listeners of properties what is new. */
  #look(): void {
    const topics = new Set(this.#listeners.topics());
    for (const topic of this.#told.keys()) if (!topics.has(topic)) this.#told.delete(topic);
    if (topics.size === 0) return;
    for (const { series, newestTime, newestValue } of this.#known()) {
      const topic = propertyTopic(series);
      if (!topics.has(topic) || this.#told.get(topic) === newestTime) continue;
      this.#told.set(topic, newestTime);
      this.#listeners.tell(topic, newestValue);
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return refuse(response, 405, 'a gateway can only be read');
    }
    const path = segments(request.url ?? '/');
    if (path === undefined) return refuse(response, 400, 'no such address');
    const [first, second = '', third = '', ...rest] = path;
    if (first === undefined || (first === '.well-known' && second === 'wot' && third === ''))
      return answer(response, this.#description(request), 'application/td+json');
    if (first === 'properties' && path.length === 1) return answer(response, this.#all());
    if (first === 'events' && path.length === 2 && this.#parts.file.alerts.has(second))
      return this.#listen(request, response, eventTopic(second));
    if (first === 'properties' && (path.length === 3 || (path.length === 4 && rest[0] === 'changes'))) {
      const latest = this.#known().find(({ series }) => series.device === second && series.signal === third);
      if (latest === undefined) return refuse(response, 404, `no reading of ${second}/${third} yet`);
      if (path.length === 4) return this.#listen(request, response, propertyTopic(latest.series));
      response.setHeader('last-modified', new Date(latest.newestTime).toUTCString());
      return answer(response, latest.newestValue);
    }
    return refuse(response, 404, 'no such address; the Thing Description is at /');
  }

  #description({ headers, socket }: IncomingMessage): object {
    const here = `${socket.localAddress ?? this.#parts.host}:${this.#parts.port}`;
    // By whatever name the gateway was found, it can be found again.
    const host = headers.host !== undefined && /^[\w.:[\]-]+$/.test(headers.host) ? headers.host : here;
    return describeAgent(
      this.#parts.file,
      `http://${host}/`,
      this.#known().map(({ series }) => series),
    );
  }

  #all(): object {
    return Object.fromEntries(this.#known().map(({ series, newestValue }) => [propertyName(series), newestValue]));
  }

  #listen(request: IncomingMessage, response: ServerResponse, topic: string): void {
    if (request.method === 'HEAD') return answer(response, {}, 'text/event-stream');
    if (!this.#listeners.add(topic, response)) return refuse(response, 503, 'too many listen already; try later');
    // A new one gets the present value at the next look, and so do the others once more.
    this.#told.delete(topic);
  }

  #known(): readonly Latest[] {
    return this.#parts.latest().filter(({ newestTime }) => Number.isFinite(newestTime));
  }
}

function propertyTopic({ device, signal }: Series): string {
  return `property ${device}/${signal}`;
}

function eventTopic(rule: string): string {
  return `event ${rule}`;
}

/** @returns undefined when it is no path */
function segments(url: string): string[] | undefined {
  const [path = ''] = url.split('?');
  try {
    return path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function answer(response: ServerResponse, value: unknown, type = 'application/json'): void {
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, detail: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${detail}\n`);
}
