// Writing lines to InfluxDB's v1 endpoint, `POST /write?db=…&precision=ms`, over kept-alive connections.
//
//   204  the points are in its write-ahead log, synced: durable
//   404  there is no such database
//   400  some points are refused, the others usually written ("partial write: …, dropped=N"); or a line cannot be parsed
//   413  more than it takes in one request
//   else (5xx, 401, 429, no connection, no answer in time): it cannot take anything now
//
// A 400 is never sent again as it was: the lines are halved until the refused ones stand alone. The halves go one after
// the other, so that the order of lines is the order of writes.

import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { StoreOutage } from './store.ts';

export interface RefusedLine {
  /** Into the lines that were to be written. */
  readonly index: number;
  readonly reason: string;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

const maxLinesPerPost = 5000;
const answerTimeoutMs = 15_000;

export class InfluxWriter {
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #request: typeof httpRequest;
  readonly #createDatabase: () => Promise<void>;

  /** @param createDatabase called when InfluxDB says there is none */
  constructor(base: URL, database: string, createDatabase: () => Promise<void>) {
    this.#url = new URL(`write?${new URLSearchParams({ db: database, precision: 'ms' })}`, withSlash(base));
    const secure = base.protocol === 'https:';
    this.#agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 4 });
    this.#request = secure ? httpsRequest : httpRequest;
    this.#createDatabase = createDatabase;
  }

  /** @returns the lines InfluxDB will never take; all others are durable @throws StoreOutage */
  async write(lines: readonly string[]): Promise<RefusedLine[]> {
    const refused: RefusedLine[] = [];
    for (let from = 0; from < lines.length; from += maxLinesPerPost) {
      await this.#writeRange(lines, from, Math.min(from + maxLinesPerPost, lines.length), refused);
    }
    return refused;
  }

  close(): void {
    this.#agent.destroy();
  }

  async #writeRange(lines: readonly string[], from: number, to: number, refused: RefusedLine[]): Promise<void> {
    const answer = await this.#post(lines.slice(from, to).join('\n'));
    if (answer.status === 204) return;
    const reason = errorOf(answer);
    if (answer.status !== 400 && answer.status !== 413)
      throw new StoreOutage(`InfluxDB says ${answer.status}: ${reason}`);
    const all = to - from === 1 || dropped(reason) === to - from;
    if (all) {
      for (let index = from; index < to; index++) refused.push({ index, reason });
      return;
    }
    const middle = from + Math.ceil((to - from) / 2);
    await this.#writeRange(lines, from, middle, refused);
    await this.#writeRange(lines, middle, to, refused);
  }

  async #post(body: string): Promise<Answer> {
    const answer = await this.#send(body);
    if (answer.status !== 404) return answer;
    await this.#createDatabase();
    return this.#send(body);
  }

  async #send(body: string): Promise<Answer> {
    const bytes = Buffer.from(body);
    const options: RequestOptions = {
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': bytes.length },
      signal: AbortSignal.timeout(answerTimeoutMs),
    };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const outgoing = this.#request(this.#url, options, (incoming) => {
      text(incoming).then((body) => resolve({ status: incoming.statusCode ?? 0, body }), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
    try {
      return await promise;
    } catch (error) {
      throw new StoreOutage(`InfluxDB at ${this.#url.origin} cannot be reached: ${messageOf(error)}`, { cause: error });
    }
  }
}

const errorBody = z.object({ error: z.string() });

function errorOf({ status, body }: Answer): string {
  try {
    return errorBody.parse(JSON.parse(body)).error;
  } catch {
    return body.trim().slice(0, 300) || `status ${status}`;
  }
}

/** How many points a partial write dropped, where InfluxDB says so and none of the lines was unreadable. */
function dropped(reason: string): number | undefined {
  const match = /^partial write: .*\bdropped=(\d+)$/s.exec(reason);
  return match === null || reason.includes('unable to parse') ? undefined : Number(match[1]);
}

function withSlash(base: URL): URL {
  return base.pathname.endsWith('/') ? base : new URL(`${base.href}/`);
}
