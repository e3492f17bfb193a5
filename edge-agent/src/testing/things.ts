// A real Thing on the loopback: node-wot's own servient, with values that a test sets.

import { randomUUID } from 'node:crypto';
import { CoapServer } from '@node-wot/binding-coap';
import { HttpServer } from '@node-wot/binding-http';
import { Servient } from '@node-wot/core';
import { onTestFinished } from 'vitest';
import * as z from 'zod';
import { freePort } from './ports.ts';

type Wot = Awaited<ReturnType<Servient['start']>>;
type Init = Parameters<Wot['produce']>[0];
type Exposed = Awaited<ReturnType<Wot['produce']>>;
type Value = string | number | boolean | object | null;

export class TestThing {
  readonly port: number;
  readonly #scheme: 'http' | 'coap';
  readonly #init: Init;
  readonly #values = new Map<string, Value>();
  readonly #id = `urn:uuid:${randomUUID()}`;
  #servient: Servient | undefined;
  #exposed: Exposed | undefined;
  #hangUp: () => void = () => undefined;

  private constructor(port: number, scheme: 'http' | 'coap', init: Init) {
    this.port = port;
    this.#scheme = scheme;
    this.#init = init;
  }

  /** Call it inside a test. */
  static async start(init: Init, values: Readonly<Record<string, Value>>, scheme: 'http' | 'coap' = 'http') {
    const thing = new TestThing(await freePort(), scheme, init);
    for (const [name, value] of Object.entries(values)) thing.#values.set(name, value);
    await thing.restart();
    onTestFinished(() => thing.stop());
    return thing;
  }

  /** It forgets who listens. */
  async restart(): Promise<void> {
    await this.stop();
    const servient = new Servient();
    if (this.#scheme === 'http') {
      const server = new HttpServer({ port: this.port, address: '127.0.0.1' });
      servient.addServer(server);
      // It would wait for everybody who listens.
      this.#hangUp = () => server.getServer().closeAllConnections();
    } else servient.addServer(new CoapServer({ port: this.port, address: '127.0.0.1' }));
    const wot = await servient.start();
    const exposed = await wot.produce({ id: this.#id, ...this.#init });
    for (const name of Object.keys(this.#init.properties ?? {}))
      exposed.setPropertyReadHandler(name, async () => this.#values.get(name) ?? null);
    await exposed.expose();
    this.#servient = servient;
    this.#exposed = exposed;
  }

  async stop(): Promise<void> {
    const servient = this.#servient;
    this.#servient = undefined;
    if (servient === undefined) return;
    const ended = servient.shutdown();
    this.#hangUp();
    await ended;
  }

  /** As the servient gives it, with addresses of the loopback. */
  get description(): Record<string, unknown> {
    const text = JSON.stringify(this.#exposed?.getThingDescription());
    // A server bound to the loopback names the machine's other addresses instead.
    const here = text.replaceAll(/\/\/(?:\[[^\]]*\]|[^/:"]+):(\d+)/g, '//127.0.0.1:$1');
    return z.record(z.string(), z.unknown()).parse(JSON.parse(here));
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  /** Tells whoever observes. */
  change(name: string, value: Value): void {
    this.#values.set(name, value);
    this.#exposed?.emitPropertyChange(name);
  }

  emit(event: string, data?: Value): void {
    this.#exposed?.emitEvent(event, data ?? null);
  }
}
