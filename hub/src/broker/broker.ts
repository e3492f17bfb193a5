// The MQTT side of the hub: lets gateways in, keeps each to its own topics, hands on what they publish, sends them acks
// and commands.
//
// aedes speaks MQTT; what it leaves open is closed here:
// - a length guard stands before its parser, and connections are limited in number;
// - a client is a gateway: client id = user name = gateway name, and the key is its password; nobody is anonymous;
// - a publish or a last will outside the gateway's own topics closes the connection, counted and logged. An agent of ours
//   never does it; dropping it in silence instead would leave a stranger connected and a wrong agent unexplained. MQTT.js
//   reconnects and repeats such a publish for ever: that costs a look-up a time, and one line of log a minute;
// - sessions are always clean and nothing is retained: the broker's memory holds nothing that outlives a connection,
//   the hub keeps the last status itself, and after a reconnect it sends the cursors again;
// - acks and commands are written straight to the one client they are for. Through aedes' emitter a single frozen subscriber would
//   hold up everybody's.
// A second connection of the same gateway takes over from the first, as MQTT says: usually the first is a dead link.

import { createServer, type Server, type Socket } from 'node:net';
import { Aedes, type AuthenticateError, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import { ackTopic, commandTopic, namePattern, type Lane } from '@weir/shared/wire/topics.ts';
import { Counter } from '../counter.ts';
import { closed, listen, type Address } from '../listen.ts';
import type { LogFields, RateLimitedLog } from '../log.ts';
import { allowedPublish, mayHaveWill, maySubscribe } from './access.ts';
import type { Credentials } from './credentials.ts';
import { GuardError, LengthGuard, type GuardReason } from './length-guard.ts';

export interface BrokerOptions extends Address {
  readonly maxPacketBytes: number;
  readonly maxConnections: number;
  /** A connection that has not sent its CONNECT by then is closed. Default 10 s. */
  readonly connectTimeoutMs?: number;
}

/** What the broker tells the hub. All return at once; payloads are the receiver's to keep. */
export interface BrokerEvents {
  connected(gateway: string): void;
  batch(gateway: string, lane: Lane, payload: Uint8Array): void;
  status(gateway: string, payload: Uint8Array): void;
  /** The gateway listens for acks, or for commands, from now on. */
  subscribed(gateway: string, to: 'ack' | 'command'): void;
  disconnected(gateway: string): void;
}

export interface BrokerParts {
  readonly credentials: Credentials;
  /** Asked at every publish, so that a gateway that was removed is sent away. */
  readonly isGateway: (name: string) => boolean;
  readonly events: BrokerEvents;
  readonly log: RateLimitedLog;
  /** An error that is a bug of ours. */
  readonly fail: (error: unknown) => void;
}

export type RefusalReason =
  | 'no_connect'
  | 'anonymous'
  | 'bad_name'
  | 'bad_key'
  | 'foreign_will'
  | 'busy'
  | 'too_many_connections'
  | 'foreign_publish'
  | 'foreign_subscribe'
  | 'removed';

/** What anybody may make the hub hold: name, key, and a last will, which is a small Status. */
const maxConnectBytes = 16 * 1024;
/** A client that does not read its acks is dropped after this. */
const drainTimeoutMs = 2000;
/** CONNACK return codes (MQTT 3.1.1, table 3.1). */
const unavailable = 3;
const badKey = 4;
const notAuthorized = 5;

export class Broker {
  readonly refusals = new Counter<RefusalReason>();
  readonly guardCloses = new Counter<GuardReason>();
  readonly #options: BrokerOptions;
  readonly #parts: BrokerParts;
  readonly #aedes: Aedes;
  readonly #server: Server;
  /** What each client that is connecting asked for. */
  readonly #connects = new WeakMap<Client, ConnectPacket>();
  readonly #addresses = new WeakMap<Client, string>();
  readonly #clients = new Map<string, Client>();
  /** The topics each client listens on. */
  readonly #listening = new WeakMap<Client, Set<string>>();
  readonly #sockets = new Set<Socket>();
  readonly #underway = new Set<Promise<void>>();

  constructor(options: BrokerOptions, parts: BrokerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#aedes = this.#createAedes();
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = options.maxConnections;
    this.#server.on('drop', (drop) => this.#refuse('too_many_connections', { ip: drop?.remoteAddress ?? '' }));
  }

  /** @returns the port it listens on @throws HubError */
  async listen(): Promise<number> {
    await this.#aedes.listen();
    return listen(this.#server, this.#options);
  }

  get connected(): number {
    return this.#clients.size;
  }

  isConnected(gateway: string): boolean {
    return this.#clients.has(gateway);
  }

  /** Sends an ack if the gateway listens for them; if not, it gets its cursors when it comes back. */
  ack(gateway: string, payload: Uint8Array): void {
    this.#send(gateway, ackTopic(gateway), payload);
  }

  /** Sends a command if the gateway listens for them; if not, whoever wants it sends it when the gateway subscribes. */
  command(gateway: string, payload: Uint8Array): void {
    this.#send(gateway, commandTopic(gateway), payload);
  }

  /** Closes the gateway's connection; it will come back. */
  sendAway(gateway: string): void {
    this.#clients.get(gateway)?.close();
  }

  /** Lets nobody new in; those who are connected stay. */
  stopAccepting(): void {
    this.#server.close();
  }

  /** Writes out what is underway, then closes every connection. */
  async close(): Promise<void> {
    const released = this.#server.listening ? closed(this.#server) : Promise.resolve();
    await Promise.all(this.#underway);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#aedes.close(() => resolve());
    await promise;
    for (const socket of this.#sockets) socket.destroy();
    await released;
  }

  #send(gateway: string, topic: string, payload: Uint8Array): void {
    const client = this.#clients.get(gateway);
    if (client === undefined || this.#listening.get(client)?.has(topic) !== true) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    // QoS 0: over TCP it arrives or the connection ends, and what matters is sent again on the next one.
    const packet = { topic, payload: Buffer.from(payload), qos: 0, retain: false, dup: false } as const;
    client.publish({ cmd: 'publish', ...packet }, () => resolve());
    const underway = promise.finally(() => this.#underway.delete(underway));
    this.#underway.add(underway);
  }

  #accept(socket: Socket): void {
    socket.setNoDelay(true);
    // Gateways may choose a long MQTT keep-alive; a dead link must not hold a connection for ever.
    socket.setKeepAlive(true, 30_000);
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    const { maxPacketBytes } = this.#options;
    const limits = { maxPacketBytes, maxConnectBytes: Math.min(maxConnectBytes, maxPacketBytes) };
    const client = this.#aedes.handle(new LengthGuard(socket, limits));
    this.#addresses.set(client, socket.remoteAddress ?? '');
  }

  #createAedes(): Aedes {
    const aedes = new Aedes({
      connectTimeout: this.#options.connectTimeoutMs ?? 10_000,
      drainTimeout: drainTimeoutMs,
      maxInflightInbound: 16,
      maxTopicLevels: 8,
      maxClientsIdLength: 64,
      preConnect: (client, packet, done) => {
        packet.clean = true;
        this.#connects.set(client, packet);
        done(null, true);
      },
      authenticate: (client, username, password, done) => {
        const decide = async (): Promise<void> => {
          const refusal = await this.#authenticate(client, username, password);
          done(refusal, refusal === null);
        };
        decide().catch(this.#parts.fail);
      },
      authorizePublish: (client, packet, done) => done(client === null ? null : this.#take(client, packet)),
      authorizeSubscribe: (client, subscription, done) => {
        const allowed = maySubscribe(client.id, subscription.topic);
        if (!allowed) this.#refuse('foreign_subscribe', { gateway: client.id, topic: subscription.topic });
        done(null, allowed ? subscription : null);
      },
      // The second lock on the same door: whatever a gateway published, it is forwarded to nobody.
      authorizeForward: (client, packet) =>
        maySubscribe(client.id, packet.topic) && !('clientId' in packet && packet.clientId !== undefined)
          ? packet
          : null,
    });
    aedes.on('clientReady', (client) => this.#ready(client));
    aedes.on('clientDisconnect', (client) => this.#gone(client));
    aedes.on('subscribe', (subscriptions, client) => {
      const topics = this.#listening.get(client) ?? new Set();
      this.#listening.set(client, topics);
      // A subscription that was refused is in the list as well, granted with 128.
      const granted = new Set(subscriptions.flatMap(({ topic, qos }) => (qos <= 2 ? [topic] : [])));
      for (const [to, topic] of [
        ['ack', ackTopic(client.id)],
        ['command', commandTopic(client.id)],
      ] as const) {
        if (!granted.has(topic)) continue;
        topics.add(topic);
        this.#parts.events.subscribed(client.id, to);
      }
    });
    aedes.on('clientError', (client, error) => this.#failed(client, error));
    aedes.on('connectionError', (client, error) => this.#failed(client, error));
    return aedes;
  }

  /** @returns why the client is refused, or null when it may come in */
  async #authenticate(client: Client, name?: string, password?: Buffer): Promise<AuthenticateError | null> {
    const ip = this.#addresses.get(client) ?? '';
    const will = this.#connects.get(client)?.will;
    if (name === undefined || password === undefined) return this.#refuse('anonymous', { ip });
    if (!namePattern.test(name) || client.id !== name) return this.#refuse('bad_name', { ip, name: name.slice(0, 64) });
    const verdict = await this.#parts.credentials.verify(name, password.toString());
    if (verdict === 'busy') return this.#refuse('busy', { ip, gateway: name }, unavailable);
    if (verdict === 'refused') return this.#refuse('bad_key', { ip, gateway: name }, badKey);
    if (will !== undefined && !mayHaveWill(name, will.topic)) {
      return this.#refuse('foreign_will', { ip, gateway: name, topic: will.topic });
    }
    return null;
  }

  /** Hands a publish or a last will on. @returns an error when the gateway may not publish this: aedes then closes it */
  #take(client: Client, packet: PublishPacket): Error | null {
    const gateway = client.id;
    const publish = allowedPublish(gateway, packet.topic);
    if (publish === undefined) return this.#refuse('foreign_publish', { gateway, topic: packet.topic });
    if (!this.#parts.isGateway(gateway)) return this.#refuse('removed', { gateway });
    packet.retain = false;
    // A copy: what the parser gives is a window into a whole chunk of the stream.
    const payload = Uint8Array.from(Buffer.from(packet.payload));
    if (publish.kind === 'up') this.#parts.events.batch(gateway, publish.lane, payload);
    else this.#parts.events.status(gateway, payload);
    return null;
  }

  #ready(client: Client): void {
    const former = this.#clients.get(client.id);
    this.#clients.set(client.id, client);
    // aedes closes it at a takeover, but can lose track of one that was closing just then.
    if (former !== undefined && former !== client) former.close();
    this.#parts.events.connected(client.id);
  }

  #gone(client: Client): void {
    if (this.#clients.get(client.id) !== client) return;
    this.#clients.delete(client.id);
    this.#parts.events.disconnected(client.id);
  }

  #failed(client: Client, error: Error): void {
    const ip = this.#addresses.get(client) ?? '';
    if (error instanceof GuardError) {
      this.guardCloses.add(error.reason);
      this.#parts.log.warn(`guard ${error.reason} ${ip}`, 'closed a connection', { ip, reason: error.reason });
    } else if (!this.#connects.has(client)) this.#refuse('no_connect', { ip, reason: error.message });
  }

  #refuse(reason: RefusalReason, fields: LogFields, returnCode: 3 | 4 | 5 = notAuthorized): AuthenticateError {
    this.refusals.add(reason);
    this.#parts.log.warn(`${reason} ${fields['gateway'] ?? fields['ip'] ?? ''}`, 'refused a gateway', {
      reason,
      ...fields,
    });
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- aedes exports the enum's type only
    return Object.assign(new Error(`refused: ${reason}`), { returnCode });
  }
}
