// What reading a Thing asks of a protocol, and node-wot's clients made to give it.

import { Form as NodeWotForm, type Content, type ProtocolClient } from '@node-wot/core';
import type { Form } from './thing-description.ts';

/** As it came, with its media type. */
export interface Said {
  readonly type: string;
  readonly body: Buffer;
}

export interface ThingClient {
  read(form: Form): Promise<Said>;
  /**
   * Resolves when the Thing has agreed. @param next called with everything it says @param over called when it says no more
   * @returns ends it
   */
  watch(form: Form, next: (said: Said) => void, over: (reason: Error) => void): Promise<() => void>;
}

export class NodeWotClient implements ThingClient {
  readonly #client: ProtocolClient;

  constructor(client: ProtocolClient) {
    this.#client = client;
  }

  async read(form: Form): Promise<Said> {
    return toSaid(await this.#client.readResource(nodeWotForm(form)), form);
  }

  async watch(form: Form, next: (said: Said) => void, over: (reason: Error) => void): Promise<() => void> {
    // What comes in one after the other is told one after the other, whatever each takes to read.
    let last = Promise.resolve();
    const inTurn = async (before: Promise<void>, content: Content): Promise<void> => {
      await before;
      try {
        next(await toSaid(content, form));
      } catch (error) {
        over(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const take = (content: Content): void => void (last = inTurn(last, content));
    const subscription = await this.#client.subscribeResource(nodeWotForm(form), take, over);
    return () => subscription.unsubscribe();
  }
}

/**
 * node-wot's MQTT client opens a connection for each that subscribes while it connects, and keeps the first listener of a topic
 * for ever: here subscriptions are made one by one, and given back.
 */
export class MqttThingClient extends NodeWotClient {
  readonly #client: ProtocolClient;
  #lastWatch: Promise<unknown> = Promise.resolve();

  constructor(client: ProtocolClient) {
    super(client);
    this.#client = client;
  }

  override watch(form: Form, next: (said: Said) => void, over: (reason: Error) => void): Promise<() => void> {
    const watching = this.#watchAfter(this.#lastWatch, form, next, over);
    this.#lastWatch = watching.catch(() => undefined);
    return watching;
  }

  async #watchAfter(
    before: Promise<unknown>,
    form: Form,
    next: (said: Said) => void,
    over: (reason: Error) => void,
  ): Promise<() => void> {
    await before;
    const end = (): void => void this.#client.unlinkResource(nodeWotForm(form)).catch(() => undefined);
    try {
      await super.watch(form, next, over);
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }
}

export function nodeWotForm({ href, contentType, subprotocol, terms }: Form): NodeWotForm {
  const form = new NodeWotForm(href, contentType);
  if (subprotocol !== undefined) form.subprotocol = subprotocol;
  for (const [term, value] of Object.entries(terms)) form[term] = value;
  return form;
}

async function toSaid(content: Content, form: Form): Promise<Said> {
  return { type: content.type || form.contentType, body: await content.toBuffer() };
}
