// Sends gateways what is asked of them: the raw readings of a series and range of event time.
//
// A request is sent when it is due and the gateway listens: at once when it has just been made, again with all the others
// that are open whenever the gateway subscribes (it may have restarted, or never got it), and again now and then. The
// gateway knows requests by their id, so what it gets twice it answers once, or twice with the same readings; either way
// they are stored once. What another program noted (`weir-hub raw ask`) is seen within a second.
//
// Trouble with the disk is waited out: a request stays open until it is answered or as old as what it asks for may get.

import { encodeCommand } from '@weir/shared/wire/codec.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { RateLimitedLog } from '../log.ts';
import { diskTrouble } from '../state/database.ts';
import type { RawRange, RawRequest } from '../state/raw-requests.ts';
import type { State } from '../state/state.ts';
import { StoreOutage, type Store } from '../store/store.ts';
import { askRaw } from './ask.ts';

export interface RawDeskParts {
  readonly state: State;
  readonly store: Pick<Store, 'trimRaw'>;
  readonly clock: Clock;
  readonly log: RateLimitedLog;
  readonly keepMs: number;
  /** Sends a command if the gateway listens for them. */
  readonly command: (gateway: string, payload: Uint8Array) => void;
  /** Requests that are new or have changed. */
  readonly changed: (requests: readonly RawRequest[]) => void;
}

const lookEveryMs = 1000;
const remindEveryMs = 600_000;
const trimEveryMs = 300_000;

export class RawDesk {
  readonly #parts: RawDeskParts;
  /** Gateways that listen for commands. */
  readonly #listening = new Set<string>();
  /** Everything that was due by then, and every request up to this number if it was due, has been sent. */
  #lookedMs: number;
  #lookedThrough: number;
  #trimMs = -Infinity;
  #remindMs: number;

  constructor(parts: RawDeskParts) {
    this.#parts = parts;
    this.#lookedMs = parts.clock.now();
    this.#lookedThrough = parts.state.rawRequests.last();
    this.#remindMs = parts.clock.monotonicMs() + remindEveryMs;
  }

  /** @throws HubError when it cannot be asked for */
  ask(range: RawRange): RawRequest {
    const { state, clock, keepMs } = this.#parts;
    const request = askRaw(state, range, { keepMs, nowMs: clock.now() });
    this.look();
    return state.rawRequests.find(request.id) ?? request;
  }

  subscribed(gateway: string): void {
    this.#listening.add(gateway);
    this.#waitOut(() => this.#send(this.#parts.state.rawRequests.dueOf(gateway, this.#parts.clock.now())));
  }

  disconnected(gateway: string): void {
    this.#listening.delete(gateway);
  }

  /** Sends what has become due, and tells of what has changed. */
  look(): void {
    this.#waitOut(() => {
      const { state, clock, changed } = this.#parts;
      const now = clock.now();
      const through = state.rawRequests.last();
      this.#send(state.rawRequests.dueSince(this.#lookedMs, this.#lookedThrough, now));
      // After a clock was set back some go out twice, which gateways take for one.
      this.#lookedMs = now;
      this.#lookedThrough = through;
      const news = state.rawRequests.takeChanged();
      if (news.length > 0) changed(news);
    });
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      this.look();
      if (clock.monotonicMs() >= this.#remindMs) {
        this.#remindMs = clock.monotonicMs() + remindEveryMs;
        for (const gateway of this.#listening) this.subscribed(gateway);
      }
      if (clock.monotonicMs() >= this.#trimMs) {
        this.#trimMs = clock.monotonicMs() + trimEveryMs;
        await this.#trim(signal);
      }
      await clock.sleep(lookEveryMs, signal);
    }
  }

  #send(requests: readonly RawRequest[]): void {
    const reached = requests.filter(({ gateway }) => this.#listening.has(gateway));
    for (const { id, gateway, device, signal, fromMs, toMs } of reached) {
      const request = { id, series: { device, signal }, from: fromMs, to: toMs };
      this.#parts.command(gateway, encodeCommand({ kind: 'raw', request }));
    }
    const fresh = reached.filter(({ sent }) => !sent);
    if (fresh.length === 0) return;
    const { state } = this.#parts;
    state.transaction(() => state.rawRequests.markSent(fresh));
  }

  async #trim(signal: AbortSignal): Promise<void> {
    const { state, store, clock, keepMs, log } = this.#parts;
    this.#waitOut(() => state.rawRequests.expire(keepMs, clock.now()));
    try {
      await store.trimRaw(signal);
    } catch (error) {
      if (!(error instanceof StoreOutage)) throw error;
      log.warn('raw trim', 'raw readings were not trimmed', { trouble: messageOf(error) });
    }
  }

  #waitOut(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (diskTrouble(error) === undefined) throw error;
      this.#parts.log.warn('raw requests', 'the state cannot be written', { trouble: messageOf(error) });
    }
  }
}
