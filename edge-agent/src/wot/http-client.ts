// HTTP. node-wot's binding makes the requests (methods, headers, credentials); they are sent from here, so that each can be
// ended: a Thing that hangs holds nothing. Subscriptions by server-sent events and long polling send credentials too, say when
// they are over, and do not come back by themselves.

import { HttpClient } from '@node-wot/binding-http';
import { bodyOf, refusalOf } from './body.ts';
import { EventStream } from './event-stream.ts';
import { nodeWotForm, type Said, type ThingClient } from './thing-client.ts';
import type { Form } from './thing-description.ts';

/** What node-wot hands to its own `fetch`. */
interface Request {
  readonly url: string;
  readonly method: string;
  readonly headers: Iterable<[string, string]>;
}

const maxBodyBytes = 1024 * 1024;

export class HttpThingClient extends HttpClient implements ThingClient {
  readonly #timeoutMs: number;

  constructor(secure: boolean, timeoutMs: number) {
    super(null, secure);
    this.#timeoutMs = timeoutMs;
  }

  async read(form: Form): Promise<Said> {
    return saidBy(await this.#get(form, form.contentType, AbortSignal.timeout(this.#timeoutMs)));
  }

  async watch(form: Form, next: (said: Said) => void, over: (reason: Error) => void): Promise<() => void> {
    const end = new AbortController();
    const ended = (reason: unknown): void => {
      if (end.signal.aborted) return;
      end.abort();
      over(reason instanceof Error ? reason : new Error(String(reason)));
    };
    if (form.subprotocol === 'sse') {
      const response = await this.#connect(form, end);
      this.#listen(form, response, end, next).catch(ended);
    } else if (form.subprotocol === undefined || form.subprotocol === 'longpoll') {
      // There is no telling a Thing that waits for news from one that hangs: what is refused is told at once.
      this.#longPoll(form, end.signal, next).catch(ended);
    } else throw new Error(`subprotocol "${form.subprotocol}" is not spoken here; sse and longpoll are`);
    return () => end.abort();
  }

  async #longPoll(form: Form, signal: AbortSignal, next: (said: Said) => void): Promise<void> {
    while (!signal.aborted) {
      try {
        next(await saidBy(await this.#get(form, form.contentType, signal)));
      } catch (error) {
        if (!isQuiet(error)) throw error;
      }
    }
  }

  /** Never returns: it is over when it throws. */
  async #listen(form: Form, first: Response, end: AbortController, next: (said: Said) => void): Promise<never> {
    for (let response = first; ; response = await this.#connect(form, end)) {
      try {
        await listen(response, form.contentType, next);
      } catch (error) {
        if (isQuiet(error)) continue;
        throw error;
      }
      throw new Error('the Thing ended the event stream');
    }
  }

  /** The answer has to begin in time; how long the stream lasts is the Thing's affair. */
  async #connect(form: Form, end: AbortController): Promise<Response> {
    const late = setTimeout(() => end.abort(new Error('no answer in time')), this.#timeoutMs);
    try {
      return await this.#get(form, 'text/event-stream', end.signal);
    } finally {
      clearTimeout(late);
    }
  }

  async #get(form: Form, accept: string, signal: AbortSignal): Promise<Response> {
    const request: Request = await this.generateFetchRequest(nodeWotForm(form), 'GET', {
      headers: [['accept', accept]],
    });
    const response = await fetch(request.url, {
      method: request.method,
      headers: Object.fromEntries(request.headers),
      signal,
    });
    if (response.ok) return response;
    throw await refusalOf(response);
  }
}

async function listen(response: Response, type: string, next: (said: Said) => void): Promise<void> {
  const stream = new EventStream(maxBodyBytes, (data) => next({ type, body: Buffer.from(data) }));
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) stream.push(decoder.decode(chunk, { stream: true }));
}

async function saidBy(response: Response): Promise<Said> {
  const type = response.headers.get('content-type') ?? 'application/json';
  return { type, body: await bodyOf(response, maxBodyBytes) };
}

/** Nothing came for five minutes, which is how long `fetch` waits: a Thing may have nothing to say. */
function isQuiet(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
}
