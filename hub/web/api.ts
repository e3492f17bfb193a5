// Asks the hub. Every answer passes a schema; every error says what was asked.

import * as z from 'zod/mini';
import type { AlertView, GatewayView, PanesView, RawRequestView, RawView, SeriesView } from '../src/http/views.ts';
import { maxRawReadings } from './raw.ts';
import { alertView, gatewayView, panesView, rawRequestView, rawView, seriesView } from './schema.ts';
import { maxClearedAlerts } from './state.ts';
import { shownWindows, type Track } from './tracks.ts';

export interface RawRange {
  readonly gateway: string;
  readonly device: string;
  readonly signal: string;
  readonly from: number;
  readonly to: number;
}

/** Below this, the difference between the two clocks is only the Date header's whole seconds. */
const worthMs = 2000;
/** How far ahead a window of no fixed length is looked for. */
const loosePanesAheadMs = 60_000;

export class HubApi {
  readonly #fetch: typeof fetch;
  readonly #now: () => number;
  #aheadMs = 0;

  constructor(fetcher: typeof fetch, now: () => number) {
    this.#fetch = fetcher;
    this.#now = now;
  }

  /** The hub's clock, epoch milliseconds: a tablet on a wall may not know the time, and panes are the hub's. */
  now(): number {
    return this.#now() + this.#aheadMs;
  }

  gateways(signal: AbortSignal): Promise<GatewayView[]> {
    return this.#ask('/api/gateways', z.array(gatewayView), signal);
  }

  series(signal: AbortSignal): Promise<SeriesView[]> {
    return this.#ask('/api/series', z.array(seriesView), signal);
  }

  alerts(signal: AbortSignal): Promise<AlertView[]> {
    return this.#ask(`/api/alerts?limit=${maxClearedAlerts}`, z.array(alertView), signal);
  }

  /**
   * The last windows of one track, however long ago: a band that syncs at night and a recording have a history too. Up to one
   * window ahead, because event time may lead the hub's clock a little.
   */
  panes(track: Track, signal: AbortSignal): Promise<PanesView> {
    const aheadMs = track.window.sizeMs || loosePanesAheadMs;
    const query = new URLSearchParams({
      gateway: track.gateway,
      device: track.device,
      signal: track.signal,
      window: track.window.id,
      from: '0',
      to: String(Math.ceil(this.now() + aheadMs)),
      limit: String(shownWindows),
    });
    return this.#ask(`/api/panes?${query.toString()}`, panesView, signal);
  }

  rawRequests(signal: AbortSignal): Promise<RawRequestView[]> {
    return this.#ask('/api/raw/requests', z.array(rawRequestView), signal);
  }

  /** The newest raw readings of the range that the hub has. */
  raw({ gateway, device, signal: name, from, to }: RawRange, signal: AbortSignal): Promise<RawView> {
    const range = { from: String(from), to: String(to), limit: String(maxRawReadings) };
    const query = new URLSearchParams({ gateway, device, signal: name, ...range });
    return this.#ask(`/api/raw?${query.toString()}`, rawView, signal);
  }

  /** Asks a gateway for raw readings. Rejects with what the hub says is wrong with it. */
  async askRaw(range: RawRange, signal: AbortSignal): Promise<RawRequestView> {
    const response = await this.#fetch('/api/raw', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(range),
      signal,
    });
    const answer: unknown = await response.json();
    const request = rawRequestView.safeParse(answer);
    if (request.success) return request.data;
    const refusal = z.object({ error: z.string() }).safeParse(answer);
    throw new Error(refusal.success ? refusal.data.error : `The hub answered ${response.status} to /api/raw.`);
  }

  async #ask<T>(path: string, schema: z.ZodMiniType<T>, signal: AbortSignal): Promise<T> {
    const response = await this.#fetch(path, { signal, headers: { accept: 'application/json' } });
    if (!response.ok) throw new Error(`The hub answered ${response.status} to ${path}.`);
    this.#setClock(response.headers.get('date'));
    const answer = schema.safeParse(await response.json());
    if (!answer.success) throw new Error(`The hub's answer to ${path} is not of this page's version; reload the page.`);
    return answer.data;
  }

  #setClock(date: string | null): void {
    const aheadMs = date === null ? NaN : Date.parse(date) - this.#now();
    if (Number.isFinite(aheadMs)) this.#aheadMs = Math.abs(aheadMs) < worthMs ? 0 : aheadMs;
  }
}
