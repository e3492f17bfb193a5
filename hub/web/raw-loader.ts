// Asks gateways for raw readings when the reader wants to see them, and fetches what has come.
//
// What is on show is fetched again whenever another of its requests is answered, and what could not be fetched with the next
// tick.

import type { AlertView } from '../src/http/views.ts';
import type { HubApi } from './api.ts';
import { alertRaw, chartKeyOf, pointsOfRaw, rangeOfAlert, rangeOfChart, requestsOf, type RawShown } from './raw.ts';
import type { PageEvent, State } from './state.ts';
import type { Track } from './tracks.ts';

const answerMs = 20_000;

export class RawLoader {
  readonly #api: HubApi;
  readonly #state: () => State;
  readonly #dispatch: (event: PageEvent) => void;
  /** For each device of what is on show, with which answered requests it was fetched last. */
  readonly #fetched = new Map<string, string>();
  /** What could not be fetched when it was tried last. */
  readonly #failed = new Set<string>();

  constructor(api: HubApi, state: () => State, dispatch: (event: PageEvent) => void) {
    this.#api = api;
    this.#state = state;
    this.#dispatch = dispatch;
  }

  /** Shows the raw readings of a chart, or takes them away again. */
  async toggleChart(tracks: readonly Track[]): Promise<void> {
    const range = rangeOfChart(tracks, this.#api.now());
    if (range === undefined) return;
    const key = chartKeyOf(range);
    if (this.#state().raw.shown.has(key)) this.hide(key);
    else await this.#open(key, range);
  }

  async showAlert(alert: AlertView): Promise<void> {
    await this.#open(alertRaw, rangeOfAlert(this.#state().raw.requests, alert));
  }

  hide(key: string): void {
    this.#forget(key);
    this.#dispatch({ kind: 'raw-hide', key });
  }

  async tick(): Promise<void> {
    if (this.#state().link === 'live') await this.refresh();
  }

  /** Fetches what has been answered since it was fetched last. */
  async refresh(): Promise<void> {
    const { requests, shown } = this.#state().raw;
    const due: Promise<void>[] = [];
    for (const [key, one] of shown) {
      for (const device of one.devices) {
        const name = `${key}\u0000${device}`;
        const answered = requestsOf(requests, one, device)
          .flatMap(({ id, done }) => (done === null ? [] : [id]))
          .join();
        if (this.#fetched.get(name) === answered) continue;
        this.#fetched.set(name, answered);
        due.push(this.#fetch(key, one, device, name));
      }
    }
    await Promise.all(due);
  }

  async #open(key: string, range: Omit<RawShown, 'trouble' | 'readings'>): Promise<void> {
    this.#forget(key);
    this.#dispatch({ kind: 'raw-show', key, shown: { ...range, trouble: '', readings: new Map() } });
    const { requests } = this.#state().raw;
    const { gateway, signal, devices, from, to } = range;
    // What an alert asked for already need not be asked for again.
    const missing = devices.filter(
      (device) =>
        !requestsOf(requests, { ...range, trouble: '', readings: new Map() }, device).some(
          (request) => request.from <= from && request.to >= to,
        ),
    );
    await Promise.all([
      ...missing.map((device) =>
        this.#attempt(key, async () => {
          const request = await this.#api.askRaw({ gateway, device, signal, from, to }, AbortSignal.timeout(answerMs));
          this.#dispatch({ kind: 'raw', requests: [request] });
        }),
      ),
      this.refresh(),
    ]);
  }

  async #fetch(key: string, { gateway, signal, from, to }: RawShown, device: string, name: string): Promise<void> {
    const done = await this.#attempt(key, async () => {
      const answer = await this.#api.raw({ gateway, device, signal, from, to }, AbortSignal.timeout(answerMs));
      // Closed, or opened for another range, while the answer was under way.
      const now = this.#state().raw.shown.get(key);
      if (now?.from !== from || now.to !== to || now.gateway !== gateway || now.signal !== signal) return;
      this.#dispatch({ kind: 'raw-readings', key, device, readings: pointsOfRaw(answer) });
    });
    if (!done) {
      this.#fetched.delete(name);
      this.#failed.add(name);
    } else if (this.#failed.delete(name)) this.#dispatch({ kind: 'raw-trouble', key, text: '' });
  }

  /** @returns whether it worked; if not, what is on show says why */
  async #attempt(key: string, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.#dispatch({ kind: 'raw-trouble', key, text: error instanceof Error ? error.message : String(error) });
      return false;
    }
  }

  #forget(key: string): void {
    for (const names of [this.#fetched, this.#failed]) {
      for (const name of names.keys()) if (name.startsWith(`${key}\u0000`)) names.delete(name);
    }
  }
}
