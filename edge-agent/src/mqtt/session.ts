// One MQTT connection (3.1.1 or 5), on mqtt-packet: the codec of MQTT.js without its client.
//
// The client is ours because Weir promises what MQTT.js does not offer (docs/decisions/004): a QoS 1 message is
// acknowledged when it is on disk, many at a time and in order, while further messages are read; and nothing is queued in
// memory behind a dead link. A session does not reconnect: its owner does, with backoff.

import { once } from 'node:events';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { PacketLimit, type LargeMessage } from './packet-limit.ts';
import { parser, writeToStream, type IConnackPacket, type IPublishPacket, type Packet } from 'mqtt-packet';

export interface SessionOptions {
  readonly url: string;
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM, for mqtts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string } | undefined;
  /** 5, or 4 for 3.1.1. */
  readonly protocolVersion: 4 | 5;
  /** Whether the broker forgets what it held for this client. */
  readonly clean: boolean;
  readonly keepaliveS: number;
  /** QoS 1 messages the broker may send without waiting for an ack (MQTT 5 only). */
  readonly receiveMaximum?: number;
  readonly maxPacketBytes: number;
  readonly will?: { readonly topic: string; readonly payload: Uint8Array };
  readonly onMessage: (packet: IPublishPacket) => void;
  /** Ids of QoS 2 messages that are safe and whose release is still to come: kept by the owner from connection to connection. */
  readonly received?: Set<number> | undefined;
  /** A message beyond `maxPacketBytes` was passed over and acknowledged. */
  readonly onTooLarge?: (message: LargeMessage) => void;
}

/** The broker said no: `code` is its reason code. */
export class MqttRefused extends Error {
  override readonly name = 'MqttRefused';
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

// 65,536 buffers, made at the first packet, so that none need be made later: 8 MB that a gateway has better use for.
writeToStream.cacheNumbers = false;

const connectTimeoutMs = 10_000;
/** MQTT 5 reason codes 0x80 and up, and 3.1.1's, in words a person can act on. */
const refusals: Readonly<Record<number, string>> = {
  1: 'the broker does not speak this MQTT version',
  2: 'the broker refuses the client id',
  4: 'wrong user name or password',
  5: 'not authorised: wrong user name, password or key',
  0x84: 'the broker does not speak this MQTT version',
  0x86: 'wrong user name or password',
  0x87: 'not authorised',
};

type Waiting = { resolve: (packet: Packet) => void; reject: (error: Error) => void };

export class MqttSession {
  /** Resolves with the reason when the connection is gone. */
  readonly closed: Promise<Error>;
  readonly #socket: Socket;
  readonly #options: SessionOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #received: Set<number>;
  #connack: ((packet: IConnackPacket) => void) | undefined;
  #nextId = 0;
  #lastHeard = performance.now();
  #closeWith: (error: Error) => void = () => undefined;
  #ping: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, options: SessionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#received = options.received ?? new Set();
    this.closed = new Promise((resolve) => (this.#closeWith = resolve));
    this.#listen();
  }

  /** Connects and waits for the broker's yes. @throws MqttRefused, or the socket's error */
  static async connect(options: SessionOptions, signal: AbortSignal): Promise<MqttSession> {
    const { protocol, hostname, port } = new URL(options.url);
    const secure = protocol === 'mqtts:';
    const target = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? (secure ? 8883 : 1883) : Number(port),
    };
    const socket = secure ? await connectSecurely(target, options.tls) : connectTcp(target);
    const timeout = AbortSignal.timeout(connectTimeoutMs);
    const either = AbortSignal.any([signal, timeout]);
    try {
      await once(socket, secure ? 'secureConnect' : 'connect', { signal: either });
      socket.setNoDelay(true);
      const session = new MqttSession(socket, options);
      await session.#handshake(either);
      return session;
    } catch (error) {
      socket.on('error', () => undefined).destroy();
      if (timeout.aborted && !signal.aborted)
        throw new Error(`no answer from ${options.url} within ${connectTimeoutMs / 1000} s`, { cause: error });
      throw explained(error);
    }
  }

  /** Resolves when the broker has granted every topic. */
  async subscribe(topics: readonly string[], qos: 0 | 1 | 2): Promise<void> {
    const messageId = this.#takeId();
    const answer = await this.#request(messageId, {
      cmd: 'subscribe',
      messageId,
      subscriptions: topics.map((topic) => ({ topic, qos, nl: false, rap: true, rh: 0 })),
    });
    const granted = answer.cmd === 'suback' ? answer.granted : [];
    const refused = topics.filter((_, index) => Number(granted[index] ?? 0x80) >= 0x80);
    if (refused.length > 0) throw new MqttRefused(`the broker refuses to subscribe to ${refused.join(', ')}`, 0x80);
  }

  /** QoS 1: resolves with the broker's PUBACK. */
  async publish(topic: string, payload: Uint8Array, retain = false): Promise<void> {
    const messageId = this.#takeId();
    const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
    await this.#request(messageId, { cmd: 'publish', topic, payload: buffer, qos: 1, dup: false, retain, messageId });
  }

  /** Tells the broker that messages are safe, by their ids. */
  acknowledge(qos1: readonly number[], qos2: readonly number[]): void {
    this.#confirm(0x4002, qos1);
    for (const id of qos2) this.#received.add(id);
    this.#confirm(0x5002, qos2);
  }

  /**
   * Encoded here, thousands in one write: a confirmation of two bytes is the same in both versions, and the codec would hand
   * each to the socket in several pieces.
   */
  #confirm(header: number, messageIds: readonly number[]): void {
    if (this.#socket.destroyed || messageIds.length === 0) return;
    const bytes = Buffer.allocUnsafe(messageIds.length * 4);
    for (const [index, messageId] of messageIds.entries()) {
      bytes.writeUInt16BE(header, index * 4);
      bytes.writeUInt16BE(messageId, index * 4 + 2);
    }
    this.#socket.write(bytes);
  }

  /** Stops reading from the socket: the broker's messages wait at the broker. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Says good-bye: the broker sends no last will. */
  async end(): Promise<void> {
    if (!this.#socket.destroyed) {
      this.#send({ cmd: 'disconnect' });
      this.#socket.end();
      const gone = once(this.#socket, 'close');
      const timer = setTimeout(() => this.#socket.destroy(), 2000);
      await gone.catch(() => undefined);
      clearTimeout(timer);
    }
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #handshake(signal: AbortSignal): Promise<void> {
    const { clientId, username, password, protocolVersion, clean, keepaliveS, receiveMaximum, maxPacketBytes, will } =
      this.#options;
    const answer = new Promise<IConnackPacket>((resolve) => (this.#connack = resolve));
    this.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion,
      clean,
      clientId,
      keepalive: keepaliveS,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password: Buffer.from(password) }),
      ...(will === undefined
        ? {}
        : { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }),
      ...(protocolVersion === 5
        ? {
            properties: {
              receiveMaximum: receiveMaximum ?? 1000,
              maximumPacketSize: maxPacketBytes,
              // The broker keeps the session while the gateway is away; 3.1.1 does so by `clean` alone.
              sessionExpiryInterval: clean ? 0 : 0xffff_ffff,
            },
          }
        : {}),
    });
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
    const connack = await Promise.race([answer, this.closed, aborted]);
    if (connack instanceof Error) throw connack;
    const code =
      (protocolVersion === 5 ? connack.reasonCode : connack.returnCode) ??
      connack.returnCode ??
      connack.reasonCode ??
      0;
    // A broker that has forgotten the session gives ids anew.
    if (!connack.sessionPresent) this.#received.clear();
    if (code !== 0) throw new MqttRefused(refusals[code] ?? `the broker refuses the connection (code ${code})`, code);
    this.#ping = setInterval(() => this.#keepAlive(), (keepaliveS * 1000) / 2);
  }

  #listen(): void {
    const { protocolVersion, maxPacketBytes, onTooLarge } = this.#options;
    const packets = parser({ protocolVersion });
    packets.on('packet', (packet) => this.#receive(packet));
    packets.on('error', (error) => this.#socket.destroy(error));
    const limit = new PacketLimit(maxPacketBytes, (message) => {
      onTooLarge?.(message);
      // It will not get smaller: without an ack the broker would send it again and again.
      if (message.messageId === undefined) return;
      if (message.qos === 2) this.acknowledge([], [message.messageId]);
      else this.acknowledge([message.messageId], []);
    });
    this.#socket.on('data', (chunk) => {
      this.#lastHeard = performance.now();
      try {
        for (const part of limit.filter(chunk)) packets.parse(part);
      } catch (error) {
        this.#socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    this.#socket.on('error', (error) => this.#finish(error));
    this.#socket.on('close', () => this.#finish(new Error('the connection was closed')));
  }

  #receive(packet: Packet): void {
    switch (packet.cmd) {
      case 'connack':
        this.#connack?.(packet);
        return;
      case 'publish':
        // Said again because our word that it is safe was lost.
        if (packet.qos === 2 && packet.dup && this.#received.has(packet.messageId ?? -1))
          this.#confirm(0x5002, [packet.messageId ?? 0]);
        else this.#options.onMessage(packet);
        return;
      case 'pubrel':
        this.#received.delete(packet.messageId ?? -1);
        this.#confirm(0x7002, [packet.messageId ?? 0]);
        return;
      case 'puback':
      case 'suback': {
        const waiting = this.#waiting.get(packet.messageId ?? -1);
        this.#waiting.delete(packet.messageId ?? -1);
        waiting?.resolve(packet);
        return;
      }
      case 'disconnect':
        this.#socket.destroy(new Error(`the broker disconnects (reason ${packet.reasonCode ?? 0})`));
        return;
      default: // pingresp counts as heard; nothing else is asked for
    }
  }

  #request(messageId: number, packet: Packet): Promise<Packet> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(new Error('the connection is closed'));
      this.#waiting.set(messageId, { resolve, reject });
      this.#send(packet);
    });
  }

  #send(packet: Packet): void {
    if (!this.#socket.destroyed)
      writeToStream(packet, this.#socket, { protocolVersion: this.#options.protocolVersion });
  }

  #takeId(): number {
    do this.#nextId = (this.#nextId % 65_535) + 1;
    while (this.#waiting.has(this.#nextId));
    return this.#nextId;
  }

  #keepAlive(): void {
    // A paused socket hears nothing, and that is our doing.
    const silentMs = this.#socket.isPaused() ? 0 : performance.now() - this.#lastHeard;
    if (silentMs > this.#options.keepaliveS * 1500) this.#socket.destroy(new Error('the broker has gone silent'));
    else this.#send({ cmd: 'pingreq' });
  }

  #finish(error: Error): void {
    clearInterval(this.#ping);
    this.#closeWith(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** TLS is loaded when first needed: an agent without it has 8 MB less in memory. */
async function connectSecurely(target: { host: string; port: number }, tls: SessionOptions['tls']): Promise<Socket> {
  const { connect } = await import('node:tls');
  return connect({ ...target, ...tls, ...(isIP(target.host) > 0 ? {} : { servername: target.host }) });
}

/** What TLS refuses, in words a person can act on. */
function explained(error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return new Error("nobody we trust vouches for the broker's certificate: say ca: with the file of its authority", {
        cause: error,
      });
    case 'CERT_HAS_EXPIRED':
      return new Error("the broker's certificate has expired, or the clock of this gateway is wrong", { cause: error });
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return new Error("the broker's certificate is for another name than the one in the address", { cause: error });
    default:
      return error;
  }
}
