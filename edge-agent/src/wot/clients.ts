// Which of node-wot's protocol clients reads a form. Each binding is loaded when the first form needs it.

import type { ProtocolClient } from '@node-wot/core';
import type { Form, Security } from './thing-description.ts';
import { MqttThingClient, NodeWotClient, type ThingClient } from './thing-client.ts';

export interface Credentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
}

/** A client with the credentials its forms ask for. One for each Thing, scheme and way to log in. */
export class Clients {
  readonly #credentials: Credentials;
  readonly #timeoutMs: number;
  readonly #known = new Map<string, Promise<ThingClient>>();

  constructor(credentials: Credentials, timeoutMs: number) {
    this.#credentials = credentials;
    this.#timeoutMs = timeoutMs;
  }

  /** @throws when the form wants credentials that are not configured, with what to write */
  get({ scheme, security }: Form): Promise<ThingClient> {
    const key = JSON.stringify([scheme, security]);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = this.#make(scheme, security);
    this.#known.set(key, made);
    // What could not be made is tried again.
    made.catch(() => this.#known.delete(key));
    return made;
  }

  async #make(scheme: string, security: readonly Security[]): Promise<ThingClient> {
    if (scheme === 'http' || scheme === 'https') {
      const { HttpThingClient } = await import('./http-client.ts');
      const client = new HttpThingClient(scheme === 'https', this.#timeoutMs);
      this.#logIn(client, security);
      return client;
    }
    if (scheme === 'ws' || scheme === 'wss') {
      if (security.some((one) => one.scheme !== 'nosec'))
        throw new Error('it asks who is there, and over WebSocket Weir has no way to say');
      const { WebSocketClient } = await import('./websocket-client.ts');
      return new WebSocketClient(this.#timeoutMs);
    }
    const client = await load(scheme);
    this.#logIn(client, security);
    return scheme.startsWith('mqtt') ? new MqttThingClient(client) : new NodeWotClient(client);
  }

  #logIn(client: ProtocolClient, [first]: readonly Security[]): void {
    if (first === undefined || first.scheme === 'nosec') return;
    const { username, password, token } = this.#credentials;
    if (first.scheme === 'basic' && (username === undefined || password === undefined))
      throw new Error('it asks for a user name and a password: write username and passwordFile');
    if ((first.scheme === 'bearer' || first.scheme === 'apikey') && token === undefined)
      throw new Error('it asks for a token: write tokenFile');
    if (!['basic', 'bearer', 'apikey'].includes(first.scheme))
      throw new Error(`it asks for "${first.scheme}" security, which is not spoken here; basic, bearer and apikey are`);
    client.setSecurity([{ ...first }], { username, password, token, apiKey: token });
  }
}

async function load(scheme: string): Promise<ProtocolClient> {
  switch (scheme) {
    case 'coap': {
      const { CoapClientFactory } = await import('@node-wot/binding-coap');
      return new CoapClientFactory().getClient();
    }
    case 'mqtt': {
      const { MqttClientFactory } = await import('@node-wot/binding-mqtt');
      return new MqttClientFactory().getClient();
    }
    case 'mqtts': {
      const { MqttsClientFactory } = await import('@node-wot/binding-mqtt');
      return new MqttsClientFactory({}).getClient();
    }
    case 'modbus+tcp': {
      const { ModbusClientFactory } = await import('@node-wot/binding-modbus');
      return new ModbusClientFactory().getClient();
    }
    default:
      throw new Error(`"${scheme}" is not spoken here`);
  }
}
