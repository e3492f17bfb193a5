// Server-sent events: what changes, to every page that is open.
//
// A page that reads slower than the hub writes is not waited for: when more than a megabyte lies unsent it is dropped, and
// its browser connects again and asks for the whole. It is a live view, not a feed: of a large helping of panes (a
// gateway sending days of backlog) only what is retracted and the newest go out.

import type { ServerResponse } from 'node:http';
import type { RawRequest } from '../state/raw-requests.ts';
import type { GatewayPane } from '../store/store.ts';
import { paneView, rawRequestView } from './api.ts';
import { HttpError, openStream } from './respond.ts';
import type { AlertView, GatewayView } from './views.ts';

const maxClients = 100;
const maxUnsentBytes = 1024 * 1024;
const maxPanes = 500;
const maxRawRequests = 1000;
const heartbeatMs = 15_000;
/** A gateway changes with every batch; pages are told at most this often. */
const gatewaysEveryMs = 1000;

export class EventStreams {
  readonly #clients = new Set<ServerResponse>();
  readonly #changed = new Set<string>();
  readonly #view: (gateway: string) => GatewayView;
  /** Running once a page has been open. */
  #timers: readonly NodeJS.Timeout[] = [];
  dropped = 0;

  constructor(view: (gateway: string) => GatewayView) {
    this.#view = view;
  }

  get clients(): number {
    return this.#clients.size;
  }

  /** Makes the answer a stream of events. @throws HttpError when too many are open */
  open(response: ServerResponse): void {
    if (this.#clients.size >= maxClients) throw new HttpError(503, 'too many pages are open');
    openStream(response, 'text/event-stream; charset=utf-8');
    if (this.#timers.length === 0) this.#start();
    response.write('retry: 2000\n\n');
    this.#clients.add(response);
    response.on('close', () => this.#clients.delete(response));
  }

  gatewayChanged(gateway: string): void {
    if (this.#clients.size > 0) this.#changed.add(gateway);
  }

  panes(panes: readonly GatewayPane[]): void {
    if (this.#clients.size === 0 || panes.length === 0) return;
    this.#send(event('panes', (panes.length <= maxPanes ? panes : noteworthy(panes)).map(paneView)));
  }

  alert(alert: AlertView): void {
    this.#send(event('alert', alert));
  }

  rawRequests(requests: readonly RawRequest[]): void {
    if (this.#clients.size === 0) return;
    this.#send(event('raw', requests.slice(-maxRawRequests).map(rawRequestView)));
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const client of this.#clients) client.destroy();
    this.#clients.clear();
  }

  #start(): void {
    this.#timers = [
      setInterval(() => this.#send(': still here\n\n'), heartbeatMs),
      setInterval(() => this.#sendGateways(), gatewaysEveryMs),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  #sendGateways(): void {
    for (const gateway of this.#changed) this.#send(event('gateway', this.#view(gateway)));
    this.#changed.clear();
  }

  #send(text: string): void {
    for (const client of this.#clients) {
      client.write(text);
      if (client.writableLength <= maxUnsentBytes) continue;
      this.dropped += 1;
      this.#clients.delete(client);
      client.destroy();
    }
  }
}

/** The last word on each pane of a large helping; of those that are there, the newest. */
function noteworthy(panes: readonly GatewayPane[]): GatewayPane[] {
  const last = new Map<string, GatewayPane>();
  for (const row of panes) {
    const { series, window, start } = row.pane;
    last.set(`${start}/${row.gateway}/${series.device}/${series.signal}/${window.id}`, row);
  }
  const [retracted = [], there = []] = [true, false].map((gone) =>
    [...last.values()].filter(({ pane }) => pane.retracted === gone),
  );
  const newest = there.toSorted((a, b) => a.pane.start - b.pane.start).slice(-maxPanes);
  return [...retracted.slice(-maxPanes), ...newest];
}

function event(name: string, data: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
