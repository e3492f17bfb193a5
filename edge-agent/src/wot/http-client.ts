// HTTP. node-wot's binding makes the requests (methods, headers, credentials); they are sent from here, so that each can be
// ended: a Thing that hangs holds nothing. Subscriptions by server-sent events and long polling send credentials too, say when
// they are over, and do not come back by themselves.

import { HttpClient } from '@node-wot/binding-http';
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
      listen(response, form.contentType, next).then(() => ended(new Error('the Thing ended the event stream')), ended);
    } else if (form.subprotocol === undefined || form.subprotocol === 'longpoll') {
      // There is no telling a Thing that waits for news from one that hangs: what is refused is told at once.
      this.#longPoll(form, end.signal, next).catch(ended);
    } else throw new Error(`subprotocol "${form.subprotocol}" is not spoken here; sse and longpoll are`);
    return () => end.abort();
  }

  async #longPoll(form: Form, signal: AbortSignal, next: (said: Said) => void): Promise<void> {
    while (!signal.aborted) next(await saidBy(await this.#get(form, form.contentType, signal)));
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
    await response.body?.cancel();
    const hint = response.status === 401 || response.status === 403 ? '; see username, passwordFile and tokenFile' : '';
    throw new Error(`${form.href} answers ${response.status} ${response.statusText}${hint}`);
  }
}

async function listen(response: Response, type: string, next: (said: Said) => void): Promise<void> {
  const stream = new EventStream(maxBodyBytes, (data) => next({ type, body: Buffer.from(data) }));
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) stream.push(decoder.decode(chunk, { stream: true }));
}

/** The body of an answer, within bounds. @throws when it is too long */
export async function saidBy(response: Response, maxBytes = maxBodyBytes): Promise<Said> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return { type: response.headers.get('content-type') ?? 'application/json', body: Buffer.concat(chunks) };
}
