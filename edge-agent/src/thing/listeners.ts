// Whoever listens to the gateway by server-sent events. They are few, and who does not keep up is sent away: nothing is kept for
// a listener that has gone.

import type { ServerResponse } from 'node:http';

const maxListeners = 32;
const maxUnreadBytes = 64 * 1024;

export class Listeners {
  readonly #by = new Map<string, Set<ServerResponse>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** @returns false when there are too many */
  add(topic: string, response: ServerResponse): boolean {
    if (this.#count >= maxListeners) return false;
    const listeners = this.#by.get(topic) ?? new Set();
    this.#by.set(topic, listeners.add(response));
    this.#count += 1;
    response.on('close', () => {
      listeners.delete(response);
      if (listeners.size === 0) this.#by.delete(topic);
      this.#count -= 1;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    // Long enough for a gateway to start again.
    response.write('retry: 5000\n\n');
    return true;
  }

  topics(): Iterable<string> {
    return this.#by.keys();
  }

  /** @param data anything JSON can say */
  tell(topic: string, data: unknown): void {
    this.#write(this.#by.get(topic) ?? [], `data: ${JSON.stringify(data)}\n\n`);
  }

  /** A comment, by which either side finds out that the other has gone. */
  ping(): void {
    for (const listeners of this.#by.values()) this.#write(listeners, ':\n\n');
  }

  #write(listeners: Iterable<ServerResponse>, text: string): void {
    for (const response of listeners) {
      if (response.writableLength > maxUnreadBytes) response.destroy();
      else response.write(text);
    }
  }
}
