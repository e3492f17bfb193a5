// Asks for what the stream does not bring: everything once after each (re)connection, the series when a new one shows up,
// and each chart's history. What fails is asked again every `retryMs` until it is answered.

import type { HubApi } from './api.ts';
import type { PageEvent, State } from './state.ts';
import { pointsOf, trackKey, type Track } from './tracks.ts';

const retryMs = 5000;
const answerMs = 20_000;

export class Loader {
  readonly #api: HubApi;
  readonly #state: () => State;
  readonly #dispatch: (event: PageEvent) => void;
  #wantsSnapshot = false;
  #wantsSeries = false;
  #askedMs = -Infinity;
  #chosen = new AbortController();
  /** Tracks whose history is being asked for. */
  #asking = new Set<string>();

  constructor(api: HubApi, state: () => State, dispatch: (event: PageEvent) => void) {
    this.#api = api;
    this.#state = state;
    this.#dispatch = dispatch;
  }

  /** The stream is open: from here on nothing is missed, so everything is asked for now. */
  async wantSnapshot(nowMs: number): Promise<void> {
    this.#wantsSnapshot = true;
    await this.#askAll(nowMs);
  }

  /** Panes of something unknown came. */
  wantSeries(): void {
    this.#wantsSeries = true;
  }

  /** Drops the questions of the gateway or window chosen before. */
  async choose(): Promise<void> {
    this.#chosen.abort();
    this.#chosen = new AbortController();
    this.#asking = new Set();
    await this.#attempt(() => this.#loadHistory());
  }

  async tick(nowMs: number): Promise<void> {
    if (this.#state().link === 'live' && nowMs - this.#askedMs >= retryMs) await this.#askAll(nowMs);
  }

  async #askAll(nowMs: number): Promise<void> {
    this.#askedMs = nowMs;
    await this.#attempt(async () => {
      if (this.#wantsSnapshot) await this.#loadSnapshot();
      else if (this.#wantsSeries) await this.#loadSeries();
      await this.#loadHistory();
    });
  }

  /** Says what went wrong, and takes it back once an attempt has succeeded. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      if (this.#state().notice !== undefined) this.#dispatch({ kind: 'notice', text: undefined });
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') return;
      this.#dispatch({ kind: 'notice', text: error instanceof Error ? error.message : String(error) });
    }
  }

  async #loadSnapshot(): Promise<void> {
    const signal = AbortSignal.timeout(answerMs);
    const asked = this.#state().order;
    const [gateways, alerts, series, requests] = await Promise.all([
      this.#api.gateways(signal),
      this.#api.alerts(signal),
      this.#api.series(signal),
      this.#api.rawRequests(signal),
    ]);
    this.#wantsSnapshot = false;
    this.#wantsSeries = false;
    this.#dispatch({ kind: 'raw', requests });
    this.#dispatch({ kind: 'snapshot', asked, gateways, alerts, series });
  }

  async #loadSeries(): Promise<void> {
    const series = await this.#api.series(AbortSignal.timeout(answerMs));
    this.#wantsSeries = false;
    this.#dispatch({ kind: 'series', series });
  }

  async #loadHistory(): Promise<void> {
    const tracks = [...this.#state().tracks.values()];
    const missing = tracks.filter((track) => !track.loaded && !this.#asking.has(trackKey(track)));
    await Promise.all(missing.map((track) => this.#loadTrack(track, this.#asking)));
  }

  async #loadTrack(track: Track, asking: Set<string>): Promise<void> {
    const asked = this.#state().order;
    asking.add(trackKey(track));
    try {
      const answer = await this.#api.panes(track, this.#chosen.signal);
      this.#dispatch({ kind: 'history', track, asked, points: pointsOf(answer, asked) });
    } finally {
      asking.delete(trackKey(track));
    }
  }
}
