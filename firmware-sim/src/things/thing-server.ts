// A thing of the Web of Things behind HTTP:
//
//   GET /  and  /.well-known/wot      its description
//   GET /properties/temp              the value, as JSON
//   GET /properties/temp/longpoll     the next value, when it is measured
//   GET /properties/temp/sse          all values from now on, as server-sent events

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AskedDevice, answered } from '../asked-device.ts';
import type { Thing } from '../board-schema.ts';
import type { Said } from '../frames.ts';
import type { HostPort } from '../host-port.ts';
import { listen } from '../transport/listening.ts';
import { thingDescription } from './thing-description.ts';

/** Observers of one thing. */
const maxObservers = 100;

export interface ThingParts {
  readonly name: string;
  readonly thing: Thing;
  readonly device: AskedDevice;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly onAnswer: (said: Said) => void;
}

/** @throws SimError when the port is taken */
export async function serveThing(
  parts: ThingParts,
  address: HostPort,
): Promise<{ url: string; close(): Promise<void> }> {
  const handler = new ThingHandler(parts);
  const server = await listen(
    createServer((request, response) => handler.handle(request, response)),
    address,
  );
  const url = `http://${server.address}/`;
  handler.base = url;
  return { url, close: () => server.close() };
}

class ThingHandler {
  base = '';
  readonly #parts: ThingParts;
  #observers = 0;

  constructor(parts: ThingParts) {
    this.#parts = parts;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { name, thing } = this.#parts;
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    const [, signal, how] = /^\/properties\/([^/]+)(?:\/(sse|longpoll))?$/.exec(path) ?? [];
    if (request.method !== 'GET') return refuse(response, 405, 'only GET');
    if (path === '/' || path === '/.well-known/wot') {
      response.writeHead(200, { 'content-type': 'application/td+json' });
      response.end(JSON.stringify(thingDescription(name, thing, this.base)));
      return;
    }
    if (signal === undefined || thing.signals[signal] === undefined) return refuse(response, 404, 'no such property');
    if (how === undefined) void this.#read(signal, response);
    else this.#observe(signal, how === 'sse', response);
  }

  async #read(signal: string, response: ServerResponse): Promise<void> {
    const { device, nowMs, sleep, onAnswer } = this.#parts;
    const fate = device.fate(nowMs(), 1);
    // Whoever asks waits until it has enough.
    if (fate.isSilent) return;
    if (fate.delayMs > 0) await sleep(fate.delayMs);
    const value = device.value(signal);
    if (response.destroyed) return;
    if (fate.exception !== undefined || value === undefined) {
      const status = fate.exception !== undefined && fate.exception >= 400 ? fate.exception : 500;
      refuse(response, status, 'the sensor cannot be read');
      onAnswer(answered([]));
      return;
    }
    sendJson(response, value.value);
    onAnswer(answered([value]));
  }

  #observe(signal: string, isStream: boolean, response: ServerResponse): void {
    const { device, nowMs, onAnswer } = this.#parts;
    if (this.#observers >= maxObservers) return refuse(response, 503, 'too many observers');
    this.#observers++;
    if (isStream) {
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
      response.flushHeaders();
    }
    const stop = device.onMeasured(() => {
      const value = device.value(signal);
      if (value === undefined || device.fate(nowMs(), 1).isSilent) return;
      if (isStream) response.write(`data: ${JSON.stringify(value.value)}\n\n`);
      else {
        stop();
        sendJson(response, value.value);
      }
      onAnswer(answered([value]));
    });
    response.once('close', () => {
      this.#observers--;
      stop();
    });
  }
}

function sendJson(response: ServerResponse, value: number): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' });
  response.end(`${why}\n`);
}
