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

export function nodeWotForm({ href, contentType, subprotocol, terms }: Form): NodeWotForm {
  const form = new NodeWotForm(href, contentType);
  if (subprotocol !== undefined) form.subprotocol = subprotocol;
  for (const [term, value] of Object.entries(terms)) form[term] = value;
  return form;
}

async function toSaid(content: Content, form: Form): Promise<Said> {
  return { type: content.type || form.contentType, body: await content.toBuffer() };
}
