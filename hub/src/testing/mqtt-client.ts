// A bare MQTT 3.1.1 client for tests: it can send what a well-behaved library would not.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { generate, parser, type IConnectPacket, type Packet } from 'mqtt-packet';
import type { Operation } from '@weir/shared/model/alert.ts';
import { decodeAck, decodeCommand, encodeBatch, type Ack, type RawRequest } from '@weir/shared/wire/codec.ts';
import { ackTopic, commandTopic, upTopic, type Lane } from '@weir/shared/wire/topics.ts';
import { batchOf, type Frames } from './fixtures.ts';

export interface Login {
  readonly port: number;
  readonly name: string;
  readonly key?: string;
  readonly clientId?: string;
  readonly will?: IConnectPacket['will'];
}

export class MqttClient {
  readonly packets: Packet[] = [];
  readonly acks: Ack[] = [];
  readonly commands: RawRequest[] = [];
  /** What operators ordered. */
  readonly operations: Operation[] = [];
  readonly #socket: Socket;
  #messageId = 0;
  #changed = Promise.withResolvers<void>();
  closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const incoming = parser({ protocolVersion: 4 });
    incoming.on('packet', (packet: Packet) => {
      this.packets.push(packet);
      if (packet.cmd === 'publish') this.#received(packet.topic, Buffer.from(packet.payload));
      this.#notify();
    });
    socket.on('data', (chunk) => incoming.parse(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#notify();
    });
  }

  /** A connection that has said nothing yet. */
  static async open(port: number): Promise<MqttClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    const client = new MqttClient(socket);
    await once(socket, 'connect');
    return client;
  }

  /** Connected and accepted, or refused: see `returnCode`. */
  static async login({ port, name, key, clientId = name, will }: Login): Promise<MqttClient> {
    const client = await MqttClient.open(port);
    const credentials = key === undefined ? {} : { username: name, password: Buffer.from(key) };
    const packet: IConnectPacket = {
      cmd: 'connect',
      clientId,
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      keepalive: 60,
      ...credentials,
      ...(will && { will }),
    };
    client.send(packet);
    await client.until(() => client.returnCode !== undefined || client.closed);
    return client;
  }

  /** Logged in and listening for acks and commands. */
  static async gateway(login: Login): Promise<MqttClient> {
    const client = await MqttClient.login(login);
    client.subscribe(ackTopic(login.name), commandTopic(login.name));
    await client.until(() => client.packets.some(({ cmd }) => cmd === 'suback'));
    return client;
  }

  get returnCode(): number | undefined {
    const connack = this.packets.find((packet) => packet.cmd === 'connack');
    return connack?.returnCode;
  }

  send(packet: Packet): void {
    this.write(generate(packet));
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  subscribe(...topics: readonly string[]): void {
    const subscriptions = topics.map((topic) => ({ topic, qos: 1 as const }));
    this.send({ cmd: 'subscribe', messageId: ++this.#messageId, subscriptions });
  }

  publish(topic: string, payload: Uint8Array): void {
    const messageId = ++this.#messageId;
    this.send({ cmd: 'publish', messageId, topic, payload: Buffer.from(payload), qos: 1, retain: false, dup: false });
  }

  publishBatch(gateway: string, lane: Lane, batch: Frames): void {
    this.publish(upTopic(gateway, lane), Buffer.concat([Uint8Array.of(0), encodeBatch(batchOf(batch))]));
  }

  /** Waits until it holds, as packets come and when the connection closes. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await this.#changed.promise;
  }

  /** Says goodbye, so that no last will is published. */
  async disconnect(): Promise<void> {
    if (!this.closed) this.send({ cmd: 'disconnect' });
    this.#socket.end();
    await this.until(() => this.closed);
  }

  /** As when the power goes. */
  async drop(): Promise<void> {
    this.#socket.resetAndDestroy();
    await this.until(() => this.closed);
  }

  #received(topic: string, payload: Buffer): void {
    if (topic.endsWith('/command')) {
      const ask = decodeCommand(payload);
      if (ask.kind === 'raw') this.commands.push(ask.request);
      else this.operations.push(ask.operation);
    } else this.acks.push(decodeAck(payload));
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
