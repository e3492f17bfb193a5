// A whole hub for a test: on free loopback ports, in a folder of its own, with a gate before its store.

import { join } from 'node:path';
import { parseHubConfig, type HubConfig } from '../config.ts';
import { startHub, type Hub } from '../hub.ts';
import type { Log } from '../log.ts';
import { SqliteStore } from '../store/sqlite.ts';
import { tempFolder, type TempFolder } from './fixtures.ts';
import { GatedStore } from './gated-store.ts';
import { MqttClient, type Login } from './mqtt-client.ts';

export const anyPorts = 'broker: { listen: "127.0.0.1:0" }\nhttp: { listen: "127.0.0.1:0" }\n';

export interface TestHubOptions {
  readonly broker?: Partial<HubConfig['broker']>;
  readonly notify?: HubConfig['notify'];
  readonly log?: Log;
}

export class TestHub implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #options: TestHubOptions;
  readonly #keys = new Map<string, string>();
  readonly #clients: MqttClient[] = [];
  #running: { hub: Hub; store: GatedStore } | undefined;

  private constructor(folder: TempFolder, options: TestHubOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  static async start(options: TestHubOptions = {}): Promise<TestHub> {
    const test = new TestHub(tempFolder(), options);
    await test.#start();
    return test;
  }

  get hub(): Hub {
    return this.#now().hub;
  }

  get store(): GatedStore {
    return this.#now().store;
  }

  get folder(): string {
    return this.#folder.path;
  }

  /** Stops it and starts it again on the same data. */
  async restart(): Promise<void> {
    await this.hub.stop();
    await this.#start();
  }

  /** The key of a gateway, which is added when it is new. */
  async keyOf(name: string): Promise<string> {
    const key = this.#keys.get(name) ?? (await this.hub.addGateway(name));
    this.#keys.set(name, key);
    return key;
  }

  /** A client logged in as this gateway, whatever is changed about it. */
  async login(name: string, changes: Partial<Login> = {}): Promise<MqttClient> {
    const client = await MqttClient.login({ port: this.hub.mqttPort, name, key: await this.keyOf(name), ...changes });
    this.#clients.push(client);
    return client;
  }

  /** A client logged in as this gateway and listening for acks. */
  async gateway(name: string): Promise<MqttClient> {
    const client = await MqttClient.gateway({ port: this.hub.mqttPort, name, key: await this.keyOf(name) });
    this.#clients.push(client);
    return client;
  }

  async get(path: string): Promise<Response> {
    return fetch(`${this.hub.url}${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.disconnect()));
    this.store.release();
    await this.hub.stop();
    this.#folder[Symbol.dispose]();
  }

  async #start(): Promise<void> {
    const config = parseHubConfig(anyPorts, 'hub.yaml', this.#folder.path);
    const opened = Promise.withResolvers<GatedStore>();
    const { broker = {}, notify = [], log } = this.#options;
    const hub = await startHub(
      {
        ...config,
        broker: { ...config.broker, ...broker },
        notify,
        store: ({ dataFolder }) => {
          const store = new GatedStore(new SqliteStore(join(dataFolder, 'panes.db')));
          opened.resolve(store);
          return Promise.resolve(store);
        },
      },
      // Retries without a wait: a test waits for what happens, not for time.
      { random: () => 0, ...(log && { log }) },
    );
    this.#running = { hub, store: await opened.promise };
  }

  #now(): { hub: Hub; store: GatedStore } {
    if (this.#running === undefined) throw new Error('the hub was not started');
    return this.#running;
  }
}
