// aedes on a port of the loopback: a broker that speaks MQTT 3.1.1 only, and can be killed and brought back.

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { Aedes } from 'aedes';
import { onTestFinished } from 'vitest';
import { portOf } from './ports.ts';

export class AedesBroker {
  aedes: Aedes;
  readonly #make: () => Aedes;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port = 0;

  private constructor(make: () => Aedes) {
    this.#make = make;
    this.aedes = make();
  }

  /** Call it inside a test. @param prepare told of each broker, before anybody connects */
  static async start(prepare: (aedes: Aedes) => void = () => undefined): Promise<AedesBroker> {
    const broker = new AedesBroker(() => {
      const aedes = new Aedes();
      prepare(aedes);
      return aedes;
    });
    await broker.#listen();
    onTestFinished(() => broker.kill());
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** Cuts every connection; who comes back is welcome. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Cuts every connection and forgets everything. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    this.cut();
    await once(server, 'close');
    await new Promise<void>((resolve) => this.aedes.close(() => resolve()));
  }

  /** On the same port again. */
  async restart(): Promise<void> {
    await this.kill();
    this.aedes = this.#make();
    await this.#listen();
  }

  async #listen(): Promise<void> {
    await this.aedes.listen();
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      this.aedes.handle(socket);
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = portOf(server);
    this.#server = server;
  }
}
