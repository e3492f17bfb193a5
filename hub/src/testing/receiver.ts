// An HTTP receiver for tests of webhooks: keeps the bodies it was sent, answers as it is told.

import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { closed, listen } from '../listen.ts';

export class Receiver implements AsyncDisposable {
  readonly bodies: unknown[] = [];
  readonly #server: Server;
  /** The status it answers; bodies are kept whatever it is. */
  answer = 204;
  url = '';

  private constructor() {
    this.#server = createServer((request, response) => {
      const receive = async (): Promise<void> => {
        this.bodies.push(await json(request));
        response.writeHead(this.answer).end();
      };
      receive().catch(() => response.destroy());
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.url = `http://127.0.0.1:${await listen(receiver.#server, { host: '127.0.0.1', port: 0 })}/alarm`;
    return receiver;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const released = closed(this.#server);
    this.#server.closeAllConnections();
    await released;
  }
}
