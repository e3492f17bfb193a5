// WebSocket, in the plainest way there is: a form's address is opened without a subprotocol, and each message is a value. node-wot
// has no binding for it that goes with its others.

import type { Said, ThingClient } from './thing-client.ts';
import type { Form } from './thing-description.ts';

const maxBytes = 1024 * 1024;

export class WebSocketClient implements ThingClient {
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  read(form: Form): Promise<Said> {
    return Promise.reject(new Error(`${form.href} says by itself what it has to say; it cannot be asked`));
  }

  watch(form: Form, next: (said: Said) => void, over: (reason: Error) => void): Promise<() => void> {
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const socket = new WebSocket(form.href);
    socket.binaryType = 'arraybuffer';
    const end = (): void => {
      clearTimeout(late);
      socket.close();
    };
    const fail = (detail: string): void => {
      const error = new Error(`${form.href} ${detail}`);
      end();
      reject(error);
      over(error);
    };
    const late = setTimeout(() => fail('does not answer'), this.#timeoutMs);
    socket.addEventListener('open', () => {
      clearTimeout(late);
      resolve(end);
    });
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      const body =
        typeof data === 'string' ? Buffer.from(data) : data instanceof ArrayBuffer ? Buffer.from(data) : Buffer.of();
      if (body.length > maxBytes) fail(`sent ${body.length} bytes at once; that is no reading`);
      else next({ type: form.contentType, body });
    });
    socket.addEventListener('error', () => fail('cannot be reached'));
    socket.addEventListener('close', ({ code }) => fail(`closed the connection (code ${code})`));
    return promise;
  }
}
