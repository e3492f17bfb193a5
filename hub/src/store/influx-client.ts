// Writing and deleting at InfluxDB's v1 endpoints, over kept-alive connections.
//
// `POST /write?db=…&precision=u` takes lines:
//
//   204  the points are in its write-ahead log, synced: durable
//   404  there is no such database
//   500  "retention policy not found", where the address names one (`&rp=…`): as if there were no database
//   400  some points are refused, the others usually written ("partial write: …, dropped=N"); or a line cannot be parsed
//   413  more than it takes in one request
//   else (5xx, 401, 429, no connection, no answer in time): it cannot take anything now
//
// A 400 is never sent again as it was: the lines are halved until the refused ones stand alone. The halves go one after
// the other, so that the order of lines is the order of writes.
//
// `POST /query` takes DELETE statements, several with semicolons between. After one that fails the others are not executed,
// and which one failed, and why, is only said of a statement alone, so they are then sent one by one: deleting twice is
// deleting once. A version of InfluxDB that has no DELETE says 400, and the statements are refused.

import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import * as z from 'zod';
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
/** A deletion takes some milliseconds for every shard there is, and all of a post have to be done before the time-out. */
const maxStatementsPerPost = 20;
const answerTimeoutMs = 15_000;

export class InfluxWriter {
  readonly #writeUrl: URL;
  readonly #queryUrl: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #request: typeof httpRequest;
  readonly #create: () => Promise<void>;

  /**
   * @param create called when InfluxDB says there is no such database, or no such retention policy
   * @param policy what is written goes under this retention policy; the default one when nothing is said
   */
  constructor(base: URL, database: string, create: () => Promise<void>, policy?: string) {
    const where = { db: database, precision: 'u', ...(policy !== undefined && { rp: policy }) };
    this.#writeUrl = new URL(`write?${new URLSearchParams(where)}`, withSlash(base));
    this.#queryUrl = new URL(`query?${new URLSearchParams({ db: database })}`, withSlash(base));
    const secure = base.protocol === 'https:';
    this.#agent = new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true, maxSockets: 4 });
    this.#request = secure ? httpsRequest : httpRequest;
    this.#create = create;
  }

  /** @returns the lines InfluxDB will never take; all others are durable @throws StoreOutage */
  async write(lines: readonly string[]): Promise<RefusedLine[]> {
    const refused: RefusedLine[] = [];
    for (let from = 0; from < lines.length; from += maxLinesPerPost) {
      await this.#writeRange(lines, from, Math.min(from + maxLinesPerPost, lines.length), refused);
    }
    return refused;
  }

  /** @returns the statements InfluxDB will never execute; what all others delete is gone for good @throws StoreOutage */
  async delete(statements: readonly string[]): Promise<RefusedLine[]> {
    const refused: RefusedLine[] = [];
    for (let from = 0; from < statements.length; from += maxStatementsPerPost) {
      await this.#deleteRange(statements, from, Math.min(from + maxStatementsPerPost, statements.length), refused);
    }
    return refused;
  }

  /** @returns why InfluxDB does not do it; undefined when it is done @throws StoreOutage */
  async execute(statement: string): Promise<string | undefined> {
    const body = String(new URLSearchParams({ q: statement }));
    const answer = await this.#send(this.#queryUrl, 'application/x-www-form-urlencoded', body);
    if (answer.status >= 500) throw new StoreOutage(`InfluxDB says ${answer.status}: ${errorOf(answer)}`);
    return answer.status === 200 ? failedStatement(answer) : errorOf(answer);
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

  async #deleteRange(statements: readonly string[], from: number, to: number, refused: RefusedLine[]): Promise<void> {
    const body = String(new URLSearchParams({ q: statements.slice(from, to).join(';') }));
    const answer = await this.#send(this.#queryUrl, 'application/x-www-form-urlencoded', body);
    const reason = answer.status === 200 ? failedStatement(answer) : errorOf(answer);
    // Where there is no database there is nothing to delete.
    if (reason === undefined || answer.status === 404 || reason.startsWith('database not found')) return;
    if (to - from > 1) {
      for (let index = from; index < to; index++) await this.#deleteRange(statements, index, index + 1, refused);
    } else if (answer.status === 400) refused.push({ index: from, reason });
    else throw new StoreOutage(`InfluxDB says ${answer.status}: ${reason}`);
  }

  async #post(body: string): Promise<Answer> {
    const write = (): Promise<Answer> => this.#send(this.#writeUrl, 'text/plain; charset=utf-8', body);
    const answer = await write();
    const isMissing = answer.status === 404 || errorOf(answer).startsWith('retention policy not found');
    if (answer.status === 204 || !isMissing) return answer;
    await this.#create();
    return write();
  }

  async #send(url: URL, type: string, body: string): Promise<Answer> {
    const bytes = Buffer.from(body);
    const options: RequestOptions = {
      method: 'POST',
      agent: this.#agent,
      headers: { 'content-type': type, 'content-length': bytes.length },
      signal: AbortSignal.timeout(answerTimeoutMs),
    };
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const outgoing = this.#request(url, options, (incoming) => {
      text(incoming).then((body) => resolve({ status: incoming.statusCode ?? 0, body }), reject);
    });
    outgoing.on('error', reject);
    outgoing.end(bytes);
    try {
      return await promise;
    } catch (error) {
      throw new StoreOutage(`InfluxDB at ${url.origin} cannot be reached: ${messageOf(error)}`, { cause: error });
    }
  }
}

const errorBody = z.object({ error: z.string() });
const resultsBody = z.object({ results: z.array(z.object({ error: z.string().optional() })) });

function errorOf({ status, body }: Answer): string {
  const answer = errorBody.safeParse(parseJson(body));
  return answer.success ? answer.data.error : body.trim().slice(0, 300) || `status ${status}`;
}

/** What went wrong with the first statement that failed; undefined when all were executed. */
function failedStatement(answer: Answer): string | undefined {
  const parsed = resultsBody.safeParse(parseJson(answer.body));
  return parsed.success ? parsed.data.results.find(({ error }) => error !== undefined)?.error : errorOf(answer);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
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
