import { generate } from 'mqtt-packet';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { AedesBroker } from '../testing/aedes.ts';
import { hasMosquitto, Mosquitto, publisher } from '../testing/mosquitto.ts';
import { freePort, portOf } from '../testing/ports.ts';
import { MqttRefused, MqttSession, type SessionOptions } from './session.ts';

const forever = new AbortController().signal;

function options(url: string, more: Partial<SessionOptions> = {}): SessionOptions {
  return {
    url,
    clientId: 'test',
    protocolVersion: 4,
    clean: true,
    keepaliveS: 30,
    maxPacketBytes: 10_000,
    onMessage: () => undefined,
    ...more,
  };
}

async function open(url: string, more: Partial<SessionOptions> = {}): Promise<MqttSession> {
  const session = await MqttSession.connect(options(url, more), forever);
  onTestFinished(() => session.destroy());
  return session;
}

/** A server that answers as the test says. */
async function server(answer: (socket: Socket) => void): Promise<string> {
  const listening = createServer((socket) => {
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    answer(socket);
  }).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  onTestFinished(() => void listening.close());
  return `mqtt://127.0.0.1:${portOf(listening)}`;
}

const connack = Buffer.from([0x20, 0x02, 0x00, 0x00]);

describe.each([
  ['mosquitto', 4],
  ['mosquitto', 5],
  ['aedes', 4],
] as const)('a session with %s, protocol %d', (name, protocolVersion) => {
  const skip = name === 'mosquitto' && !hasMosquitto;
  const start = (): Promise<{ url: string }> => (name === 'mosquitto' ? Mosquitto.start() : AedesBroker.start());

  it.skipIf(skip)('resolves a publish with the PUBACK of the broker, and gives what it subscribed to', async () => {
    const { url } = await start();
    const received: string[] = [];
    const session = await open(url, {
      protocolVersion,
      onMessage: ({ topic, payload }) => received.push(`${topic}: ${payload.toString()}`),
    });
    await session.subscribe(['a/+', 'b'], 1);
    await Promise.all([
      session.publish('a/x', Buffer.from('1')),
      session.publish('b', Buffer.from('2')),
      session.publish('c', Buffer.from('3')),
    ]);
    await expect.poll(() => received.toSorted()).toEqual(['a/x: 1', 'b: 2']);
  });

  it.skipIf(skip)('says good-bye without a last will, and leaves one when it dies', async () => {
    const { url } = await start();
    const wills: string[] = [];
    const watcher = await open(url, {
      clientId: 'watcher',
      onMessage: ({ payload }) => wills.push(payload.toString()),
    });
    await watcher.subscribe(['will'], 1);
    for (const farewell of ['polite', 'dead']) {
      const session = await open(url, {
        protocolVersion,
        clientId: farewell,
        will: { topic: 'will', payload: Buffer.from(farewell) },
      });
      if (farewell === 'polite') await session.end();
      else session.destroy();
      expect(await session.closed).toBeInstanceOf(Error);
    }
    await expect.poll(() => wills).toEqual(['dead']);
  });
});

describe('a session', () => {
  it.each([
    [1, 'the broker does not speak this MQTT version'],
    [2, 'the broker refuses the client id'],
    [4, 'wrong user name or password'],
    [5, 'not authorised: wrong user name, password or key'],
    [3, 'the broker refuses the connection (code 3)'],
  ])('that is refused with code %i says why', async (code, message) => {
    const url = await server((socket) =>
      socket.once('data', () => socket.write(Buffer.from([0x20, 0x02, 0x00, code]))),
    );
    const refused = await MqttSession.connect(options(url), forever).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(MqttRefused);
    expect(refused).toMatchObject({ message, code });
  });

  it('is not there when nobody listens, or somebody hangs up', async () => {
    const port = await freePort();
    await expect(MqttSession.connect(options(`mqtt://127.0.0.1:${port}`), forever)).rejects.toThrow('ECONNREFUSED');
    const url = await server((socket) => socket.once('data', () => socket.destroy()));
    await expect(MqttSession.connect(options(url), forever)).rejects.toThrow('the connection was closed');
  });

  it('gives up connecting when told to, and closes its socket', async () => {
    let hungUp = false;
    let connected = false;
    const url = await server((socket) => {
      connected = true;
      socket.resume();
      socket.on('close', () => (hungUp = true));
    });
    const end = new AbortController();
    const connecting = MqttSession.connect(options(url), end.signal).catch((error: unknown) => error);
    await expect.poll(() => connected).toBe(true);
    end.abort();
    expect(await connecting).toBeInstanceOf(Error);
    await expect.poll(() => hungUp).toBe(true);
  });

  it('that cannot have a topic says which', async () => {
    const broker = await AedesBroker.start((aedes) => {
      aedes.authorizeSubscribe = (_, subscription, callback) =>
        callback(null, subscription.topic === 'mine' ? subscription : null);
    });
    const session = await open(broker.url);
    await session.subscribe(['mine'], 1);
    await expect(session.subscribe(['mine', 'yours'], 1)).rejects.toThrow('the broker refuses to subscribe to yours');
  });

  it('ends with a sentence when the broker sends what is no MQTT, and rejects who waits', async () => {
    let socketOf: Socket | undefined;
    const url = await server((socket) => {
      socketOf = socket;
      socket.once('data', () => socket.write(connack));
    });
    const session = await open(url);
    const publishing = session.publish('topic', Buffer.from('x')).catch((error: unknown) => error);
    socketOf?.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    expect(await session.closed).toBeInstanceOf(Error);
    expect(await publishing).toBeInstanceOf(Error);
    await expect(session.publish('topic', Buffer.from('x'))).rejects.toThrow('the connection is closed');
  });

  it('passes over a message beyond the limit, acknowledges it, and goes on behind it', async () => {
    const large = generate({
      cmd: 'publish',
      topic: 'big',
      payload: Buffer.alloc(3_000_000),
      qos: 1,
      messageId: 9,
      dup: false,
      retain: false,
    });
    const small = generate({ cmd: 'publish', topic: 'small', payload: 'x', qos: 0, dup: false, retain: false });
    const answers: Buffer[] = [];
    const url = await server((socket) => {
      socket.once('data', () => {
        socket.on('data', (bytes) => answers.push(bytes));
        socket.write(Buffer.concat([connack, large, small]));
      });
    });
    const heard: string[] = [];
    await open(url, {
      maxPacketBytes: 1_000_000,
      onMessage: ({ topic }) => heard.push(topic),
      onTooLarge: ({ topic, bytes }) => heard.push(`${topic}: ${bytes}`),
    });
    await expect.poll(() => heard).toEqual(['big: 3000007', 'small']);
    await expect.poll(() => Buffer.concat(answers)).toEqual(Buffer.from([0x40, 2, 0, 9]));
  });

  it('ends at a packet beyond the limit that is no message', async () => {
    const url = await server((socket) => {
      socket.once('data', () => socket.write(Buffer.concat([connack, Buffer.from([0x90, 0x80, 0x84, 0xaf, 0x5f])])));
    });
    await expect(open(url)).rejects.toThrow('the broker sends a packet of 200000000 bytes');
  });

  it.skipIf(!hasMosquitto)('ends when the broker has gone silent', async () => {
    const broker = await Mosquitto.start();
    const session = await open(broker.url, { keepaliveS: 1 });
    broker.freeze();
    expect((await session.closed).message).toBe('the broker has gone silent');
  });

  it.skipIf(!hasMosquitto)('stays alive while it is paused, and reads on afterwards', async () => {
    const broker = await Mosquitto.start();
    const received: string[] = [];
    const session = await open(broker.url, { onMessage: ({ payload }) => received.push(payload.toString()) });
    await session.subscribe(['topic'], 0);
    session.pause();
    const publish = await publisher(broker.url);
    await publish('topic', 'held back');
    expect(received).toEqual([]);
    session.resume();
    await expect.poll(() => received).toEqual(['held back']);
  });
});
