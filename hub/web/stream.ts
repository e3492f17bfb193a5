// The live stream, kept alive. EventSource reconnects by itself after a broken connection, but not after an error answer
// (a proxy's 502 ends it for good), and it cannot notice a link that died in silence. So: silence for longer than
// `silenceMs` opens it anew, and a stream that ended is opened again with a growing, jittered delay.

import * as z from 'zod/mini';
import { alertView, gatewayView, paneView, rawRequestView } from './schema.ts';
import type { PageEvent } from './state.ts';

const silenceMs = 30_000;
const firstDelayMs = 1000;
const maxDelayMs = 30_000;

export interface StreamHandlers {
  /** The stream is open: what was missed meanwhile has to be asked for. */
  opened(): void;
  lost(): void;
  received(event: PageEvent): void;
  /** Something came that is not of this page's version. */
  unreadable(): void;
}

const schemas = {
  gateway: gatewayView,
  panes: z.array(paneView),
  alert: alertView,
  raw: z.array(rawRequestView),
};

export class LiveStream {
  readonly #url: string;
  readonly #handlers: StreamHandlers;
  readonly #now: () => number;
  #source: EventSource | undefined;
  #heardMs = 0;
  #reopenMs: number | undefined;
  #delayMs = firstDelayMs;

  /** @param now milliseconds that never step, for measuring silence */
  constructor(url: string, handlers: StreamHandlers, now: () => number) {
    this.#url = url;
    this.#handlers = handlers;
    this.#now = now;
  }

  open(): void {
    this.#source?.close();
    this.#reopenMs = undefined;
    this.#heardMs = this.#now();
    const source = new EventSource(this.#url);
    this.#source = source;
    source.addEventListener('open', () => {
      this.#delayMs = firstDelayMs;
      this.#heardMs = this.#now();
      this.#handlers.opened();
    });
    source.addEventListener('error', () => this.#handlers.lost());
    this.#listen(source, 'gateway', schemas.gateway, (gateway) => ({ kind: 'gateway', gateway }));
    this.#listen(source, 'panes', schemas.panes, (panes) => ({ kind: 'panes', panes }));
    this.#listen(source, 'raw', schemas.raw, (requests) => ({ kind: 'raw', requests }));
    this.#listen(source, 'alert', schemas.alert, (alert) => ({ kind: 'alert', alert }));
  }

  /** Called about once a second. @param jitter 0..1, so that a hundred pages do not come back in the same moment */
  tick(jitter: number): void {
    const now = this.#now();
    if (this.#reopenMs !== undefined) {
      if (now >= this.#reopenMs) this.open();
    } else if (this.#source?.readyState === EventSource.CLOSED) {
      this.#reopenMs = now + this.#delayMs * (0.5 + jitter);
      this.#delayMs = Math.min(this.#delayMs * 2, maxDelayMs);
    } else if (now - this.#heardMs > silenceMs) {
      this.open();
    }
  }

  #listen<T>(source: EventSource, name: string, schema: z.ZodMiniType<T>, toEvent: (data: T) => PageEvent): void {
    source.addEventListener(name, (message: MessageEvent<string>) => {
      this.#heardMs = this.#now();
      const data = schema.safeParse(parseJson(message.data));
      if (data.success) this.#handlers.received(toEvent(data.data));
      else this.#handlers.unreadable();
    });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
